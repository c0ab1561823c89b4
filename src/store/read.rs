//! What can be read.

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::commit::{ClaimKey, JobKey, JobKind, StreamKind};

/// A record of a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRecord {
    /// From 1.
    pub version: u64,
    /// The moment of its command.
    pub at: Timestamp,
    /// The canonical bytes.
    pub body: Vec<u8>,
}

/// A record with its place in the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedRecord {
    /// From 1, without a gap.
    pub position: u64,
    /// The stream.
    pub stream: Uuid,
    /// The version within the stream.
    pub version: u64,
    /// What the stream is about.
    pub kind: StreamKind,
    /// The moment of its command.
    pub at: Timestamp,
    /// The day it wanted.
    pub wanted_day: Date,
    /// The day it got.
    pub booking_day: Date,
    /// The hash of the chain up to here.
    pub hash: [u8; 32],
    /// The canonical bytes.
    pub body: Vec<u8>,
}

/// A record without its seal, or a seal without its record. This program writes both at once, so somebody else did it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unpaired {
    /// The stream.
    pub stream: Uuid,
    /// The version within the stream.
    pub version: u64,
    /// Whether it is the record that is there; else it is the seal.
    pub has_record: bool,
}

/// A key that is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeldKey {
    /// The key.
    pub key: ClaimKey,
    /// Whom it belongs to.
    pub holder: Uuid,
}

/// Who holds a key, and what was answered under it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// Whom it belongs to.
    pub holder: Uuid,
    /// What was asked under it.
    pub digest: Option<[u8; 32]>,
    /// The answer: HTTP status and version.
    pub answer: Option<(u16, u64)>,
    /// Until when nobody else may go on with it, while it has no answer.
    pub lease_until: Option<Timestamp>,
}

/// A payment as it is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedPayment {
    /// Its id.
    pub id: Uuid,
    /// How many records its stream has.
    pub version: u64,
    /// The name of its state.
    pub state: String,
    /// Its Kassenzeichen.
    pub kassenzeichen: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Since when it has had a call to a provider whose outcome is not settled.
    pub intent_since: Option<Timestamp>,
}

/// Erasable data: only its HMAC is in the log, under a key that is destroyed with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Side {
    /// The payment or refund it belongs to.
    pub id: Uuid,
    /// The portal's reference, to be searched.
    pub reference: Option<String>,
    /// The key of the HMAC.
    pub key: [u8; 32],
    /// The data, as JSON.
    pub body: Vec<u8>,
}

/// A notification that was verified and kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InboxItem {
    /// Our id of it.
    pub id: Uuid,
    /// When it arrived.
    pub received_at: Timestamp,
    /// What became of it.
    pub state: InboxState,
    /// The notification in our words, as JSON.
    pub body: Vec<u8>,
}

/// What became of a notification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InboxState {
    /// It waits to be applied, or for the payment it names.
    Waiting,
    /// It was recorded.
    Applied,
    /// Nothing of ours explains it; a person must look at it.
    Unmatched,
    /// It is of a kind that we have no rule for.
    Uninterpreted,
}

impl InboxState {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Applied => "applied",
            Self::Unmatched => "unmatched",
            Self::Uninterpreted => "uninterpreted",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Applied, Self::Unmatched, Self::Uninterpreted]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// A client of the API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    /// The Mandant it acts for.
    pub tenant: String,
    /// Its id.
    pub id: Uuid,
    /// Its name among people.
    pub name: String,
    /// SHA-256 of its key.
    pub key_hash: [u8; 32],
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its key ceased to work.
    pub revoked_at: Option<Timestamp>,
}

/// The sums of one account on one day.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountDay {
    /// The day.
    pub day: Date,
    /// The account, as text.
    pub account: String,
    /// The currency code.
    pub currency: String,
    /// The sum of debits, in minor units.
    pub debit: i64,
    /// The sum of credits, in minor units.
    pub credit: i64,
}

/// Which payments are wanted.
#[derive(Clone, Debug)]
pub struct ListFilter {
    /// The portal's reference.
    pub reference: Option<String>,
    /// The Kassenzeichen.
    pub kassenzeichen: Option<String>,
    /// The name of the state.
    pub state: Option<String>,
    /// Created at or after.
    pub created_after: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
    /// Only payments before this one.
    pub before: Option<Uuid>,
    /// How many at most.
    pub limit: u32,
}

/// A job that was taken.
#[derive(Clone, Debug)]
pub struct DueJob {
    /// The job.
    pub key: JobKey,
    /// How often it was taken since it was set.
    pub tries: u32,
    /// Proves that the taker still has it.
    pub fence: u64,
}

/// What an operator wants to know about everything that is open.
#[derive(Clone, Debug)]
pub struct OpenQuery {
    /// The moment from which jobs are due.
    pub now: Timestamp,
    /// The Mandanten that are asked about.
    pub tenants: Vec<String>,
    /// Streams whose last record is wanted, each with its Mandant.
    pub last_records: Vec<(String, Uuid)>,
}

/// What is open.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Open {
    /// Payments with a call to a provider whose outcome is not settled.
    pub intents: u64,
    /// Since when the oldest of them has it.
    pub oldest_intent: Option<Timestamp>,
    /// Payments of unknown outcome, one number for each Mandant that was asked about.
    pub unknown: Vec<u64>,
    /// The last position of the log, one for each Mandant that was asked about; 0 where it is empty.
    pub log_heads: Vec<u64>,
    /// The moment of the oldest record without a seal. SQLite seals in the transaction that writes, so there it is none.
    pub oldest_unsealed: Option<Timestamp>,
    /// Jobs that are due, for each kind that has some.
    pub due: Vec<DueCount>,
    /// Every webhook endpoint that something is sent to.
    pub endpoints: Vec<EndpointBehind>,
    /// The last records that were asked for, in the same order.
    pub last_records: Vec<Option<Vec<u8>>>,
}

/// Jobs of a kind that are due and that nobody has taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DueCount {
    /// The kind.
    pub kind: JobKind,
    /// How many.
    pub count: u64,
    /// When the first of them became due.
    pub oldest: Option<Timestamp>,
}

/// What a webhook endpoint has not got yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EndpointBehind {
    /// The Mandant.
    pub tenant: String,
    /// The endpoint.
    pub endpoint: Uuid,
    /// How many records of the log have not been looked at for it.
    pub behind: u64,
    /// The moment of the first of them.
    pub next_record: Option<Timestamp>,
    /// How many events wait for another try.
    pub pending: u64,
    /// When the oldest of them happened.
    pub oldest_pending: Option<Timestamp>,
}
