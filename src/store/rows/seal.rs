//! Table `seal`: position, day and hash of every record.

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::value::{Reader, integer};
use crate::store::{
    StoreError,
    commit::StreamKind,
    read::{SealedRecord, Unpaired},
};

const TABLE: &str = "seal";
const INSERT: &str = "INSERT INTO seal (tenant, position, stream, version, wanted_day, booking_day, hash) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const HEAD: &str = "SELECT position, hash FROM seal WHERE tenant = $1 ORDER BY position DESC LIMIT 1";
const LAST: &str = "SELECT coalesce(max(position), 0) AS position FROM seal WHERE tenant = $1";
const DAY: &str = "SELECT stream, version, booking_day FROM seal WHERE tenant = $1 AND stream = $2 AND version = $3";
const LOG: &str = "SELECT seal.position, seal.stream, seal.version, seal.wanted_day, seal.booking_day, seal.hash, \
    record.kind, record.at, record.body FROM seal JOIN record \
    ON record.tenant = seal.tenant AND record.stream = seal.stream AND record.version = seal.version \
    WHERE seal.tenant = $1 AND seal.position > $2 ORDER BY seal.position LIMIT $3";
const UNPAIRED: &str = "SELECT stream, version, 1 AS has_record FROM record WHERE record.tenant = $1 AND NOT EXISTS \
    (SELECT 1 FROM seal WHERE seal.tenant = record.tenant AND seal.stream = record.stream \
    AND seal.version = record.version) \
    UNION ALL SELECT stream, version, 0 AS has_record FROM seal WHERE seal.tenant = $1 AND NOT EXISTS \
    (SELECT 1 FROM record WHERE record.tenant = seal.tenant AND record.stream = seal.stream \
    AND record.version = seal.version) LIMIT $2";
const TENANTS: &str = "SELECT tenant FROM record UNION SELECT tenant FROM seal UNION SELECT tenant FROM account_day \
    UNION SELECT tenant FROM claim UNION SELECT tenant FROM payment UNION SELECT tenant FROM side \
    UNION SELECT tenant FROM job UNION SELECT tenant FROM inbox UNION SELECT tenant FROM client \
    UNION SELECT tenant FROM webhook_endpoint UNION SELECT tenant FROM webhook_delivery ORDER BY tenant";

/// What one row is made of.
pub(in crate::store) struct NewRow<'a> {
    pub(in crate::store) tenant: &'a str,
    pub(in crate::store) position: u64,
    pub(in crate::store) stream: Uuid,
    pub(in crate::store) version: u64,
    pub(in crate::store) wanted_day: Date,
    pub(in crate::store) booking_day: Date,
    pub(in crate::store) hash: [u8; 32],
}

/// Seals a record.
pub(in crate::store) fn insert(connection: &Connection, row: &NewRow<'_>) -> Result<(), StoreError> {
    let written = connection.prepare_cached(INSERT)?.execute(params![
        row.tenant,
        integer(row.position),
        row.stream.as_bytes(),
        integer(row.version),
        row.wanted_day.to_string(),
        row.booking_day.to_string(),
        row.hash
    ])?;
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// The last position and its hash.
pub(in crate::store) fn head(connection: &Connection, tenant: &str) -> Result<Option<(u64, [u8; 32])>, StoreError> {
    let mut statement = connection.prepare_cached(HEAD)?;
    let read = |row: &rusqlite::Row<'_>| {
        let reader = Reader::new(TABLE, row);
        Ok(reader.count("position").and_then(|position| Ok((position, reader.hash("hash")?))))
    };
    statement.query_row(params![tenant], read).optional()?.transpose()
}

/// The last position, 0 where the log is empty.
pub(in crate::store) fn last(connection: &Connection, tenant: &str) -> Result<u64, StoreError> {
    connection.prepare_cached(LAST)?.query_row(params![tenant], |row| Ok(Reader::new(TABLE, row).count("position")))?
}

/// The booking day of a record.
pub(in crate::store) fn booking_day(
    connection: &Connection,
    tenant: &str,
    stream: Uuid,
    version: u64,
) -> Result<Option<Date>, StoreError> {
    let mut statement = connection.prepare_cached(DAY)?;
    let parameters = params![tenant, stream.as_bytes(), integer(version)];
    statement.query_row(parameters, |row| Ok(Reader::new(TABLE, row).day("booking_day"))).optional()?.transpose()
}

/// The log after a position.
pub(in crate::store) fn log(
    connection: &Connection,
    tenant: &str,
    after: u64,
    limit: u32,
) -> Result<Vec<SealedRecord>, StoreError> {
    let mut statement = connection.prepare_cached(LOG)?;
    let rows = statement.query_and_then(params![tenant, integer(after), limit], |row| {
        let reader = Reader::new(TABLE, row);
        Ok(SealedRecord {
            position: reader.count("position")?,
            stream: reader.id("stream")?,
            version: reader.count("version")?,
            kind: reader.parsed("kind", StreamKind::from_name)?,
            at: reader.instant("at")?,
            wanted_day: reader.day("wanted_day")?,
            booking_day: reader.day("booking_day")?,
            hash: reader.hash("hash")?,
            body: reader.bytes("body")?,
        })
    })?;
    rows.collect()
}

/// Records without a seal and seals without a record.
pub(in crate::store) fn unpaired(
    connection: &Connection,
    tenant: &str,
    limit: u32,
) -> Result<Vec<Unpaired>, StoreError> {
    let mut statement = connection.prepare_cached(UNPAIRED)?;
    let rows = statement.query_and_then(params![tenant, limit], |row| {
        let reader = Reader::new(TABLE, row);
        Ok(Unpaired {
            stream: reader.id("stream")?,
            version: reader.count("version")?,
            has_record: reader.count("has_record")? == 1,
        })
    })?;
    rows.collect()
}

/// The Mandanten that any table knows.
pub(in crate::store) fn tenants(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(TENANTS)?;
    let rows = statement.query_and_then([], |row| Reader::new(TABLE, row).text("tenant"))?;
    rows.collect()
}
