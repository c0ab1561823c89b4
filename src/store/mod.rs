//! The storage port: a few reads and one write that is data, not a closure.
//!
//! [`commit::Commit`] says everything that is to become true at once, with every precondition as an insert under a
//! unique key. [`read`] has what can be read. Engines live beside: [`sqlite`].

pub mod commit;
pub mod read;
mod rows;
pub mod sqlite;
pub mod webhook;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use self::{
    commit::{ClaimKey, Commit, JobKey, JobKind, Outcome},
    read::{
        AccountDay, Claim, Client, DueJob, HeldKey, InboxItem, ListFilter, ListedPayment, Open, OpenQuery,
        SealedRecord, Side, StoredRecord, Unpaired,
    },
    webhook::{Backlog, Delivery, DeliveryFilter, WebhookEndpoint},
};
use crate::metrics::{ErrorKind, StoreFigures};

/// A storage engine. Every read sees every commit that was answered before it began.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes everything in `commit` true, or nothing of it.
    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError>;

    /// The records of a stream in the order of their versions.
    async fn stream(&self, tenant: &str, stream: Uuid) -> Result<Vec<StoredRecord>, StoreError>;
    /// The records of a stream and the erasable data beside it, in one go.
    async fn dossier(&self, tenant: &str, stream: Uuid) -> Result<(Vec<StoredRecord>, Option<Side>), StoreError>;
    /// The erasable data of a payment or refund.
    async fn side(&self, tenant: &str, id: Uuid) -> Result<Option<Side>, StoreError>;
    /// Who holds a key.
    async fn claim(&self, tenant: &str, key: &ClaimKey) -> Result<Option<Claim>, StoreError>;
    /// Payments, newest first, at most `filter.limit`.
    async fn payments(&self, tenant: &str, filter: &ListFilter) -> Result<Vec<ListedPayment>, StoreError>;
    /// The sealed log after a position, at most `limit` records.
    async fn log(&self, tenant: &str, after: u64, limit: u32) -> Result<Vec<SealedRecord>, StoreError>;
    /// The last position of the sealed log, 0 where it is empty.
    async fn last_position(&self, tenant: &str) -> Result<u64, StoreError>;
    /// The booking day of a record, once it is sealed.
    async fn booking_day(
        &self,
        tenant: &str,
        stream: Uuid,
        version: u64,
    ) -> Result<Option<jiff::civil::Date>, StoreError>;
    /// The sums per account and day.
    async fn account_days(&self, tenant: &str) -> Result<Vec<AccountDay>, StoreError>;
    /// A kept notification.
    async fn inbox_item(&self, tenant: &str, id: Uuid) -> Result<Option<InboxItem>, StoreError>;
    /// The client whose key has this hash, revoked or not.
    async fn client_by_key(&self, key_hash: [u8; 32]) -> Result<Option<Client>, StoreError>;
    /// All clients of a Mandant, oldest first.
    async fn clients(&self, tenant: &str) -> Result<Vec<Client>, StoreError>;

    /// All webhook endpoints of a Mandant, oldest first.
    async fn webhook_endpoints(&self, tenant: &str) -> Result<Vec<WebhookEndpoint>, StoreError>;
    /// A webhook endpoint.
    async fn webhook_endpoint(&self, tenant: &str, id: Uuid) -> Result<Option<WebhookEndpoint>, StoreError>;
    /// What was sent to a webhook endpoint, newest first.
    async fn deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError>;
    /// One event for a webhook endpoint.
    async fn delivery(&self, tenant: &str, endpoint: Uuid, id: Uuid) -> Result<Option<Delivery>, StoreError>;
    /// What is to be tried again by a moment, the longest due first, at most `limit`.
    async fn due_deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        by: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError>;
    /// How much waits for another try.
    async fn backlog(&self, tenant: &str, endpoint: Uuid) -> Result<Backlog, StoreError>;

    /// The names of all Mandanten that any table knows, in order.
    async fn tenants(&self) -> Result<Vec<String>, StoreError>;
    /// Records without a seal and seals without a record, at most `limit`.
    async fn unpaired(&self, tenant: &str, limit: u32) -> Result<Vec<Unpaired>, StoreError>;
    /// The keys that are held, by space and key, after one of them, at most `limit`.
    async fn claims(&self, tenant: &str, after: Option<ClaimKey>, limit: u32) -> Result<Vec<HeldKey>, StoreError>;
    /// What the jobs of a kind look after, in order, after one of them, at most `limit`.
    async fn jobs(&self, tenant: &str, kind: JobKind, after: Option<Uuid>, limit: u32)
    -> Result<Vec<Uuid>, StoreError>;

    /// Takes at most `limit` jobs that have an end and are due, each with a lease and a new fence.
    async fn claim_jobs(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueJob>, StoreError>;
    /// Takes at most `limit` webhook endpoints that nobody looks after, as [`Store::claim_jobs`] takes what has an end.
    async fn claim_endpoints(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueJob>, StoreError>;
    /// Gives a job back, to be due again; without effect when the fence is lost.
    async fn postpone_job(&self, job: &JobKey, fence: u64, due_at: Timestamp) -> Result<(), StoreError>;
    /// When the next job that has an end is due, if there is one.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// What is open at this moment, for operators.
    async fn open_work(&self, query: &OpenQuery) -> Result<Open, StoreError>;
    /// What the engine counts about itself.
    fn figures(&self) -> &StoreFigures;

    /// Finishes what is queued and leaves the database in one piece, so that a copy of it is a copy of everything.
    async fn close(&self) -> Result<(), StoreError>;
}

/// Why the store could not answer. Nothing of a commit that fails so was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the database is full.
    #[error("the storage is full")]
    Full,
    /// The engine is shutting down, or its writer has died.
    #[error("the storage is not available")]
    Unavailable,
    /// More work is queued than the engine takes, or another process keeps the database to itself.
    #[error("the storage is busy")]
    Busy,
    /// A row does not parse; it was not written by this program.
    #[error("table {table}, column {column}, row with {row}: unreadable")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The key of the row.
        row: String,
    },
    /// A write touched another number of rows than it must.
    #[error("table {table}: {actual} rows written instead of {expected}")]
    RowsAffected {
        /// The table.
        table: &'static str,
        /// What must be touched.
        expected: usize,
        /// What was touched.
        actual: usize,
    },
    /// The database was made by a newer program that this one is too old for.
    #[error("the database has schema {found}, which needs a program of at least schema {needed}; this one has {ours}")]
    TooNew {
        /// The schema of the database.
        found: u32,
        /// The oldest program it still serves.
        needed: u32,
        /// The schema of this program.
        ours: u32,
    },
    /// The database has no schema, or an older one than this program needs.
    #[error("the database has schema {found}, this program needs {ours}: run `zahlstelle migrate`")]
    TooOld {
        /// The schema of the database, 0 when it has none.
        found: u32,
        /// The schema of this program.
        ours: u32,
    },
    /// The migrations could not be applied.
    #[error("the database could not be migrated")]
    Migration(#[source] Box<refinery::Error>),
    /// The database engine failed.
    #[error("the database failed")]
    Sqlite(#[source] rusqlite::Error),
}

impl StoreError {
    /// The kind it is counted under.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Full => ErrorKind::Full,
            Self::Busy => ErrorKind::Busy,
            Self::Unavailable => ErrorKind::Unavailable,
            Self::Inconsistent { .. }
            | Self::RowsAffected { .. }
            | Self::TooNew { .. }
            | Self::TooOld { .. }
            | Self::Migration(_)
            | Self::Sqlite(_) => ErrorKind::Failed,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    /// A full disk and a busy database are answers of their own: one is for the operator, the other passes.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            // Another process was writing for longer than we wait.
            Some(rusqlite::ErrorCode::DatabaseBusy) => Self::Busy,
            _ => Self::Sqlite(error),
        }
    }
}
