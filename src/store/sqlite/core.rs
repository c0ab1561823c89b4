//! The synchronous heart of the engine: a group of commits in, an outcome for each out.

use std::{collections::BTreeMap, path::Path};

use jiff::{Timestamp, civil::Date};
use rusqlite::Connection;
use uuid::Uuid;

use super::schema::{self, Absent};
use crate::{
    ledger::chain,
    store::{
        StoreError,
        commit::{Append, Commit, JobChange, JobKey, NewRecord, Outcome, Row, Taken},
        read::DueJob,
        rows::{
            account_day, claim, client, inbox, job, payment, record, seal, side, webhook_delivery, webhook_endpoint,
        },
        webhook::WebhookRow,
    },
};

/// What bringing a database up to date has done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Upgrade {
    /// The schema before, 0 where there was none.
    pub from: u32,
    /// The schema now.
    pub to: u32,
}

/// A connection that writes.
#[derive(Debug)]
pub struct Core {
    connection: Connection,
}

impl Core {
    /// Opens a database, or one in memory, and refuses one that this program cannot serve.
    pub fn open(path: Option<&Path>) -> Result<Self, StoreError> {
        let connection = schema::open_writer(path, Absent::Refuse)?;
        schema::check(&connection)?;
        Ok(Self { connection })
    }

    /// Opens a database, or one in memory, and brings it up to date.
    pub fn migrate(path: Option<&Path>) -> Result<Self, StoreError> {
        let mut connection = schema::open_writer(path, Absent::Create)?;
        schema::migrate(&mut connection)?;
        schema::check(&connection)?;
        Ok(Self { connection })
    }

    /// Brings a database on disk up to date and says what was done; made where there was none.
    pub fn upgrade(path: &Path) -> Result<Upgrade, StoreError> {
        let mut connection = schema::open_writer(Some(path), Absent::Create)?;
        let from = schema::check_not_too_new(&connection)?;
        schema::migrate(&mut connection)?;
        schema::check(&connection)?;
        Ok(Upgrade { from, to: schema::check_not_too_new(&connection)? })
    }

    /// The connection, for reads.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Commits a group at once: first without savepoints, and on any conflict again with one for each.
    ///
    /// An error means that nothing of the group was written.
    pub fn apply(&mut self, group: &[Commit]) -> Result<Vec<Outcome>, StoreError> {
        if let Some(outcomes) = self.apply_all_or_none(group)? {
            return Ok(outcomes);
        }
        self.apply_each(group)
    }

    /// [`None`] when one of the group met a conflict; nothing was written then.
    fn apply_all_or_none(&mut self, group: &[Commit]) -> Result<Option<Vec<Outcome>>, StoreError> {
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut sealer = Sealer::default();
        for commit in group {
            if let Err(conflict) = write(&transaction, commit, &mut sealer)? {
                // A group of one needs no second try: its conflict is its outcome.
                if group.len() == 1 {
                    return Ok(Some(vec![conflict]));
                }
                return Ok(None);
            }
        }
        sealer.finish(&transaction)?;
        transaction.commit()?;
        Ok(Some(vec![Outcome::Committed; group.len()]))
    }

    fn apply_each(&mut self, group: &[Commit]) -> Result<Vec<Outcome>, StoreError> {
        let mut transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut sealer = Sealer::default();
        let mut outcomes = Vec::with_capacity(group.len());
        for commit in group {
            let mut savepoint = transaction.savepoint()?;
            // The sealer's view is kept aside, because a conflict takes back what it has sealed.
            let before = sealer.clone();
            match write(&savepoint, commit, &mut sealer)? {
                Ok(()) => {
                    savepoint.commit()?;
                    outcomes.push(Outcome::Committed);
                }
                Err(conflict) => {
                    savepoint.rollback()?;
                    sealer = before;
                    outcomes.push(conflict);
                }
            }
        }
        sealer.finish(&transaction)?;
        transaction.commit()?;
        Ok(outcomes)
    }

    /// Copies the write-ahead log back into the database and empties it.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }

    /// Takes due jobs.
    pub fn claim_jobs(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueJob>, StoreError> {
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let jobs = job::take_due(&transaction, now, lease_until, limit)?;
        transaction.commit()?;
        Ok(jobs)
    }

    /// Takes endpoints that nobody looks after.
    pub fn claim_endpoints(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueJob>, StoreError> {
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let jobs = job::take_endpoints(&transaction, now, lease_until, limit)?;
        transaction.commit()?;
        Ok(jobs)
    }

    /// Gives a job back, to be due again.
    pub fn postpone_job(&mut self, key: &JobKey, fence: u64, due_at: Timestamp) -> Result<(), StoreError> {
        job::postpone(&self.connection, key, fence, due_at)
    }
}

/// Writes one commit inside a transaction. The outer error is the engine's, the inner one a conflict.
fn write(connection: &Connection, commit: &Commit, sealer: &mut Sealer) -> Result<Result<(), Outcome>, StoreError> {
    for append in &commit.appends {
        if let Err(conflict) = write_records(connection, commit, append, sealer)? {
            return Ok(Err(conflict));
        }
    }
    for claim in &commit.claims {
        if !claim::insert(connection, &commit.tenant, claim)? {
            return Ok(Err(taken(connection, commit, claim.key)?));
        }
    }
    for takeover in &commit.takeovers {
        if !claim::take_over(connection, &commit.tenant, takeover)? {
            return Ok(Err(taken(connection, commit, takeover.key)?));
        }
    }
    for answer in &commit.answers {
        claim::answer(connection, &commit.tenant, answer)?;
    }
    for (key, holder) in &commit.released {
        claim::release(connection, &commit.tenant, key, *holder)?;
    }
    // Whoever has lost a job must not meet rows that its next taker has changed or taken out.
    for change in &commit.jobs {
        if !change_job(connection, &commit.tenant, change)? {
            return Ok(Err(Outcome::FenceLost));
        }
    }
    for row in &commit.rows {
        write_row(connection, &commit.tenant, row)?;
    }
    Ok(Ok(()))
}

fn write_records(
    connection: &Connection,
    commit: &Commit,
    append: &Append,
    sealer: &mut Sealer,
) -> Result<Result<(), Outcome>, StoreError> {
    let first = append.expected_version.saturating_add(1);
    // The unique key catches who comes too late; a gap, from an expectation that runs ahead, must be asked for.
    if first > 1 && record::command(connection, &commit.tenant, append.stream, append.expected_version)?.is_none() {
        return Ok(Err(Outcome::Stale(append.stream)));
    }
    let mut version = append.expected_version;
    for new in &append.records {
        version = version.saturating_add(1);
        let row = record::NewRow {
            tenant: &commit.tenant,
            stream: append.stream,
            version,
            command: commit.command,
            at_micros: commit.at.as_microsecond(),
            kind: append.kind.as_str(),
            body: &new.body,
        };
        if !record::insert(connection, &row)? {
            let winner = record::command(connection, &commit.tenant, append.stream, first)?;
            let ours = winner == Some(commit.command);
            return Ok(Err(if ours { Outcome::AlreadyCommitted } else { Outcome::Stale(append.stream) }));
        }
        sealer.seal(connection, &row, new, commit.at)?;
    }
    Ok(Ok(()))
}

fn taken(connection: &Connection, commit: &Commit, key: crate::store::commit::ClaimKey) -> Result<Outcome, StoreError> {
    let Some(claim) = claim::get(connection, &commit.tenant, &key)? else {
        // The key is free again, so the command has only to look once more.
        return Ok(Outcome::Stale(Uuid::nil()));
    };
    Ok(Outcome::Taken(Box::new(Taken { key, claim })))
}

fn write_row(connection: &Connection, tenant: &str, row: &Row) -> Result<(), StoreError> {
    match row {
        Row::Payment(row) => payment::replace(connection, tenant, row),
        Row::Side(row) => side::replace(connection, tenant, row),
        Row::Inbox(row) => inbox::replace(connection, tenant, row),
        Row::Client(row) => client::replace(connection, row),
        Row::Webhook(row) => write_webhook(connection, tenant, row),
    }
}

fn write_webhook(connection: &Connection, tenant: &str, row: &WebhookRow) -> Result<(), StoreError> {
    match row {
        WebhookRow::New(endpoint) => webhook_endpoint::insert(connection, tenant, endpoint),
        WebhookRow::Settings(settings) => webhook_endpoint::set(connection, tenant, settings),
        WebhookRow::Progress { endpoint, progress } => {
            webhook_endpoint::advance(connection, tenant, *endpoint, progress)
        }
        WebhookRow::Resumed { endpoint } => webhook_endpoint::resume(connection, tenant, *endpoint),
        WebhookRow::Replay { endpoint, replay } => webhook_endpoint::replay(connection, tenant, *endpoint, *replay),
        WebhookRow::Gone { endpoint } => webhook_endpoint::remove(connection, tenant, *endpoint),
        WebhookRow::Delivery { endpoint, delivery } => {
            webhook_delivery::replace(connection, tenant, *endpoint, delivery)
        }
        WebhookRow::Hurried { endpoint, due_at } => webhook_delivery::hurry(connection, tenant, *endpoint, *due_at),
        WebhookRow::Cleared { endpoint, created_before, limit } => {
            webhook_delivery::clear(connection, tenant, *endpoint, *created_before, *limit)
        }
    }
}

fn change_job(connection: &Connection, tenant: &str, change: &JobChange) -> Result<bool, StoreError> {
    let key = |kind, subject| JobKey { tenant: tenant.to_owned(), kind, subject };
    match change {
        JobChange::Set { kind, subject, due_at } => job::set(connection, &key(*kind, *subject), *due_at).map(|()| true),
        JobChange::End { kind, subject } => job::end(connection, &key(*kind, *subject), None),
        JobChange::EndTaken { kind, subject, fence } => job::end(connection, &key(*kind, *subject), Some(*fence)),
        JobChange::Renew { kind, subject, fence, due_at } => {
            job::renew(connection, &key(*kind, *subject), *fence, *due_at)
        }
    }
}

/// Gives positions, days and hashes inside the transaction that writes the records, and adds up the sums.
#[derive(Clone, Debug, Default)]
struct Sealer {
    heads: BTreeMap<String, (u64, [u8; 32])>,
    sums: BTreeMap<account_day::Key, (i64, i64)>,
}

impl Sealer {
    fn seal(
        &mut self,
        connection: &Connection,
        row: &record::NewRow<'_>,
        new: &NewRecord,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (position, previous) = match self.heads.get(row.tenant) {
            Some(head) => *head,
            None => seal::head(connection, row.tenant)?.unwrap_or((0, chain::GENESIS)),
        };
        let wanted_day = new.wanted_day.unwrap_or_else(|| chain::berlin_day(at));
        let position = position.saturating_add(1);
        let booking_day = wanted_day;
        let link = chain::Link {
            tenant: row.tenant,
            position,
            stream: row.stream,
            version: row.version,
            at_micros: row.at_micros,
            wanted_day,
            booking_day,
            kind: row.kind,
            body: row.body,
        };
        let hash = chain::hash(&previous, &link);
        let (tenant, stream, version) = (row.tenant, row.stream, row.version);
        seal::insert(connection, &seal::NewRow { tenant, position, stream, version, wanted_day, booking_day, hash })?;
        self.heads.insert(row.tenant.to_owned(), (position, hash));
        self.add(row.tenant, booking_day, new);
        Ok(())
    }

    fn add(&mut self, tenant: &str, day: Date, new: &NewRecord) {
        for (account, amount) in &new.legs {
            let account = account.to_string();
            let key = account_day::Key { tenant: tenant.to_owned(), day, account, currency: amount.currency().code() };
            let (debit, credit) = self.sums.entry(key).or_default();
            let side = if amount.is_positive() { debit } else { credit };
            *side = side.saturating_add(amount.minor().saturating_abs());
        }
    }

    fn finish(self, connection: &Connection) -> Result<(), StoreError> {
        self.sums.iter().try_for_each(|(key, (debit, credit))| account_day::add(connection, key, *debit, *credit))
    }
}
