//! Table `client`: clients of the API.

use rusqlite::{Connection, OptionalExtension, params};

use super::value::Reader;
use crate::store::{StoreError, read::Client};

const TABLE: &str = "client";
const REPLACE: &str = "INSERT INTO client (tenant, id, name, key_hash, scopes, created_at, revoked_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, id) \
    DO UPDATE SET revoked_at = excluded.revoked_at";
const COLUMNS: &str = "SELECT tenant, id, name, key_hash, scopes, created_at, revoked_at FROM client";

/// Replaces a client; only its revocation can change.
pub(in crate::store) fn replace(connection: &Connection, client: &Client) -> Result<(), StoreError> {
    let written = connection.prepare_cached(REPLACE)?.execute(params![
        client.tenant,
        client.id.as_bytes(),
        client.name,
        client.key_hash,
        client.scopes.join(" "),
        client.created_at.as_microsecond(),
        client.revoked_at.map(jiff::Timestamp::as_microsecond)
    ])?;
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// The client whose key has this hash.
pub(in crate::store) fn by_key(connection: &Connection, key_hash: [u8; 32]) -> Result<Option<Client>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE key_hash = $1"))?;
    statement.query_row(params![key_hash], |row| Ok(parse(&Reader::new(TABLE, row)))).optional()?.transpose()
}

/// All clients of a Mandant.
pub(in crate::store) fn all(connection: &Connection, tenant: &str) -> Result<Vec<Client>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE tenant = $1 ORDER BY id"))?;
    let rows = statement.query_and_then(params![tenant], |row| parse(&Reader::new(TABLE, row)))?;
    rows.collect()
}

fn parse(reader: &Reader<'_>) -> Result<Client, StoreError> {
    Ok(Client {
        tenant: reader.text("tenant")?,
        id: reader.id("id")?,
        name: reader.text("name")?,
        key_hash: reader.hash("key_hash")?,
        scopes: reader.text("scopes")?.split_whitespace().map(str::to_owned).collect(),
        created_at: reader.instant("created_at")?,
        revoked_at: reader.optional_instant("revoked_at")?,
    })
}
