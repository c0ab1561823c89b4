//! Table `record`: the log, one row an event, never updated.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::value::{Reader, integer};
use crate::store::{StoreError, read::StoredRecord};

const TABLE: &str = "record";
const INSERT: &str = "INSERT INTO record (tenant, stream, version, command, at, kind, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
const COMMAND: &str = "SELECT stream, version, command FROM record WHERE tenant = $1 AND stream = $2 AND version = $3";
const STREAM: &str = "SELECT stream, version, at, body FROM record WHERE tenant = $1 AND stream = $2 ORDER BY version";

/// What one row is made of.
pub(in crate::store) struct NewRow<'a> {
    pub(in crate::store) tenant: &'a str,
    pub(in crate::store) stream: Uuid,
    pub(in crate::store) version: u64,
    pub(in crate::store) command: Uuid,
    pub(in crate::store) at_micros: i64,
    pub(in crate::store) kind: &'static str,
    pub(in crate::store) body: &'a [u8],
}

/// Appends a record; `false` when its version is taken.
pub(in crate::store) fn insert(connection: &Connection, row: &NewRow<'_>) -> Result<bool, StoreError> {
    let written = connection.prepare_cached(INSERT)?.execute(params![
        row.tenant,
        row.stream.as_bytes(),
        integer(row.version),
        row.command.as_bytes(),
        row.at_micros,
        row.kind,
        row.body
    ])?;
    Ok(written == 1)
}

/// The command that wrote a version.
pub(in crate::store) fn command(
    connection: &Connection,
    tenant: &str,
    stream: Uuid,
    version: u64,
) -> Result<Option<Uuid>, StoreError> {
    let mut statement = connection.prepare_cached(COMMAND)?;
    let parameters = params![tenant, stream.as_bytes(), integer(version)];
    statement.query_row(parameters, |row| Ok(Reader::new(TABLE, row).id("command"))).optional()?.transpose()
}

/// The records of a stream.
pub(in crate::store) fn stream(
    connection: &Connection,
    tenant: &str,
    stream: Uuid,
) -> Result<Vec<StoredRecord>, StoreError> {
    let mut statement = connection.prepare_cached(STREAM)?;
    let rows = statement.query_and_then(params![tenant, stream.as_bytes()], |row| {
        let reader = Reader::new(TABLE, row);
        Ok(StoredRecord { version: reader.count("version")?, at: reader.instant("at")?, body: reader.bytes("body")? })
    })?;
    rows.collect()
}
