//! What is allowed in settings, and may still surprise whoever wrote them.

use crate::domain::{
    fee_schedule::Fee,
    tenant::{Authority, Tenant},
};

/// Each surprise of a Mandant in one sentence.
pub(super) fn of(tenant: &Tenant) -> Vec<String> {
    let chained = tenant.services.values().filter(|service| !service.approval_chain.is_empty());
    let mut notes: Vec<String> = chained
        .map(|service| {
            let id = service.id.as_str();
            format!(
                "service {id}: has an approval chain, and this release has no persons yet: refunds of this service stay \
                 requested"
            )
        })
        .collect();
    notes.extend(addresses(&tenant.authority));
    notes.extend(contact(&tenant.authority));
    notes.extend(tenant.fees.fees().flat_map(gaps));
    notes
}

/// The addresses that the pages for citizens have to link, and do not.
fn addresses(authority: &Authority) -> impl Iterator<Item = String> {
    let linked = [
        ("imprint_url", "the imprint", &authority.imprint_url),
        ("privacy_url", "what happens with personal data", &authority.privacy_url),
        ("accessibility_url", "the declaration about accessibility", &authority.accessibility_url),
    ];
    let missing = linked.into_iter().filter(|(_, _, url)| url.is_none());
    missing.map(|(key, what, _)| format!("there is no {key}: the pages for citizens link nothing for {what}"))
}

/// Pages tell people to call or write; somebody who does not hear needs the second.
fn contact(authority: &Authority) -> Option<String> {
    let ways = authority.telephone.is_some() && authority.email.is_some();
    (!ways).then(|| "there is no telephone or no email: the pages for citizens cannot name both ways to ask".to_owned())
}

/// The days between two versions of a fee on which it cannot be charged.
fn gaps(fee: &Fee) -> impl Iterator<Item = String> {
    let gap = |pair: &[crate::domain::fee_schedule::FeeVersionRule]| {
        let [earlier, later] = pair else { return None };
        let (to, from) = (earlier.valid_to()?, later.valid_from()?);
        let gapless = to.tomorrow().is_ok_and(|next| next == from);
        let key = fee.key.as_str();
        (!gapless).then(|| format!("fee {key}: has no price after {to} and before {from}"))
    };
    fee.versions.all().windows(2).filter_map(gap)
}
