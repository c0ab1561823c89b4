//! Table `account_day`: sums per account and day.

use jiff::civil::Date;
use rusqlite::{Connection, params};

use super::value::Reader;
use crate::store::{StoreError, read::AccountDay};

const TABLE: &str = "account_day";
const ADD: &str = "INSERT INTO account_day (tenant, day, account, currency, debit, credit) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, day, account, currency) \
    DO UPDATE SET debit = account_day.debit + excluded.debit, credit = account_day.credit + excluded.credit";
const ALL: &str = "SELECT day, account, currency, debit, credit FROM account_day WHERE tenant = $1 \
    ORDER BY day, account, currency";

/// Which sum.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::store) struct Key {
    pub(in crate::store) tenant: String,
    pub(in crate::store) day: Date,
    pub(in crate::store) account: String,
    pub(in crate::store) currency: &'static str,
}

/// Adds to a sum.
pub(in crate::store) fn add(connection: &Connection, key: &Key, debit: i64, credit: i64) -> Result<(), StoreError> {
    let parameters = params![key.tenant, key.day.to_string(), key.account, key.currency, debit, credit];
    let written = connection.prepare_cached(ADD)?.execute(parameters)?;
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// All sums of a Mandant.
pub(in crate::store) fn all(connection: &Connection, tenant: &str) -> Result<Vec<AccountDay>, StoreError> {
    let mut statement = connection.prepare_cached(ALL)?;
    let rows = statement.query_and_then(params![tenant], |row| {
        let reader = Reader::new(TABLE, row);
        Ok(AccountDay {
            day: reader.day("day")?,
            account: reader.text("account")?,
            currency: reader.text("currency")?,
            debit: reader.integer("debit")?,
            credit: reader.integer("credit")?,
        })
    })?;
    rows.collect()
}
