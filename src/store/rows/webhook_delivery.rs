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
/// Ids begin with the moment of their event, so what is old stands before an id and the rest is not looked at.
const CLEAR_OLD: &str = "DELETE FROM webhook_delivery WHERE tenant = $1 AND endpoint = $2 AND id IN \
    (SELECT id FROM webhook_delivery WHERE tenant = $1 AND endpoint = $2 AND id < $3 AND next_try_at IS NULL \
    ORDER BY id LIMIT $4)";
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
            connection.prepare_cached(CLEAR_OLD)?.execute(params![tenant, endpoint, first_id(before), limit])?
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

/// No id of this moment or a later one comes before it (RFC 9562, 5.7).
fn first_id(moment: Timestamp) -> [u8; 16] {
    let milliseconds = u128::try_from(moment.as_millisecond()).unwrap_or(0);
    (milliseconds << 80).to_be_bytes()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_version_7_are_on_the_right_side_of_their_moment() {
        let id = |milliseconds, random| {
            uuid::Builder::from_unix_timestamp_millis(milliseconds, &[random; 10]).into_uuid().into_bytes()
        };
        let moment = Timestamp::from_millisecond(1_800_000_000_123).unwrap();
        assert!(id(1_800_000_000_122, 0xff) < first_id(moment) && first_id(moment) <= id(1_800_000_000_123, 0));
        assert_eq!(first_id(Timestamp::MIN), [0; 16], "there is no id before 1970");
    }

    /// With every delivery that is noted some are cleared, by the one thread that writes: the number of those that are
    /// kept must not matter.
    #[test]
    fn clearing_does_not_look_at_what_is_kept() {
        let connection = Connection::open_in_memory().unwrap();
        for migration in
            [include_str!("../migrations/sqlite/V1__first.sql"), include_str!("../migrations/sqlite/V2__webhooks.sql")]
        {
            connection.execute_batch(migration).unwrap();
        }
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {CLEAR_OLD}")).unwrap();
        let plan = statement.query_map(params!["stadt", [0_u8; 16], [0_u8; 16], 1], |row| row.get("detail")).unwrap();
        let plan: Vec<String> = plan.map(Result::unwrap).collect();
        assert!(plan.iter().any(|step| step.contains("(tenant=? AND endpoint=? AND id<?)")), "{plan:?}");
    }
}
