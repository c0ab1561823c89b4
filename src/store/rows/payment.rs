//! Table `payment`: payments to be listed.

use std::fmt::Write as _;

use rusqlite::{Connection, ToSql, params};

use super::value::{Reader, integer};
use crate::store::{
    StoreError,
    read::{ListFilter, ListedPayment},
};

const TABLE: &str = "payment";
const REPLACE: &str = "INSERT INTO payment (tenant, id, version, state, kassenzeichen, created_at, intent_since) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, id) \
    DO UPDATE SET version = excluded.version, state = excluded.state, intent_since = excluded.intent_since";
const COLUMNS: &str = "SELECT payment.id, payment.version, payment.state, payment.kassenzeichen, payment.created_at, \
    payment.intent_since FROM payment";

/// Replaces a payment.
pub(in crate::store) fn replace(connection: &Connection, tenant: &str, row: &ListedPayment) -> Result<(), StoreError> {
    let written = connection.prepare_cached(REPLACE)?.execute(params![
        tenant,
        row.id.as_bytes(),
        integer(row.version),
        row.state,
        row.kassenzeichen,
        row.created_at.as_microsecond(),
        row.intent_since.map(jiff::Timestamp::as_microsecond)
    ])?;
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// The payments that fit a filter, newest first.
pub(in crate::store) fn list(
    connection: &Connection,
    tenant: &str,
    filter: &ListFilter,
) -> Result<Vec<ListedPayment>, StoreError> {
    let created_after = filter.created_after.map(jiff::Timestamp::as_microsecond);
    let created_before = filter.created_before.map(jiff::Timestamp::as_microsecond);
    let before = filter.before.map(uuid::Uuid::into_bytes);
    // Only fixed texts are joined here; every value is a parameter.
    let mut sql = COLUMNS.to_owned();
    let mut values: Vec<&dyn ToSql> = Vec::new();
    if let Some(reference) = &filter.reference {
        values.push(reference);
        sql.push_str(" JOIN side ON side.tenant = payment.tenant AND side.id = payment.id AND side.reference = $1");
    }
    values.push(&tenant);
    // Writing to a String cannot fail.
    let _ = write!(sql, " WHERE payment.tenant = ${}", values.len());
    let mut add = |condition: &str, value| {
        values.push(value);
        let _ = write!(sql, " AND {condition} ${}", values.len());
    };
    if let Some(kassenzeichen) = &filter.kassenzeichen {
        add("payment.kassenzeichen =", kassenzeichen);
    }
    if let Some(state) = &filter.state {
        add("payment.state =", state);
    }
    if let Some(created_after) = &created_after {
        add("payment.created_at >=", created_after);
    }
    if let Some(created_before) = &created_before {
        add("payment.created_at <", created_before);
    }
    if let Some(before) = &before {
        add("payment.id <", before);
    }
    values.push(&filter.limit);
    let _ = write!(sql, " ORDER BY payment.id DESC LIMIT ${}", values.len());
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_and_then(values.as_slice(), |row| parse(&Reader::new(TABLE, row)))?;
    rows.collect()
}

fn parse(reader: &Reader<'_>) -> Result<ListedPayment, StoreError> {
    Ok(ListedPayment {
        id: reader.id("id")?,
        version: reader.count("version")?,
        state: reader.text("state")?,
        kassenzeichen: reader.text("kassenzeichen")?,
        created_at: reader.instant("created_at")?,
        intent_since: reader.optional_instant("intent_since")?,
    })
}
