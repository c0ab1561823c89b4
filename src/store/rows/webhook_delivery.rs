//! Table `webhook_delivery`: what was sent to endpoints, and what is to be sent again.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::value::{Reader, integer};
use crate::store::{
    StoreError,
    webhook::{Backlog, Delivery, DeliveryFilter, DeliveryState},
};

const TABLE: &str = "webhook_delivery";
const REPLACE: &str = "INSERT INTO webhook_delivery (tenant, endpoint, id, position, stream, event_type, state, tries, \
    status, error, created_at, last_try_at, next_try_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
    ON CONFLICT (tenant, endpoint, id) DO UPDATE SET state = excluded.state, tries = excluded.tries, \
    status = excluded.status, error = excluded.error, last_try_at = excluded.last_try_at, \
    next_try_at = excluded.next_try_at";
const COLUMNS: &str = "SELECT tenant, endpoint, id, position, stream, event_type, state, tries, status, error, \
    created_at, last_try_at, next_try_at FROM webhook_delivery";
const HURRY: &str = "UPDATE webhook_delivery SET next_try_at = $1 \
    WHERE tenant = $2 AND endpoint = $3 AND next_try_at > $1";
const CLEAR_OLD: &str = "DELETE FROM webhook_delivery WHERE tenant = $1 AND endpoint = $2 AND id IN \
    (SELECT id FROM webhook_delivery WHERE tenant = $1 AND endpoint = $2 AND created_at < $3 \
    AND next_try_at IS NULL ORDER BY id LIMIT $4)";
const CLEAR_ALL: &str = "DELETE FROM webhook_delivery WHERE tenant = $1 AND endpoint = $2 AND id IN \
    (SELECT id FROM webhook_delivery WHERE tenant = $1 AND endpoint = $2 ORDER BY id LIMIT $3)";
const BACKLOG: &str = "SELECT count(*) AS pending, min(next_try_at) AS next_try_at FROM webhook_delivery \
    WHERE tenant = $1 AND endpoint = $2 AND next_try_at IS NOT NULL";

/// Replaces a delivery.
pub(in crate::store) fn replace(
    connection: &Connection,
    tenant: &str,
    endpoint: Uuid,
    delivery: &Delivery,
) -> Result<(), StoreError> {
    let written = connection.prepare_cached(REPLACE)?.execute(params![
        tenant,
        endpoint.as_bytes(),
        delivery.id.as_bytes(),
        integer(delivery.position),
        delivery.stream.as_bytes(),
        delivery.event_type,
        delivery.state.as_str(),
        delivery.tries,
        delivery.status,
        delivery.error,
        delivery.created_at.as_microsecond(),
        delivery.last_try_at.map(Timestamp::as_microsecond),
        delivery.next_try_at.map(Timestamp::as_microsecond)
    ])?;
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// Makes everything that waits for another try due at once; there may be nothing.
pub(in crate::store) fn hurry(
    connection: &Connection,
    tenant: &str,
    endpoint: Uuid,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    connection.prepare_cached(HURRY)?.execute(params![due_at.as_microsecond(), tenant, endpoint.as_bytes()])?;
    Ok(())
}

/// Clears the oldest away; there may be none.
pub(in crate::store) fn clear(
    connection: &Connection,
    tenant: &str,
    endpoint: Uuid,
    created_before: Option<Timestamp>,
    limit: u32,
) -> Result<(), StoreError> {
    let endpoint = endpoint.as_bytes();
    match created_before {
        Some(before) => {
            connection.prepare_cached(CLEAR_OLD)?.execute(params![tenant, endpoint, before.as_microsecond(), limit])?
        }
        None => connection.prepare_cached(CLEAR_ALL)?.execute(params![tenant, endpoint, limit])?,
    };
    Ok(())
}

/// One delivery.
pub(in crate::store) fn get(
    connection: &Connection,
    tenant: &str,
    endpoint: Uuid,
    id: Uuid,
) -> Result<Option<Delivery>, StoreError> {
    let sql = format!("{COLUMNS} WHERE tenant = $1 AND endpoint = $2 AND id = $3");
    let mut statement = connection.prepare_cached(&sql)?;
    let read = |row: &rusqlite::Row<'_>| Ok(parse(&Reader::new(TABLE, row)));
    statement.query_row(params![tenant, endpoint.as_bytes(), id.as_bytes()], read).optional()?.transpose()
}

/// The deliveries that fit a filter, newest first.
pub(in crate::store) fn list(
    connection: &Connection,
    tenant: &str,
    endpoint: Uuid,
    filter: &DeliveryFilter,
) -> Result<Vec<Delivery>, StoreError> {
    // An id of nothing but ones comes behind every other.
    let before = filter.before.map_or([0xff; 16], Uuid::into_bytes);
    let parse = |row: &rusqlite::Row<'_>| parse(&Reader::new(TABLE, row));
    let endpoint = endpoint.as_bytes();
    let Some(state) = filter.state else {
        let wanted = "tenant = $1 AND endpoint = $2 AND id < $3 ORDER BY id DESC LIMIT $4";
        let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE {wanted}"))?;
        return statement.query_and_then(params![tenant, endpoint, before, filter.limit], parse)?.collect();
    };
    let wanted = "tenant = $1 AND endpoint = $2 AND state = $3 AND id < $4 ORDER BY id DESC LIMIT $5";
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE {wanted}"))?;
    statement.query_and_then(params![tenant, endpoint, state.as_str(), before, filter.limit], parse)?.collect()
}

/// What is to be tried again by a moment, the longest due first.
pub(in crate::store) fn due(
    connection: &Connection,
    tenant: &str,
    endpoint: Uuid,
    by: Timestamp,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let wanted = "tenant = $1 AND endpoint = $2 AND next_try_at <= $3 ORDER BY next_try_at, id LIMIT $4";
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE {wanted}"))?;
    let parameters = params![tenant, endpoint.as_bytes(), by.as_microsecond(), limit];
    let rows = statement.query_and_then(parameters, |row| parse(&Reader::new(TABLE, row)))?;
    rows.collect()
}

/// How much waits for another try.
pub(in crate::store) fn backlog(connection: &Connection, tenant: &str, endpoint: Uuid) -> Result<Backlog, StoreError> {
    connection.prepare_cached(BACKLOG)?.query_row(params![tenant, endpoint.as_bytes()], |row| {
        let reader = Reader::new(TABLE, row);
        Ok(reader
            .count("pending")
            .and_then(|pending| Ok(Backlog { pending, next_try_at: reader.optional_instant("next_try_at")? })))
    })?
}

fn parse(reader: &Reader<'_>) -> Result<Delivery, StoreError> {
    let status = reader.optional_integer("status")?;
    let status = status.map(|status| u16::try_from(status).map_err(|_| reader.inconsistent("status")));
    Ok(Delivery {
        id: reader.id("id")?,
        position: reader.count("position")?,
        stream: reader.id("stream")?,
        event_type: reader.text("event_type")?,
        state: reader.parsed("state", DeliveryState::from_name)?,
        tries: u32::try_from(reader.integer("tries")?).map_err(|_| reader.inconsistent("tries"))?,
        status: status.transpose()?,
        error: reader.optional_text("error")?,
        created_at: reader.instant("created_at")?,
        last_try_at: reader.optional_instant("last_try_at")?,
        next_try_at: reader.optional_instant("next_try_at")?,
    })
}
