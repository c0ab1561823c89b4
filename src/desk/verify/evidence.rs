//! What must stand beside the log because the log says so: seals, claims, erasable data, jobs and clients.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::{BATCH, FINDINGS_MAX, Report};
use crate::{
    desk::{
        DeskError, attention,
        change::{self, open_claim_key},
        create::kassenzeichen_key,
        log::{ClientRecord, PaymentRecord},
        side::{self, PaymentSide},
    },
    domain::{event::Event, payment::Payment},
    store::{
        Store,
        commit::{ClaimKey, JobKind, Space},
        read::{Client, HeldKey, SealedRecord, Side},
    },
};

/// What the log wants, gathered while it is read.
#[derive(Default)]
pub(super) struct Evidence {
    /// Who must hold which key.
    claims: BTreeMap<ClaimKey, Uuid>,
    /// Which payments may hold their Kassenzeichen. Only assigned numbers are held, and the log does not say which are.
    numbered: BTreeSet<(ClaimKey, Uuid)>,
    /// The HMAC of everything erasable.
    sides: BTreeMap<Uuid, (Owner, String)>,
    clients: BTreeMap<Uuid, KnownClient>,
}

/// Whose erasable data it is.
#[derive(Clone, Copy)]
enum Owner {
    Payment,
    Refund,
}

impl Owner {
    fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
        }
    }
}

/// A client as its records leave it.
struct KnownClient {
    scopes: Vec<String>,
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

impl Evidence {
    /// Takes up a record of a payment, which left the payment as it is given.
    pub(super) fn payment_record(&mut self, payment: &Payment, body: &PaymentRecord, report: &mut Report) {
        let id = payment.id.0;
        match &body.event {
            Event::Created(terms) => {
                self.hold(open_claim_key(&terms.kassenzeichen), id, report);
                self.numbered.insert((kassenzeichen_key(&terms.kassenzeichen), id));
                self.sides.insert(id, (Owner::Payment, terms.side_mac.clone()));
            }
            Event::RefundRequested { refund, side_mac: Some(mac), .. } => {
                self.sides.insert(refund.0, (Owner::Refund, mac.clone()));
            }
            _ => {}
        }
        for fact in body.entries.iter().filter_map(|entry| entry.money_fact.as_ref()) {
            self.hold(change::money_fact_key(&fact.key()), id, report);
        }
        if let Some(claim) = change::event_claim(payment, &body.event) {
            self.hold(claim.key, claim.holder, report);
        }
        let open_claim = open_claim_key(&payment.terms.kassenzeichen);
        if change::gives_claim_back(payment) && self.claims.get(&open_claim) == Some(&id) {
            self.claims.remove(&open_claim);
        }
    }

    fn hold(&mut self, key: ClaimKey, holder: Uuid, report: &mut Report) {
        if let Some(other) = self.claims.insert(key, holder) {
            report.find(|| format!("payments {other} and {holder} both made {}", named(&key)));
        }
    }

    /// Takes up a record about a client.
    pub(super) fn client_record(&mut self, record: &SealedRecord, report: &mut Report) {
        let position = record.position;
        let Ok(body) = serde_json::from_slice::<ClientRecord>(&record.body) else {
            return report.find(|| format!("position {position}: the record cannot be read"));
        };
        let fits = match body {
            ClientRecord::KeyCreated { client, scopes } => {
                let known = KnownClient { scopes, created_at: record.at, revoked_at: None };
                client == record.stream && self.clients.insert(client, known).is_none()
            }
            ClientRecord::KeyRevoked { client } => match self.clients.get_mut(&client) {
                Some(known) => client == record.stream && known.revoked_at.replace(record.at).is_none(),
                None => false,
            },
        };
        if !fits {
            report.find(|| format!("position {position}: the record does not fit its client"));
        }
    }

    /// Compares everything with the database.
    pub(super) async fn compare(
        mut self,
        store: &dyn Store,
        tenant: &str,
        payments: &BTreeMap<Uuid, Payment>,
        now: Timestamp,
        report: &mut Report,
    ) -> Result<(), DeskError> {
        pairs(store, tenant, report).await?;
        self.held(store, tenant, report).await?;
        self.sides(store, tenant, report).await?;
        self.clients(store, tenant, report).await?;
        jobs(store, tenant, payments, now, report).await
    }

    async fn held(&mut self, store: &dyn Store, tenant: &str, report: &mut Report) -> Result<(), DeskError> {
        let mut after = None;
        loop {
            let page = store.claims(tenant, after, BATCH).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for held in &page {
                self.held_key(held, report);
            }
        }
        for (key, holder) in &self.claims {
            report.find(|| format!("payment {holder} does not hold {}", named(key)));
        }
        Ok(())
    }

    /// Strikes a key off the list of those that must be held.
    fn held_key(&mut self, held: &HeldKey, report: &mut Report) {
        let HeldKey { key, holder } = held;
        match key.space {
            Space::OpenClaim
            | Space::MerchantReference
            | Space::ProviderReference
            | Space::MoneyFact
            | Space::Refund => match self.claims.remove(key) {
                Some(wanted) if wanted == *holder => {}
                Some(wanted) => report.find(|| format!("{holder} holds {} of payment {wanted}", named(key))),
                None => report.find(|| format!("{holder} holds {}, which no record made", named(key))),
            },
            Space::Kassenzeichen => {
                if !self.numbered.contains(&(*key, *holder)) {
                    report.find(|| format!("{holder} holds {}, which no record made", named(key)));
                }
            }
            // They follow from requests and deliveries, which are not in the log.
            Space::Idempotency | Space::Notification | Space::PortalReference | Space::WebhookSlot => {}
        }
    }

    async fn sides(&self, store: &dyn Store, tenant: &str, report: &mut Report) -> Result<(), DeskError> {
        for (id, (owner, mac)) in &self.sides {
            let owner_name = owner.as_str();
            match store.side(tenant, *id).await? {
                None => report.find(|| format!("the data of {owner_name} {id} was erased or deleted")),
                Some(row) if side::mac(&row.key, &row.body) != *mac => {
                    report.find(|| format!("the data of {owner_name} {id} is not what was sealed"));
                }
                Some(row) if !is_found_by_its_reference(*owner, &row) => {
                    report.find(|| format!("{owner_name} {id} is found under another reference than its own"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    async fn clients(&mut self, store: &dyn Store, tenant: &str, report: &mut Report) -> Result<(), DeskError> {
        for row in store.clients(tenant).await? {
            match self.clients.remove(&row.id) {
                None => report.find(|| format!("client {} is in no record", row.id)),
                Some(known) if !known.is(&row) => {
                    report.find(|| format!("client {} is listed otherwise than its records say", row.id));
                }
                Some(_) => {}
            }
        }
        for id in self.clients.keys() {
            report.find(|| format!("client {id} is not listed"));
        }
        Ok(())
    }
}

impl KnownClient {
    fn is(&self, row: &Client) -> bool {
        self.scopes == row.scopes && self.created_at == row.created_at && self.revoked_at == row.revoked_at
    }
}

/// A key in words. It is a hash, so it can only be compared.
fn named(key: &ClaimKey) -> String {
    format!("the {} {}", key.space.as_str(), hex::encode(key.key))
}

/// The column that is searched must say the same as the data that was sealed.
fn is_found_by_its_reference(owner: Owner, row: &Side) -> bool {
    match owner {
        Owner::Payment => {
            side::open::<PaymentSide>(row).is_ok_and(|data| row.reference.as_deref() == Some(data.reference.as_str()))
        }
        Owner::Refund => row.reference.is_none(),
    }
}

/// Every record has a seal and every seal a record: what is not sealed was written by somebody else.
async fn pairs(store: &dyn Store, tenant: &str, report: &mut Report) -> Result<(), DeskError> {
    let limit = u32::try_from(FINDINGS_MAX).unwrap_or(u32::MAX);
    for unpaired in store.unpaired(tenant, limit).await? {
        let (stream, version) = (unpaired.stream, unpaired.version);
        report.find(|| {
            if unpaired.has_record {
                format!("version {version} of {stream} has no seal")
            } else {
                format!("version {version} of {stream} is sealed, but has no record")
            }
        });
    }
    Ok(())
}

/// A payment that must be looked at has a job, else it would be forgotten.
async fn jobs(
    store: &dyn Store,
    tenant: &str,
    payments: &BTreeMap<Uuid, Payment>,
    now: Timestamp,
    report: &mut Report,
) -> Result<(), DeskError> {
    let mut looked_after = BTreeSet::new();
    let mut after = None;
    loop {
        let page = store.jobs(tenant, JobKind::Payment, after, BATCH).await?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        looked_after.extend(page);
    }
    for (id, payment) in payments {
        if attention::needs_job(payment, now) && !looked_after.contains(id) {
            report.find(|| format!("payment {id} is {}, and no job looks after it", payment.state.as_str()));
        }
    }
    Ok(())
}
