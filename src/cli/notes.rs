//! What is allowed in settings, and may still surprise whoever wrote them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::{
    config::{Config, Database},
    domain::{
        fee_schedule::Fee,
        tenant::{Authority, Tenant},
    },
};

/// The bit of a file's mode by which whoever is neither its owner nor of its group may read it.
const READABLE_BY_OTHERS: u32 = 0o004;

/// Each surprise of what all Mandanten share in one sentence.
pub(super) fn of_service(config: &Config) -> Vec<String> {
    let without_key = config.webhooks.master_keys.is_empty();
    let keys = without_key.then(|| "no [webhooks] master_keys: no webhook endpoint can be made".to_owned());
    exposed(config).into_iter().chain(keys).collect()
}

/// The files that everybody on this machine may read, and nobody should: a database holds the tokens of citizens' pages. A
/// group is left alone, since that is how a service is let read a key that another program renews.
pub(super) fn exposed(config: &Config) -> Vec<String> {
    let database = match &config.database {
        Database::File(path) => Some(("the database", path.as_path())),
        Database::Memory => None,
    };
    let key = config.tls.as_ref().map(|tls| ("the private key", tls.private_key.as_path()));
    let files = database.into_iter().chain(key).filter(|(_, path)| is_exposed(path));
    let note = |(what, path): (&str, &Path)| {
        let path = path.display();
        format!("{what} {path} can be read by every user of this machine; `chmod o= {path}` ends that")
    };
    files.map(note).collect()
}

/// A file that is not there is none: the database may still have to be made, and a key is missed elsewhere.
fn is_exposed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & READABLE_BY_OTHERS != 0)
}

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
