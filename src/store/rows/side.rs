//! Table `side`: what must be erasable.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::value::Reader;
use crate::store::{StoreError, read::Side};

const TABLE: &str = "side";
const REPLACE: &str = "INSERT INTO side (tenant, id, reference, key, body) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (tenant, id) DO UPDATE SET reference = excluded.reference, key = excluded.key, body = excluded.body";
const GET: &str = "SELECT id, reference, key, body FROM side WHERE tenant = $1 AND id = $2";

/// Replaces the erasable data of a payment or refund.
pub(in crate::store) fn replace(connection: &Connection, tenant: &str, side: &Side) -> Result<(), StoreError> {
    let parameters = params![tenant, side.id.as_bytes(), side.reference, side.key, side.body];
    let written = connection.prepare_cached(REPLACE)?.execute(parameters)?;
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// The erasable data of a payment or refund, unless it was erased.
pub(in crate::store) fn get(connection: &Connection, tenant: &str, id: Uuid) -> Result<Option<Side>, StoreError> {
    let mut statement = connection.prepare_cached(GET)?;
    statement
        .query_row(params![tenant, id.as_bytes()], |row| Ok(parse(&Reader::new(TABLE, row))))
        .optional()?
        .transpose()
}

fn parse(reader: &Reader<'_>) -> Result<Side, StoreError> {
    Ok(Side {
        id: reader.id("id")?,
        reference: reader.optional_text("reference")?,
        key: reader.hash("key")?,
        body: reader.bytes("body")?,
    })
}
