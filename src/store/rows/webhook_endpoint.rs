//! Table `webhook_endpoint`: where events are sent, and how far the sender is.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::value::{Reader, integer};
use crate::store::{
    StoreError,
    webhook::{DisabledReason, Replay, SecretGeneration, WebhookEndpoint, WebhookProgress, WebhookSettings},
};

const TABLE: &str = "webhook_endpoint";
const INSERT: &str = "INSERT INTO webhook_endpoint (tenant, id, version, slot, url, description, events, \
    disabled_reason, secrets, created_at, position, failures, failing_since, resume_at, replay_after, replay_until) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
const SETTINGS: &str = "UPDATE webhook_endpoint SET version = $1, url = $2, description = $3, events = $4, \
    disabled_reason = $5, secrets = $6 WHERE tenant = $7 AND id = $8";
const PROGRESS: &str = "UPDATE webhook_endpoint SET position = $1, failures = $2, failing_since = $3, resume_at = $4 \
    WHERE tenant = $5 AND id = $6";
const RESUMED: &str = "UPDATE webhook_endpoint SET failures = 0, failing_since = NULL, resume_at = NULL \
    WHERE tenant = $1 AND id = $2";
const REPLAY: &str = "UPDATE webhook_endpoint SET replay_after = $1, replay_until = $2 WHERE tenant = $3 AND id = $4";
const GONE: &str = "DELETE FROM webhook_endpoint WHERE tenant = $1 AND id = $2";
const COLUMNS: &str = "SELECT tenant, id, version, slot, url, description, events, disabled_reason, secrets, \
    created_at, position, failures, failing_since, resume_at, replay_after, replay_until FROM webhook_endpoint";

/// Enters a new endpoint.
pub(in crate::store) fn insert(
    connection: &Connection,
    tenant: &str,
    endpoint: &WebhookEndpoint,
) -> Result<(), StoreError> {
    let (settings, progress) = (&endpoint.settings, &endpoint.progress);
    one(connection.prepare_cached(INSERT)?.execute(params![
        tenant,
        settings.id.as_bytes(),
        integer(settings.version),
        settings.slot,
        settings.url,
        settings.description,
        settings.events.as_ref().map(|events| events.join(" ")),
        settings.disabled.map(DisabledReason::as_str),
        secrets_text(&settings.secrets),
        settings.created_at.as_microsecond(),
        integer(progress.position),
        progress.failures,
        progress.failing_since.map(Timestamp::as_microsecond),
        progress.resume_at.map(Timestamp::as_microsecond),
        endpoint.replay.map(|replay| integer(replay.after)),
        endpoint.replay.map(|replay| integer(replay.until))
    ])?)
}

/// Replaces what people set.
pub(in crate::store) fn set(
    connection: &Connection,
    tenant: &str,
    settings: &WebhookSettings,
) -> Result<(), StoreError> {
    one(connection.prepare_cached(SETTINGS)?.execute(params![
        integer(settings.version),
        settings.url,
        settings.description,
        settings.events.as_ref().map(|events| events.join(" ")),
        settings.disabled.map(DisabledReason::as_str),
        secrets_text(&settings.secrets),
        tenant,
        settings.id.as_bytes()
    ])?)
}

/// Notes how far the sender is.
pub(in crate::store) fn advance(
    connection: &Connection,
    tenant: &str,
    endpoint: Uuid,
    progress: &WebhookProgress,
) -> Result<(), StoreError> {
    one(connection.prepare_cached(PROGRESS)?.execute(params![
        integer(progress.position),
        progress.failures,
        progress.failing_since.map(Timestamp::as_microsecond),
        progress.resume_at.map(Timestamp::as_microsecond),
        tenant,
        endpoint.as_bytes()
    ])?)
}

/// Forgets failures.
pub(in crate::store) fn resume(connection: &Connection, tenant: &str, endpoint: Uuid) -> Result<(), StoreError> {
    one(connection.prepare_cached(RESUMED)?.execute(params![tenant, endpoint.as_bytes()])?)
}

/// Notes what is left of a replay.
pub(in crate::store) fn replay(
    connection: &Connection,
    tenant: &str,
    endpoint: Uuid,
    replay: Option<Replay>,
) -> Result<(), StoreError> {
    one(connection.prepare_cached(REPLAY)?.execute(params![
        replay.map(|replay| integer(replay.after)),
        replay.map(|replay| integer(replay.until)),
        tenant,
        endpoint.as_bytes()
    ])?)
}

/// Takes an endpoint out.
pub(in crate::store) fn remove(connection: &Connection, tenant: &str, endpoint: Uuid) -> Result<(), StoreError> {
    one(connection.prepare_cached(GONE)?.execute(params![tenant, endpoint.as_bytes()])?)
}

/// One endpoint.
pub(in crate::store) fn get(
    connection: &Connection,
    tenant: &str,
    endpoint: Uuid,
) -> Result<Option<WebhookEndpoint>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE tenant = $1 AND id = $2"))?;
    let read = |row: &rusqlite::Row<'_>| Ok(parse(&Reader::new(TABLE, row)));
    statement.query_row(params![tenant, endpoint.as_bytes()], read).optional()?.transpose()
}

/// All endpoints of a Mandant, oldest first.
pub(in crate::store) fn all(connection: &Connection, tenant: &str) -> Result<Vec<WebhookEndpoint>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE tenant = $1 ORDER BY id"))?;
    let rows = statement.query_and_then(params![tenant], |row| parse(&Reader::new(TABLE, row)))?;
    rows.collect()
}

fn one(written: usize) -> Result<(), StoreError> {
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// Fingerprints, numbers and instants only, so nothing here can fail to be written.
fn secrets_text(secrets: &[SecretGeneration]) -> String {
    serde_json::to_string(secrets).unwrap_or_default()
}

fn parse(reader: &Reader<'_>) -> Result<WebhookEndpoint, StoreError> {
    let narrow = |column| u32::try_from(reader.integer(column)?).map_err(|_| reader.inconsistent(column));
    let disabled = reader.optional_text("disabled_reason")?;
    let disabled =
        disabled.map(|name| DisabledReason::from_name(&name).ok_or_else(|| reader.inconsistent("disabled_reason")));
    let events = reader.optional_text("events")?;
    let replay_after = reader.optional_integer("replay_after")?;
    let replay_until = reader.optional_integer("replay_until")?;
    let position = |value: i64, column| u64::try_from(value).map_err(|_| reader.inconsistent(column));
    Ok(WebhookEndpoint {
        settings: WebhookSettings {
            id: reader.id("id")?,
            version: reader.count("version")?,
            slot: narrow("slot")?,
            url: reader.text("url")?,
            description: reader.optional_text("description")?,
            events: events.map(|events| events.split_whitespace().map(str::to_owned).collect()),
            disabled: disabled.transpose()?,
            secrets: reader.parsed("secrets", |text| serde_json::from_str(text).ok())?,
            created_at: reader.instant("created_at")?,
        },
        progress: WebhookProgress {
            position: reader.count("position")?,
            failures: narrow("failures")?,
            failing_since: reader.optional_instant("failing_since")?,
            resume_at: reader.optional_instant("resume_at")?,
        },
        replay: match (replay_after, replay_until) {
            (Some(after), Some(until)) => {
                Some(Replay { after: position(after, "replay_after")?, until: position(until, "replay_until")? })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(reader.inconsistent("replay_until")),
        },
    })
}
