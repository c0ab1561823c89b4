//! Table `claim`: everything that may exist once.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::value::{Reader, integer};
use crate::store::{
    StoreError,
    commit::{Answer, ClaimKey, NewClaim, Space, Takeover},
    read::{Claim, HeldKey},
};

const TABLE: &str = "claim";
const INSERT: &str = "INSERT INTO claim (tenant, space, key, holder, digest, lease_until, status, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
const SUCCEED: &str = "UPDATE claim SET holder = $1 WHERE tenant = $2 AND space = $3 AND key = $4 AND holder = $5";
const ANSWER: &str = "UPDATE claim SET status = $1, version = $2, lease_until = NULL \
    WHERE tenant = $3 AND space = $4 AND key = $5";
const TAKE_OVER: &str = "UPDATE claim SET lease_until = $1 \
    WHERE tenant = $2 AND space = $3 AND key = $4 AND lease_until = $5 AND status IS NULL";
const RELEASE: &str = "DELETE FROM claim WHERE tenant = $1 AND space = $2 AND key = $3 AND holder = $4";
const GET: &str = "SELECT key, holder, digest, status, version, lease_until FROM claim \
    WHERE tenant = $1 AND space = $2 AND key = $3";
const PAGE: &str = "SELECT space, key, holder FROM claim WHERE tenant = $1 AND (space, key) > ($2, $3) \
    ORDER BY space, key LIMIT $4";

/// Takes a key; `false` when it is taken.
pub(in crate::store) fn insert(connection: &Connection, tenant: &str, claim: &NewClaim) -> Result<bool, StoreError> {
    if let Some(former) = claim.instead_of {
        let (space, key) = (claim.key.space.number(), claim.key.key);
        let parameters = params![claim.holder.as_bytes(), tenant, space, key, former.as_bytes()];
        return Ok(connection.prepare_cached(SUCCEED)?.execute(parameters)? == 1);
    }
    let written = connection.prepare_cached(INSERT)?.execute(params![
        tenant,
        claim.key.space.number(),
        claim.key.key,
        claim.holder.as_bytes(),
        claim.digest,
        claim.lease_until.map(jiff::Timestamp::as_microsecond),
        claim.answer.map(|(status, _)| status),
        claim.answer.map(|(_, version)| integer(version))
    ])?;
    Ok(written == 1)
}

/// Notes an answer under a key.
pub(in crate::store) fn answer(connection: &Connection, tenant: &str, answer: &Answer) -> Result<(), StoreError> {
    let parameters = params![answer.status, integer(answer.version), tenant, answer.key.space.number(), answer.key.key];
    let written = connection.prepare_cached(ANSWER)?.execute(parameters)?;
    if written == 1 { Ok(()) } else { Err(StoreError::RowsAffected { table: TABLE, expected: 1, actual: written }) }
}

/// Takes over a lease that ran out; `false` when somebody else did, or an answer came.
pub(in crate::store) fn take_over(
    connection: &Connection,
    tenant: &str,
    takeover: &Takeover,
) -> Result<bool, StoreError> {
    let written = connection.prepare_cached(TAKE_OVER)?.execute(params![
        takeover.lease_until.as_microsecond(),
        tenant,
        takeover.key.space.number(),
        takeover.key.key,
        takeover.expected_lease.as_microsecond()
    ])?;
    Ok(written == 1)
}

/// Gives a key back; it may have been given back before, and somebody else's key stays theirs.
pub(in crate::store) fn release(
    connection: &Connection,
    tenant: &str,
    key: &ClaimKey,
    holder: Uuid,
) -> Result<(), StoreError> {
    connection.prepare_cached(RELEASE)?.execute(params![tenant, key.space.number(), key.key, holder.as_bytes()])?;
    Ok(())
}

/// Who holds a key.
pub(in crate::store) fn get(
    connection: &Connection,
    tenant: &str,
    key: &ClaimKey,
) -> Result<Option<Claim>, StoreError> {
    let mut statement = connection.prepare_cached(GET)?;
    let parameters = params![tenant, key.space.number(), key.key];
    statement.query_row(parameters, |row| Ok(parse(&Reader::new(TABLE, row)))).optional()?.transpose()
}

/// The keys that are held after one of them; numbers of spaces begin with 1.
pub(in crate::store) fn page(
    connection: &Connection,
    tenant: &str,
    after: Option<ClaimKey>,
    limit: u32,
) -> Result<Vec<HeldKey>, StoreError> {
    let (space, key) = after.map_or((0, [0; 16]), |after| (after.space.number(), after.key));
    let mut statement = connection.prepare_cached(PAGE)?;
    let rows = statement.query_and_then(params![tenant, space, key, limit], |row| {
        let reader = Reader::new(TABLE, row);
        let space = Space::from_number(reader.integer("space")?).ok_or_else(|| reader.inconsistent("space"))?;
        let key = ClaimKey { space, key: reader.half_hash("key")? };
        Ok(HeldKey { key, holder: reader.id("holder")? })
    })?;
    rows.collect()
}

fn parse(reader: &Reader<'_>) -> Result<Claim, StoreError> {
    let status = reader.optional_integer("status")?;
    let answer = match status {
        Some(status) => {
            let status = u16::try_from(status).map_err(|_| reader.inconsistent("status"))?;
            Some((status, reader.count("version")?))
        }
        None => None,
    };
    Ok(Claim {
        holder: reader.id("holder")?,
        digest: reader.optional_hash("digest")?,
        answer,
        lease_until: reader.optional_instant("lease_until")?,
    })
}
