//! Table `job`: what must be looked at, and when.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::value::{Reader, integer};
use crate::store::{
    StoreError,
    commit::{JobKey, JobKind},
    read::DueJob,
};

const TABLE: &str = "job";
const SET: &str = "INSERT INTO job (tenant, kind, subject, due_at, tries, fence) VALUES ($1, $2, $3, $4, 0, 0) \
    ON CONFLICT (tenant, kind, subject) DO UPDATE SET due_at = excluded.due_at, tries = 0, fence = 0";
const END: &str = "DELETE FROM job WHERE tenant = $1 AND kind = $2 AND subject = $3";
const END_FENCED: &str = "DELETE FROM job WHERE tenant = $1 AND kind = $2 AND subject = $3 AND fence = $4";
const RENEW: &str = "UPDATE job SET due_at = $1, tries = 0 \
    WHERE tenant = $2 AND kind = $3 AND subject = $4 AND fence = $5";
/// Payments and notifications, which have an end.
const DUE: &str = "SELECT tenant, kind, subject, tries, fence FROM job WHERE due_at <= $1 AND kind <> 3 \
    ORDER BY due_at LIMIT $2";
/// Endpoints, which have none and are kept by whoever took them.
const DUE_ENDPOINTS: &str = "SELECT tenant, kind, subject, tries, fence FROM job WHERE due_at <= $1 AND kind = 3 \
    ORDER BY due_at LIMIT $2";
const FENCE: &str = "UPDATE job_fence SET last = last + 1 WHERE only_row = 1 RETURNING last AS fence";
const TAKE: &str = "UPDATE job SET fence = $1, tries = tries + 1, due_at = $2 \
    WHERE tenant = $3 AND kind = $4 AND subject = $5";
const POSTPONE: &str = "UPDATE job SET due_at = $1, fence = 0 \
    WHERE tenant = $2 AND kind = $3 AND subject = $4 AND fence = $5";
const NEXT: &str = "SELECT min(due_at) AS due_at FROM job WHERE kind <> 3";
const SUBJECTS: &str = "SELECT subject FROM job WHERE tenant = $1 AND kind = $2 AND subject > $3 \
    ORDER BY subject LIMIT $4";

/// Sets a job, whoever has it.
pub(in crate::store) fn set(connection: &Connection, key: &JobKey, due_at: Timestamp) -> Result<(), StoreError> {
    let parameters = params![key.tenant, key.kind.number(), key.subject.as_bytes(), due_at.as_microsecond()];
    let written = connection.prepare_cached(SET)?.execute(parameters)?;
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// Ends a job; `false` when the fence is lost. Without a fence it may have ended before.
pub(in crate::store) fn end(connection: &Connection, key: &JobKey, fence: Option<u64>) -> Result<bool, StoreError> {
    let (tenant, kind, subject) = (&key.tenant, key.kind.number(), key.subject.as_bytes());
    match fence {
        None => {
            connection.prepare_cached(END)?.execute(params![tenant, kind, subject])?;
            Ok(true)
        }
        Some(fence) => {
            let parameters = params![tenant, kind, subject, integer(fence)];
            Ok(connection.prepare_cached(END_FENCED)?.execute(parameters)? == 1)
        }
    }
}

/// Lets whoever took a job go on with it; `false` when the fence is lost.
pub(in crate::store) fn renew(
    connection: &Connection,
    key: &JobKey,
    fence: u64,
    due_at: Timestamp,
) -> Result<bool, StoreError> {
    let parameters =
        params![due_at.as_microsecond(), key.tenant, key.kind.number(), key.subject.as_bytes(), integer(fence)];
    Ok(connection.prepare_cached(RENEW)?.execute(parameters)? == 1)
}

/// Takes due jobs that have an end, each with a lease and a new fence.
pub(in crate::store) fn take_due(
    connection: &Connection,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<DueJob>, StoreError> {
    take(connection, DUE, now, lease_until, limit)
}

/// Takes endpoints that nobody looks after, each with a lease and a new fence.
pub(in crate::store) fn take_endpoints(
    connection: &Connection,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<DueJob>, StoreError> {
    take(connection, DUE_ENDPOINTS, now, lease_until, limit)
}

fn take(
    connection: &Connection,
    due: &str,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<DueJob>, StoreError> {
    let mut statement = connection.prepare_cached(due)?;
    let rows = statement.query_and_then(params![now.as_microsecond(), limit], |row| parse(&Reader::new(TABLE, row)))?;
    let due: Vec<DueJob> = rows.collect::<Result<_, StoreError>>()?;
    let mut taken = Vec::with_capacity(due.len());
    for job in due {
        let fence = next_fence(connection)?;
        let written = connection.prepare_cached(TAKE)?.execute(params![
            integer(fence),
            lease_until.as_microsecond(),
            job.key.tenant,
            job.key.kind.number(),
            job.key.subject.as_bytes()
        ])?;
        if written != 1 {
            return Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written });
        }
        taken.push(DueJob { tries: job.tries.saturating_add(1), fence, ..job });
    }
    Ok(taken)
}

/// A fence that nobody had before.
fn next_fence(connection: &Connection) -> Result<u64, StoreError> {
    connection.prepare_cached(FENCE)?.query_row([], |row| Ok(Reader::new("job_fence", row).count("fence")))?
}

/// Gives a job back, to be due again.
pub(in crate::store) fn postpone(
    connection: &Connection,
    key: &JobKey,
    fence: u64,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let subject: Uuid = key.subject;
    connection.prepare_cached(POSTPONE)?.execute(params![
        due_at.as_microsecond(),
        key.tenant,
        key.kind.number(),
        subject.as_bytes(),
        integer(fence)
    ])?;
    Ok(())
}

/// When the next job that has an end is due.
pub(in crate::store) fn next_due(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    connection
        .prepare_cached(NEXT)?
        .query_row([], |row| Ok(Reader::new(TABLE, row).optional_instant("due_at")))
        .map_err(StoreError::from)?
}

/// What the jobs of a kind look after, after one of them.
pub(in crate::store) fn subjects(
    connection: &Connection,
    tenant: &str,
    kind: JobKind,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Uuid>, StoreError> {
    // No bytes at all come before every id.
    let after = after.map_or(Vec::new(), |after| after.as_bytes().to_vec());
    let mut statement = connection.prepare_cached(SUBJECTS)?;
    let rows = statement
        .query_and_then(params![tenant, kind.number(), after, limit], |row| Reader::new(TABLE, row).id("subject"))?;
    rows.collect()
}

fn parse(reader: &Reader<'_>) -> Result<DueJob, StoreError> {
    let kind = JobKind::from_number(reader.integer("kind")?).ok_or_else(|| reader.inconsistent("kind"))?;
    let tries = u32::try_from(reader.integer("tries")?).map_err(|_| reader.inconsistent("tries"))?;
    let key = JobKey { tenant: reader.text("tenant")?, kind, subject: reader.id("subject")? };
    Ok(DueJob { key, tries, fence: reader.count("fence")? })
}
