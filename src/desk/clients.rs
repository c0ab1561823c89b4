//! Clients of the API and their keys. A key is shown once; only its hash is kept.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zahlstelle_contract::provider::Environment;

use super::{
    Desk, DeskError,
    log::{self, ClientRecord},
};
use crate::{
    domain::ids::ClientId,
    ids::Ids,
    store::{
        Store,
        commit::{Append, Commit, Outcome, Row, StreamKind},
        read::Client,
    },
};

/// What a client may be allowed to do by its key. Approving is for persons and is not among them.
pub const SCOPES: [&str; 8] = [
    "payments:write",
    "payments:read",
    "refunds:request",
    "webhooks:manage",
    "terminals:use",
    "books:read",
    "books:write",
    "operate",
];

/// How many hexadecimal digits follow the prefix of a key.
const KEY_DIGITS: usize = 64;

/// Who sends a request: a client whose key is known and has not been revoked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The Mandant it acts for.
    pub tenant: String,
    /// Its id.
    pub client: ClientId,
    /// What it may do.
    pub scopes: Vec<String>,
}

impl Desk {
    /// The client of a key; [`None`] for a key that opens nothing, whatever the reason.
    pub async fn caller(&self, key: &str) -> Result<Option<Caller>, DeskError> {
        let Some(environment) = environment_of(key) else { return Ok(None) };
        let hash = hash(key);
        let Some(client) = self.store.client_by_key(hash).await? else { return Ok(None) };
        let known = bool::from(client.key_hash.ct_eq(&hash)) && client.revoked_at.is_none();
        let fits = self.tenants.get(&client.tenant).is_some_and(|desk| desk.tenant.environment == environment);
        Ok((known && fits).then_some(Caller {
            tenant: client.tenant,
            client: ClientId(client.id),
            scopes: client.scopes,
        }))
    }
}

/// The environment that a key of the right shape says it is for.
fn environment_of(key: &str) -> Option<Environment> {
    let of = |environment| key.strip_prefix(prefix(environment)).map(|digits| (environment, digits));
    let (environment, digits) = of(Environment::Test).or_else(|| of(Environment::Live))?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == KEY_DIGITS && digits.bytes().all(is_digit)).then_some(environment)
}

fn prefix(environment: Environment) -> &'static str {
    match environment {
        Environment::Test => "zs_test_",
        Environment::Live => "zs_live_",
    }
}

/// Makes a client with a key, and returns the key. It cannot be shown again.
pub async fn create(
    store: &dyn Store,
    ids: &dyn Ids,
    now: Timestamp,
    tenant: &str,
    environment: Environment,
    name: &str,
    scopes: &[String],
) -> Result<(Client, String), DeskError> {
    let key = format!("{}{}", prefix(environment), hex::encode(ids.bytes()));
    let client = Client {
        tenant: tenant.to_owned(),
        id: ids.id(now),
        name: name.to_owned(),
        key_hash: hash(&key),
        scopes: scopes.to_vec(),
        created_at: now,
        revoked_at: None,
    };
    let record = ClientRecord::KeyCreated { client: client.id, scopes: scopes.to_vec() };
    write(store, ids, now, client.clone(), 0, &record).await?;
    Ok((client, key))
}

/// Makes the key of a client cease to work.
pub async fn revoke(store: &dyn Store, ids: &dyn Ids, now: Timestamp, tenant: &str, id: Uuid) -> Result<(), DeskError> {
    let clients = store.clients(tenant).await?;
    let client = clients.into_iter().find(|client| client.id == id).ok_or(DeskError::NotFound)?;
    if client.revoked_at.is_some() {
        return Ok(());
    }
    let version = store.stream(tenant, id).await?.last().map_or(0, |record| record.version);
    let client = Client { revoked_at: Some(now), ..client };
    write(store, ids, now, client, version, &ClientRecord::KeyRevoked { client: id }).await
}

/// The hash under which a key is kept.
pub fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

async fn write(
    store: &dyn Store,
    ids: &dyn Ids,
    now: Timestamp,
    client: Client,
    expected_version: u64,
    record: &ClientRecord,
) -> Result<(), DeskError> {
    let mut commit = Commit::new(ids.id(now), client.tenant.clone(), now);
    let records = vec![log::plain_record(record)?];
    commit.appends.push(Append { stream: client.id, expected_version, kind: StreamKind::Client, records });
    commit.rows.push(Row::Client(client));
    match store.commit(commit).await? {
        Outcome::Committed | Outcome::AlreadyCommitted => Ok(()),
        Outcome::Stale(_) | Outcome::Taken(_) | Outcome::FenceLost => Err(DeskError::Contended),
    }
}
