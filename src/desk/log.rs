//! What a record of the log looks like as bytes. `docs/journal.md` specifies it for auditors.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    domain::{
        event::{Event, Recorded},
        ids::PaymentId,
        payment::Payment,
    },
    ledger::{
        account::Account,
        entry::{Entry, EntryError},
    },
    store::{commit::NewRecord, read::StoredRecord},
};

use super::DeskError;

/// The body of a payment's record: what happened, and what that did to the books.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PaymentRecord {
    /// What happened.
    pub event: Event,
    /// What it did to the books.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
}

/// The body of a record about blocks of Kassenzeichen numbers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NumbersRecord {
    /// An instance took a block of a range; what it does not use stays void.
    BlockLeased { range: String, first: u64, last: u64, instance: String },
}

/// The body of a record about a client of the API.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientRecord {
    /// A client got a key.
    KeyCreated { client: Uuid, scopes: Vec<String> },
    /// A key ceased to work.
    KeyRevoked { client: Uuid },
}

/// The body of a record about a webhook endpoint. Of its address only the origin is told, with the digest of the whole:
/// a path or query may hold what must not stay for ever.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WebhookRecord {
    /// A client made an endpoint. `events` are the types it gets, all where there are none; `master` is the fingerprint of
    /// the key from which its first secret is derived.
    EndpointCreated { client: Uuid, slot: u32, target: WebhookTarget, generation: u32, master: String },
    /// A client changed what is sent, or where, or whether.
    EndpointChanged { client: Uuid, target: WebhookTarget, enabled: bool },
    /// A client made a new secret; the former ones sign for so many seconds more.
    SecretRotated { client: Uuid, generation: u32, master: String, expire_old_after_seconds: u32 },
    /// A client had a part of the log sent once more.
    ReplayOrdered { client: Uuid, after: u64, until: u64 },
    /// The endpoint said that it is gone for good.
    EndpointGone,
    /// A client deleted the endpoint.
    EndpointDeleted { client: Uuid },
}

/// Where events are sent, and which.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WebhookTarget {
    /// Scheme, host and port.
    pub origin: String,
    /// SHA-256 of the whole address, in hexadecimal.
    pub url_digest: String,
    /// The types of events; all where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

/// The record of an event, with the entries that follow from it.
pub fn payment_record(event: &Event, entries: Vec<Entry>) -> Result<NewRecord, DeskError> {
    let legs: Vec<(Account, _)> =
        entries.iter().flat_map(|entry| &entry.legs).map(|leg| (leg.account.clone(), leg.amount)).collect();
    let body = serde_json::to_vec(&PaymentRecord { event: event.clone(), entries })?;
    Ok(NewRecord { body, legs, wanted_day: None })
}

/// A record without entries.
pub fn plain_record(body: &impl Serialize) -> Result<NewRecord, DeskError> {
    Ok(NewRecord { body: serde_json::to_vec(body)?, legs: Vec::new(), wanted_day: None })
}

/// The event of a stored record.
pub fn recorded(record: &StoredRecord) -> Result<Recorded, DeskError> {
    let body: PaymentRecord = serde_json::from_slice(&record.body)?;
    Ok(Recorded { at: record.at, event: body.event })
}

/// The payment that a stream makes up to a version.
pub fn replay(id: PaymentId, stream: &[StoredRecord], up_to: u64) -> Result<Option<Payment>, DeskError> {
    let events: Vec<Recorded> =
        stream.iter().filter(|record| record.version <= up_to).map(recorded).collect::<Result<_, _>>()?;
    Ok(Payment::replay(id, &events)?)
}

/// The entries of every event, applied one after the other, and the payment after them.
pub fn post(
    before: Option<Payment>,
    id: PaymentId,
    events: &[Event],
    at: Timestamp,
) -> Result<(Vec<Vec<Entry>>, Option<Payment>), DeskError> {
    let mut payment = before;
    let mut posted = Vec::with_capacity(events.len());
    for event in events {
        posted.push(entries(payment.as_ref(), event)?);
        match payment.as_mut() {
            Some(payment) => payment.apply(event, at)?,
            None => payment = Some(Payment::create(id, &Recorded { at, event: event.clone() })?),
        }
    }
    Ok((posted, payment))
}

fn entries(before: Option<&Payment>, event: &Event) -> Result<Vec<Entry>, EntryError> {
    crate::ledger::posting::entries(before, event)
}
