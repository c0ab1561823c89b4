//! The engine on threads: one writer that takes what is queued and commits it at once, and a few readers.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;
use uuid::Uuid;

use super::{core::Core, schema};
use crate::metrics::{CommitResult, Queue, Stopwatch, StoreFigures};
use crate::store::{
    Store, StoreError,
    commit::{ClaimKey, Commit, JobKey, JobKind, Outcome},
    read::{
        AccountDay, Claim, Client, DueJob, HeldKey, InboxItem, ListFilter, ListedPayment, Open, OpenQuery,
        SealedRecord, Side, StoredRecord, Unpaired,
    },
    rows::{
        account_day, claim, client, inbox, job, open, payment, record, seal, side, webhook_delivery, webhook_endpoint,
    },
    webhook::{Backlog, Delivery, DeliveryFilter, WebhookEndpoint},
};

/// How many writes may wait; beyond it the store says that it is busy.
const WRITES_QUEUED_MAX: usize = 4_096;
/// How many reads may wait.
const READS_QUEUED_MAX: usize = 4_096;
/// How many commits are written in one transaction at most.
const GROUP_COMMITS_MAX: usize = 512;
/// How many rows bulk commits write in one transaction, about: while it lasts, interactive ones wait.
const BULK_ROWS_MAX: usize = 500;
/// How many threads read beside the writer.
const READERS: usize = 4;

/// SQLite on threads. Dropping it ends them once what is queued is done.
#[derive(Debug)]
pub struct SqliteStore {
    writer: mpsc::Sender<Write>,
    reader: mpsc::Sender<Read>,
    figures: StoreFigures,
}

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// A commit with whoever waits for its outcome.
type Waiting = (Commit, oneshot::Sender<Result<Outcome, StoreError>>);

enum Write {
    Commit(Box<Commit>, oneshot::Sender<Result<Outcome, StoreError>>),
    Other(Box<dyn FnOnce(&mut Core) + Send>),
}

impl SqliteStore {
    /// Opens a database on disk that is up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::start(Core::open(Some(path))?, Some(path))
    }

    /// Opens a database on disk and brings it up to date.
    pub fn migrate(path: &Path) -> Result<Self, StoreError> {
        Self::start(Core::migrate(Some(path))?, Some(path))
    }

    /// A database in memory that ends with the store. Its one connection reads, too.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::start(Core::migrate(None)?, None)
    }

    fn start(core: Core, path: Option<&Path>) -> Result<Self, StoreError> {
        let (writer, write_queue) = mpsc::channel(WRITES_QUEUED_MAX);
        let (reader, read_queue) = mpsc::channel(READS_QUEUED_MAX);
        let figures = StoreFigures::default();
        let counted = figures.clone();
        spawn("sqlite-writer", move || run_writer(core, write_queue, &counted))?;
        if let Some(path) = path {
            start_readers(path, read_queue)?;
        } else {
            let writer = writer.clone();
            spawn("sqlite-reader", move || run_reader_through_writer(read_queue, &writer))?;
        }
        Ok(Self { writer, reader, figures })
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Read = Box::new(move |connection| {
            // Whoever asked may have gone; then nobody needs the answer.
            let _ = answer.send(read(connection));
        });
        let sent = self.reader.try_send(job).map_err(|error| queue_error(&error));
        self.answer(sent, answered).await
    }

    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Core) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Write::Other(Box::new(move |core| {
            let _ = answer.send(write(core));
        }));
        let sent = self.writer.try_send(job).map_err(|error| queue_error(&error));
        self.answer(sent, answered).await
    }

    /// Waits for the answer to what was sent, and counts what could not be answered.
    async fn answer<T>(
        &self,
        sent: Result<(), StoreError>,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let answer = match sent {
            Ok(()) => answered.await.unwrap_or(Err(StoreError::Unavailable)),
            Err(error) => Err(error),
        };
        answer.inspect_err(|error| self.figures.failed(error.kind()))
    }
}

fn queue_error<T>(error: &mpsc::error::TrySendError<T>) -> StoreError {
    match error {
        mpsc::error::TrySendError::Full(_) => StoreError::Busy,
        mpsc::error::TrySendError::Closed(_) => StoreError::Unavailable,
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop).map_err(|_| StoreError::Unavailable)
}

fn start_readers(path: &Path, reads: mpsc::Receiver<Read>) -> Result<(), StoreError> {
    let reads = Arc::new(Mutex::new(reads));
    for number in 1..=READERS {
        let connection = schema::open_reader(&PathBuf::from(path))?;
        let reads = Arc::clone(&reads);
        spawn(&format!("sqlite-reader-{number}"), move || run_reader(&connection, &reads))?;
    }
    Ok(())
}

fn run_reader(connection: &Connection, reads: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        // The lock is held while waiting, so that one idle reader waits for work and the others for it.
        let next = reads.lock().ok().and_then(|mut reads| reads.blocking_recv());
        match next {
            Some(read) => read(connection),
            None => return,
        }
    }
}

fn run_reader_through_writer(mut reads: mpsc::Receiver<Read>, writer: &mpsc::Sender<Write>) {
    while let Some(read) = reads.blocking_recv() {
        if writer.blocking_send(Write::Other(Box::new(move |core| read(core.connection())))).is_err() {
            return;
        }
    }
}

/// Takes everything that is queued as one group. Bulk commits wait until no interactive one is left.
fn run_writer(mut core: Core, mut writes: mpsc::Receiver<Write>, figures: &StoreFigures) {
    let mut bulk = std::collections::VecDeque::new();
    loop {
        let first = if bulk.is_empty() { writes.blocking_recv() } else { writes.try_recv().ok() };
        let mut group = Vec::new();
        let mut next = first;
        while let Some(write) = next {
            match write {
                Write::Commit(commit, answer) if commit.bulk => bulk.push_back((*commit, answer)),
                Write::Commit(commit, answer) => group.push((*commit, answer)),
                Write::Other(run) => {
                    commit_group(&mut core, std::mem::take(&mut group), figures);
                    run(&mut core);
                }
            }
            next = if group.len() < GROUP_COMMITS_MAX { writes.try_recv().ok() } else { None };
        }
        if group.is_empty() {
            let mut rows = 0;
            while rows < BULK_ROWS_MAX {
                let Some(waiting) = bulk.pop_front() else { break };
                rows = rows.saturating_add(weight(&waiting.0));
                group.push(waiting);
            }
        }
        if group.is_empty() {
            if writes.is_closed() && writes.is_empty() {
                return;
            }
            continue;
        }
        commit_group(&mut core, group, figures);
    }
}

/// About how many rows a commit writes, and never none.
fn weight(commit: &Commit) -> usize {
    let records: usize = commit.appends.iter().map(|append| append.records.len()).sum();
    records.saturating_add(commit.rows.len()).saturating_add(commit.claims.len()).saturating_add(1)
}

fn commit_group(core: &mut Core, group: Vec<Waiting>, figures: &StoreFigures) {
    if group.is_empty() {
        return;
    }
    let (commits, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    let stopwatch = Stopwatch::start();
    match core.apply(&commits) {
        Ok(outcomes) => {
            figures.wrote_group(commits.len(), stopwatch.elapsed());
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Whoever asked may have gone; the commit stands all the same.
                let _ = answer.send(Ok(outcome));
            }
        }
        // One bad commit must not fail its neighbours, so each is tried alone.
        Err(_) if commits.len() > 1 => {
            for waiting in commits.into_iter().zip(answers) {
                commit_group(core, vec![waiting], figures);
            }
        }
        Err(error) => {
            if let Some(answer) = answers.into_iter().next() {
                let _ = answer.send(Err(error));
            }
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.writer.try_send(Write::Commit(Box::new(commit), answer)).map_err(|error| queue_error(&error));
        let outcome = self.answer(sent, answered).instrument(tracing::debug_span!("commit")).await;
        self.figures.committed(match &outcome {
            Ok(Outcome::Committed) => CommitResult::Committed,
            Ok(Outcome::AlreadyCommitted) => CommitResult::AlreadyCommitted,
            Ok(Outcome::Stale(_)) => CommitResult::Stale,
            Ok(Outcome::Taken(_)) => CommitResult::Taken,
            Ok(Outcome::FenceLost) => CommitResult::FenceLost,
            Err(_) => CommitResult::Failed,
        });
        outcome
    }

    async fn stream(&self, tenant: &str, stream: Uuid) -> Result<Vec<StoredRecord>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| record::stream(connection, &tenant, stream)).await
    }

    async fn dossier(&self, tenant: &str, stream: Uuid) -> Result<(Vec<StoredRecord>, Option<Side>), StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| {
            Ok((record::stream(connection, &tenant, stream)?, side::get(connection, &tenant, stream)?))
        })
        .await
    }

    async fn side(&self, tenant: &str, id: Uuid) -> Result<Option<Side>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| side::get(connection, &tenant, id)).await
    }

    async fn claim(&self, tenant: &str, key: &ClaimKey) -> Result<Option<Claim>, StoreError> {
        let (tenant, key) = (tenant.to_owned(), *key);
        self.read(move |connection| claim::get(connection, &tenant, &key)).await
    }

    async fn payments(&self, tenant: &str, filter: &ListFilter) -> Result<Vec<ListedPayment>, StoreError> {
        let (tenant, filter) = (tenant.to_owned(), filter.clone());
        self.read(move |connection| payment::list(connection, &tenant, &filter)).await
    }

    async fn log(&self, tenant: &str, after: u64, limit: u32) -> Result<Vec<SealedRecord>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| seal::log(connection, &tenant, after, limit)).await
    }

    async fn last_position(&self, tenant: &str) -> Result<u64, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| seal::last(connection, &tenant)).await
    }

    async fn booking_day(&self, tenant: &str, stream: Uuid, version: u64) -> Result<Option<Date>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| seal::booking_day(connection, &tenant, stream, version)).await
    }

    async fn account_days(&self, tenant: &str) -> Result<Vec<AccountDay>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| account_day::all(connection, &tenant)).await
    }

    async fn inbox_item(&self, tenant: &str, id: Uuid) -> Result<Option<InboxItem>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| inbox::get(connection, &tenant, id)).await
    }

    async fn client_by_key(&self, key_hash: [u8; 32]) -> Result<Option<Client>, StoreError> {
        self.read(move |connection| client::by_key(connection, key_hash)).await
    }

    async fn clients(&self, tenant: &str) -> Result<Vec<Client>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| client::all(connection, &tenant)).await
    }

    async fn webhook_endpoints(&self, tenant: &str) -> Result<Vec<WebhookEndpoint>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| webhook_endpoint::all(connection, &tenant)).await
    }

    async fn webhook_endpoint(&self, tenant: &str, id: Uuid) -> Result<Option<WebhookEndpoint>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| webhook_endpoint::get(connection, &tenant, id)).await
    }

    async fn deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (tenant, filter) = (tenant.to_owned(), *filter);
        self.read(move |connection| webhook_delivery::list(connection, &tenant, endpoint, &filter)).await
    }

    async fn delivery(&self, tenant: &str, endpoint: Uuid, id: Uuid) -> Result<Option<Delivery>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| webhook_delivery::get(connection, &tenant, endpoint, id)).await
    }

    async fn due_deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        by: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| webhook_delivery::due(connection, &tenant, endpoint, by, limit)).await
    }

    async fn backlog(&self, tenant: &str, endpoint: Uuid) -> Result<Backlog, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| webhook_delivery::backlog(connection, &tenant, endpoint)).await
    }

    async fn tenants(&self) -> Result<Vec<String>, StoreError> {
        self.read(seal::tenants).await
    }

    async fn unpaired(&self, tenant: &str, limit: u32) -> Result<Vec<Unpaired>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| seal::unpaired(connection, &tenant, limit)).await
    }

    async fn claims(&self, tenant: &str, after: Option<ClaimKey>, limit: u32) -> Result<Vec<HeldKey>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| claim::page(connection, &tenant, after, limit)).await
    }

    async fn jobs(
        &self,
        tenant: &str,
        kind: JobKind,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| job::subjects(connection, &tenant, kind, after, limit)).await
    }

    async fn claim_jobs(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueJob>, StoreError> {
        self.write(move |core| core.claim_jobs(now, lease_until, limit)).await
    }

    async fn claim_endpoints(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueJob>, StoreError> {
        self.write(move |core| core.claim_endpoints(now, lease_until, limit)).await
    }

    async fn postpone_job(&self, job: &JobKey, fence: u64, due_at: Timestamp) -> Result<(), StoreError> {
        let job = job.clone();
        self.write(move |core| core.postpone_job(&job, fence, due_at)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(job::next_due).await
    }

    async fn open_work(&self, query: &OpenQuery) -> Result<Open, StoreError> {
        let query = query.clone();
        self.read(move |connection| open::look(connection, &query)).await
    }

    fn figures(&self) -> &StoreFigures {
        self.figures.set_queued(Queue::Writes, self.writer.max_capacity().saturating_sub(self.writer.capacity()));
        self.figures.set_queued(Queue::Reads, self.reader.max_capacity().saturating_sub(self.reader.capacity()));
        &self.figures
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.write(Core::checkpoint).await
    }
}
