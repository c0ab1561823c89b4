//! Who asks: a key as bearer token (RFC 6750).

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};

use super::{AppState, Code, ProblemDetails, problem::Act};
use crate::desk::clients::{self, Caller};

/// How long a key is taken as good without asking the store: a revoked key works no longer than this.
const KEY_CACHED: SignedDuration = SignedDuration::from_secs(2);
/// How many keys are remembered at most.
const KEYS_CACHED_MAX: usize = 1_024;

/// Keys that were good a moment ago, by their hashes.
#[derive(Debug, Default)]
pub(super) struct KeyCache(Mutex<BTreeMap<[u8; 32], (Caller, Timestamp)>>);

/// The client that a request comes from.
pub(super) async fn authenticate(state: &AppState, headers: &HeaderMap) -> Result<Caller, ProblemDetails> {
    let key = bearer(headers).ok_or_else(|| ProblemDetails::new(Code::Unauthenticated))?;
    let now = state.desk.now();
    let hash = clients::hash(key);
    if let Some(caller) = state.keys.fresh(&hash, now) {
        return Ok(caller);
    }
    match state.desk.caller(key).await {
        Ok(Some(caller)) => {
            state.keys.keep(hash, caller.clone(), now);
            Ok(caller)
        }
        Ok(None) => Err(ProblemDetails::new(Code::Unauthenticated)),
        Err(error) => Err(ProblemDetails::of(error, Act::Read)),
    }
}

/// Whether a client may do what needs this scope.
pub(super) fn require(caller: &Caller, scope: &'static str) -> Result<(), ProblemDetails> {
    if caller.scopes.iter().any(|granted| granted == scope) {
        return Ok(());
    }
    Err(ProblemDetails::new(Code::ScopeMissing)
        .with_detail(format!("The key lacks the scope {scope}."))
        .with("scope", scope))
}

/// The token, if there is exactly one `Authorization` header and it has one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_start_matches(' '))
}

impl KeyCache {
    fn fresh(&self, hash: &[u8; 32], now: Timestamp) -> Option<Caller> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(hash).filter(|(_, since)| is_fresh(*since, now)).map(|(caller, _)| caller.clone())
    }

    fn keep(&self, hash: [u8; 32], caller: Caller, now: Timestamp) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS_CACHED_MAX {
            keys.retain(|_, (_, since)| is_fresh(*since, now));
        }
        if keys.len() < KEYS_CACHED_MAX {
            keys.insert(hash, (caller, now));
        }
    }
}

fn is_fresh(since: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(since);
    (SignedDuration::ZERO..KEY_CACHED).contains(&age)
}
