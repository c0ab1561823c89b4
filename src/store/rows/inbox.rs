//! Table `inbox`: notifications of providers, verified and kept.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::value::Reader;
use crate::store::{
    StoreError,
    read::{InboxItem, InboxState},
};

const TABLE: &str = "inbox";
const REPLACE: &str = "INSERT INTO inbox (tenant, id, received_at, state, body) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (tenant, id) DO UPDATE SET state = excluded.state";
const GET: &str = "SELECT id, received_at, state, body FROM inbox WHERE tenant = $1 AND id = $2";

/// Keeps a notification, or notes what became of it.
pub(in crate::store) fn replace(connection: &Connection, tenant: &str, item: &InboxItem) -> Result<(), StoreError> {
    let parameters =
        params![tenant, item.id.as_bytes(), item.received_at.as_microsecond(), item.state.as_str(), item.body];
    let written = connection.prepare_cached(REPLACE)?.execute(parameters)?;
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// A kept notification.
pub(in crate::store) fn get(connection: &Connection, tenant: &str, id: Uuid) -> Result<Option<InboxItem>, StoreError> {
    let mut statement = connection.prepare_cached(GET)?;
    statement
        .query_row(params![tenant, id.as_bytes()], |row| Ok(parse(&Reader::new(TABLE, row))))
        .optional()?
        .transpose()
}

fn parse(reader: &Reader<'_>) -> Result<InboxItem, StoreError> {
    Ok(InboxItem {
        id: reader.id("id")?,
        received_at: reader.instant("received_at")?,
        state: reader.parsed("state", InboxState::from_name)?,
        body: reader.bytes("body")?,
    })
}
