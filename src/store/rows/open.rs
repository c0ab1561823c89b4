//! What is open, over several tables: each figure is one statement that an index answers.

use rusqlite::{Connection, OptionalExtension, params};

use super::{seal, value::Reader};
use crate::store::{
    StoreError,
    commit::JobKind,
    read::{DueCount, EndpointBehind, Open, OpenQuery},
};

const INTENTS: &str =
    "SELECT count(*) AS number, min(intent_since) AS since FROM payment WHERE intent_since IS NOT NULL";
const UNKNOWN: &str = "SELECT count(*) AS number FROM payment WHERE tenant = $1 AND state = 'outcome_unknown'";
const DUE: &str = "SELECT kind, count(*) AS number, min(due_at) AS since FROM job WHERE due_at <= $1 GROUP BY kind";
const LAST: &str = "SELECT body FROM record WHERE tenant = $1 AND stream = $2 ORDER BY version DESC LIMIT 1";

/// Endpoints that something is sent to, with what waits for its first try and for another one.
const ENDPOINTS: &str = "SELECT webhook_endpoint.id, webhook_endpoint.position, \
    (SELECT record.at FROM seal JOIN record ON record.tenant = seal.tenant AND record.stream = seal.stream \
        AND record.version = seal.version WHERE seal.tenant = webhook_endpoint.tenant \
        AND seal.position = webhook_endpoint.position + 1) AS next_record, \
    (SELECT count(*) FROM webhook_delivery WHERE webhook_delivery.tenant = webhook_endpoint.tenant \
        AND webhook_delivery.endpoint = webhook_endpoint.id AND webhook_delivery.state = 'pending') AS pending, \
    (SELECT min(created_at) FROM webhook_delivery WHERE webhook_delivery.tenant = webhook_endpoint.tenant \
        AND webhook_delivery.endpoint = webhook_endpoint.id AND webhook_delivery.state = 'pending') AS oldest_pending \
    FROM webhook_endpoint WHERE webhook_endpoint.tenant = $1 AND webhook_endpoint.disabled_reason IS NULL \
    ORDER BY webhook_endpoint.id";

/// Looks at everything that is asked for.
pub(in crate::store) fn look(connection: &Connection, query: &OpenQuery) -> Result<Open, StoreError> {
    let (intents, oldest_intent) = connection.prepare_cached(INTENTS)?.query_row([], |row| {
        let reader = Reader::new("payment", row);
        Ok(reader.count("number").and_then(|number| Ok((number, reader.optional_instant("since")?))))
    })??;
    let mut open = Open { intents, oldest_intent, ..Open::default() };
    for tenant in &query.tenants {
        let number = |row: &rusqlite::Row<'_>| Ok(Reader::new("payment", row).count("number"));
        open.unknown.push(connection.prepare_cached(UNKNOWN)?.query_row(params![tenant], number)??);
        open.log_heads.push(seal::head(connection, tenant)?.map_or(0, |(position, _)| position));
    }
    let mut statement = connection.prepare_cached(DUE)?;
    let due = statement.query_and_then(params![query.now.as_microsecond()], |row| {
        let reader = Reader::new("job", row);
        let kind = JobKind::from_number(reader.integer("kind")?).ok_or_else(|| reader.inconsistent("kind"))?;
        Ok::<_, StoreError>(DueCount {
            kind,
            count: reader.count("number")?,
            oldest: reader.optional_instant("since")?,
        })
    })?;
    open.due = due.collect::<Result<_, _>>()?;
    for (tenant, head) in query.tenants.iter().zip(&open.log_heads) {
        let mut statement = connection.prepare_cached(ENDPOINTS)?;
        let behind = statement.query_and_then(params![tenant], |row| {
            let reader = Reader::new("webhook_endpoint", row);
            Ok::<_, StoreError>(EndpointBehind {
                tenant: tenant.clone(),
                endpoint: reader.id("id")?,
                behind: head.saturating_sub(reader.count("position")?),
                next_record: reader.optional_instant("next_record")?,
                pending: reader.count("pending")?,
                oldest_pending: reader.optional_instant("oldest_pending")?,
            })
        })?;
        open.endpoints.extend(behind.collect::<Result<Vec<_>, _>>()?);
    }
    for (tenant, stream) in &query.last_records {
        let body = |row: &rusqlite::Row<'_>| Ok(Reader::new("record", row).bytes("body"));
        let mut statement = connection.prepare_cached(LAST)?;
        open.last_records.push(statement.query_row(params![tenant, stream.as_bytes()], body).optional()?.transpose()?);
    }
    Ok(open)
}
