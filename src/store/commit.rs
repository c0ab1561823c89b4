//! The one write: everything that is to become true at once, as data.

use jiff::{Timestamp, civil::Date};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zahlstelle_contract::money::Money;

use crate::ledger::account::Account;

use super::{
    read::{Client, InboxItem, ListedPayment, Side},
    webhook::WebhookRow,
};

/// Everything that is to become true at once, for one Mandant.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Drawn once per command and kept through every new decision, so that a commit whose answer was lost is recognised.
    pub command: Uuid,
    /// The Mandant.
    pub tenant: String,
    /// The moment of the command.
    pub at: Timestamp,
    /// Records to be appended, at most one batch a stream.
    pub appends: Vec<Append>,
    /// Keys to be taken; each must be free.
    pub claims: Vec<NewClaim>,
    /// Answers to be noted under claims that this commit or an earlier one of the same command took.
    pub answers: Vec<Answer>,
    /// Leases to be taken over from whoever let them run out.
    pub takeovers: Vec<Takeover>,
    /// Keys to be given back, each by its holder.
    pub released: Vec<(ClaimKey, Uuid)>,
    /// Read models after these events, replaced whole.
    pub rows: Vec<Row>,
    /// Jobs to be set, moved or ended.
    pub jobs: Vec<JobChange>,
    /// Whether it waits behind interactive commits.
    pub bulk: bool,
}

impl Commit {
    /// A commit that does nothing yet.
    pub fn new(command: Uuid, tenant: impl Into<String>, at: Timestamp) -> Self {
        Self {
            command,
            tenant: tenant.into(),
            at,
            appends: Vec::new(),
            claims: Vec::new(),
            answers: Vec::new(),
            takeovers: Vec::new(),
            released: Vec::new(),
            rows: Vec::new(),
            jobs: Vec::new(),
            bulk: false,
        }
    }
}

/// Records for one stream.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream.
    pub stream: Uuid,
    /// How many records it has; the next one gets the version after it.
    pub expected_version: u64,
    /// What the stream is about.
    pub kind: StreamKind,
    /// The records, in order.
    pub records: Vec<NewRecord>,
}

/// What a stream is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StreamKind {
    /// A payment.
    Payment,
    /// Blocks of Kassenzeichen numbers of one range.
    Numbers,
    /// A client of the API and its privileged acts.
    Client,
    /// A webhook endpoint and what was set of it.
    Webhook,
}

impl StreamKind {
    /// The name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Numbers => "numbers",
            Self::Client => "client",
            Self::Webhook => "webhook",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Payment, Self::Numbers, Self::Client, Self::Webhook].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One record: its canonical bytes, and its legs for the sums that the sealer keeps.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// The canonical bytes.
    pub body: Vec<u8>,
    /// The legs of all its entries.
    pub legs: Vec<(Account, Money)>,
    /// The day it wants; `None` for the day of the commit.
    pub wanted_day: Option<Date>,
}

/// Where a key must be unique.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Space {
    /// Idempotency keys of clients.
    Idempotency,
    /// Kassenzeichen that were given out.
    Kassenzeichen,
    /// Claims that are being paid or are paid.
    OpenClaim,
    /// Our names of attempts at providers.
    MerchantReference,
    /// The providers' names of payments.
    ProviderReference,
    /// Notifications that were taken.
    Notification,
    /// Facts about money that were posted.
    MoneyFact,
    /// Refunds, to find their payment.
    Refund,
    /// Portal references of services that allow one payment each.
    PortalReference,
    /// The places that a Mandant has for webhook endpoints.
    WebhookSlot,
}

impl Space {
    /// The number in the database; numbers of retired spaces stay reserved.
    pub fn number(self) -> i64 {
        match self {
            Self::Idempotency => 1,
            Self::Kassenzeichen => 2,
            Self::OpenClaim => 3,
            Self::MerchantReference => 4,
            Self::ProviderReference => 5,
            Self::Notification => 6,
            Self::MoneyFact => 7,
            Self::Refund => 8,
            Self::PortalReference => 9,
            Self::WebhookSlot => 10,
        }
    }

    /// The space of this number.
    pub fn from_number(number: i64) -> Option<Self> {
        [
            Self::Idempotency,
            Self::Kassenzeichen,
            Self::OpenClaim,
            Self::MerchantReference,
            Self::ProviderReference,
            Self::Notification,
            Self::MoneyFact,
            Self::Refund,
            Self::PortalReference,
            Self::WebhookSlot,
        ]
        .into_iter()
        .find(|space| space.number() == number)
    }

    /// What is unique in it, in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idempotency => "idempotency key",
            Self::Kassenzeichen => "Kassenzeichen",
            Self::OpenClaim => "open claim",
            Self::MerchantReference => "merchant reference",
            Self::ProviderReference => "provider reference",
            Self::Notification => "notification",
            Self::MoneyFact => "fact about money",
            Self::Refund => "refund",
            Self::PortalReference => "portal reference",
            Self::WebhookSlot => "place of a webhook endpoint",
        }
    }
}

/// A key in a space: 16 bytes of SHA-256 over its parts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ClaimKey {
    /// The space.
    pub space: Space,
    /// The hashed key.
    pub key: [u8; 16],
}

impl ClaimKey {
    /// The key made of `parts`; each part is hashed with its length, so that no two lists of parts look the same.
    pub fn new(space: Space, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(digest.split_at(16).0);
        Self { space, key }
    }
}

/// A key to be taken.
#[derive(Clone, Debug)]
pub struct NewClaim {
    /// The key.
    pub key: ClaimKey,
    /// Whom it belongs to.
    pub holder: Uuid,
    /// What was asked under it.
    pub digest: Option<[u8; 32]>,
    /// Until when nobody else may go on with it, while it has no answer.
    pub lease_until: Option<Timestamp>,
    /// The answer, when it is known at once: HTTP status and version of the holder's stream.
    pub answer: Option<(u16, u64)>,
    /// Whose place it takes, if the key is not free but this one's; whoever else holds it keeps it.
    pub instead_of: Option<Uuid>,
}

impl NewClaim {
    /// A key that simply belongs to somebody.
    pub fn of(key: ClaimKey, holder: Uuid) -> Self {
        Self { key, holder, digest: None, lease_until: None, answer: None, instead_of: None }
    }
}

/// The answer given under a key: a status, and the version of the object that was shown.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The key.
    pub key: ClaimKey,
    /// The HTTP status.
    pub status: u16,
    /// The version of the holder's stream.
    pub version: u64,
}

/// A lease to be taken over.
#[derive(Clone, Copy, Debug)]
pub struct Takeover {
    /// The key.
    pub key: ClaimKey,
    /// The lease that ran out.
    pub expected_lease: Timestamp,
    /// The new one.
    pub lease_until: Timestamp,
}

/// A read model, replaced whole.
#[derive(Clone, Debug)]
pub enum Row {
    /// A payment to be listed.
    Payment(ListedPayment),
    /// Erasable data.
    Side(Side),
    /// A kept notification.
    Inbox(InboxItem),
    /// A client of the API.
    Client(Client),
    /// A webhook endpoint or a delivery to one.
    Webhook(WebhookRow),
}

/// What a job looks after.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum JobKind {
    /// A payment that needs attention.
    Payment,
    /// A notification that must be applied.
    Notification,
    /// A webhook endpoint. It has no end: whoever takes it keeps it, and renews the lease.
    Endpoint,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Payment, Self::Notification, Self::Endpoint];

    /// The number in the database.
    pub fn number(self) -> i64 {
        match self {
            Self::Payment => 1,
            Self::Notification => 2,
            Self::Endpoint => 3,
        }
    }

    /// The name in metrics and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Notification => "notification",
            Self::Endpoint => "endpoint",
        }
    }

    /// The kind of this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// One job; there is at most one of a kind for a subject.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct JobKey {
    /// The Mandant.
    pub tenant: String,
    /// What it looks after.
    pub kind: JobKind,
    /// The payment, notification or endpoint.
    pub subject: Uuid,
}

/// What becomes of a job.
#[derive(Clone, Debug)]
pub enum JobChange {
    /// It is due then. Its count of tries begins anew, and whoever had taken it loses it.
    Set {
        /// What it looks after.
        kind: JobKind,
        /// The payment or notification.
        subject: Uuid,
        /// When.
        due_at: Timestamp,
    },
    /// It has nothing more to do.
    End {
        /// What it looks after.
        kind: JobKind,
        /// The payment or notification.
        subject: Uuid,
    },
    /// It has nothing more to do, says who took it; refused when it was given to somebody else.
    EndTaken {
        /// What it looks after.
        kind: JobKind,
        /// The payment or notification.
        subject: Uuid,
        /// Proves that the taker still has it.
        fence: u64,
    },
    /// Whoever took it goes on with it; refused when it was given to somebody else.
    Renew {
        /// What it looks after.
        kind: JobKind,
        /// The endpoint.
        subject: Uuid,
        /// Proves that the taker still has it.
        fence: u64,
        /// When somebody else may take it.
        due_at: Timestamp,
    },
}

/// What became of a commit. In every case but the first, nothing was written by it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Everything is true.
    Committed,
    /// It was true already: the same command had been committed before.
    AlreadyCommitted,
    /// Somebody else appended to the stream first.
    Stale(Uuid),
    /// A key is taken.
    Taken(Box<Taken>),
    /// The job was given to somebody else.
    FenceLost,
}

/// A key that somebody else holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Taken {
    /// The key.
    pub key: ClaimKey,
    /// Who holds it and what was answered under it.
    pub claim: super::read::Claim,
}
