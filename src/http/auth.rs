//! Who asks: a key as bearer token (RFC 6750).

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};

use super::{AppState, Code, Counted, ProblemDetails, problem::Act, source::Source};
use crate::desk::clients::{self, Caller};

/// How long a key is taken as good without asking the store: a revoked key works no longer than this.
const KEY_CACHED: SignedDuration = SignedDuration::from_secs(2);
/// How long a key that was good is looked up again whatever else comes from its source.
const KEY_KNOWN: SignedDuration = SignedDuration::from_hours(1);
/// How many keys are remembered at most.
const KEYS_CACHED_MAX: usize = 1_024;

/// Keys that were good a moment ago, by their hashes.
#[derive(Debug, Default)]
pub(super) struct KeyCache(Mutex<BTreeMap<[u8; 32], (Caller, Timestamp)>>);

/// How well a key is known.
enum Known {
    /// It was good a moment ago, and is taken as good.
    Fresh(Caller),
    /// It was good a short while ago, and is looked up again.
    Stale,
    /// Nobody has used it lately, or it is none.
    Not,
}

/// The client that a request comes from.
///
/// A source that tries key after key is stopped before the store is asked. Who shares that source, such as portals
/// behind one address, goes on with keys that were good: they are not tries.
pub(super) async fn authenticate(
    state: &AppState,
    source: Source,
    headers: &HeaderMap,
) -> Result<Caller, ProblemDetails> {
    let now = state.desk.now();
    let key = bearer(headers);
    let hash = key.map(clients::hash);
    let known = hash.as_ref().map_or(Known::Not, |hash| state.keys.known(hash, now));
    match (known, &state.gates) {
        (Known::Fresh(caller), _) => return Ok(caller),
        (Known::Not, Some(gates)) => gates.sign_in(source, &state.counts)?,
        (Known::Not, None) | (Known::Stale, _) => {}
    }
    let (Some(key), Some(hash)) = (key, hash) else { return Err(failed(state)) };
    match state.desk.caller(key).await {
        Ok(Some(caller)) => {
            state.keys.keep(hash, caller.clone(), now);
            Ok(caller)
        }
        Ok(None) => {
            state.keys.forget(&hash);
            Err(failed(state))
        }
        Err(error) => Err(ProblemDetails::of(error, Act::Read)),
    }
}

/// Nobody has signed in. The log names the request; neither the key nor the address, which belongs to a person.
fn failed(state: &AppState) -> ProblemDetails {
    state.counts.note(Counted::SignInFailed);
    tracing::warn!("a request had no key that is known");
    ProblemDetails::new(Code::Unauthenticated)
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
    fn known(&self, hash: &[u8; 32], now: Timestamp) -> Known {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.get(hash) {
            Some((caller, since)) if is_within(KEY_CACHED, *since, now) => Known::Fresh(caller.clone()),
            Some((_, since)) if is_within(KEY_KNOWN, *since, now) => Known::Stale,
            Some(_) | None => Known::Not,
        }
    }

    fn keep(&self, hash: [u8; 32], caller: Caller, now: Timestamp) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS_CACHED_MAX && !keys.contains_key(&hash) {
            keys.retain(|_, (_, since)| is_within(KEY_CACHED, *since, now));
        }
        if keys.len() < KEYS_CACHED_MAX || keys.contains_key(&hash) {
            keys.insert(hash, (caller, now));
        }
    }

    fn forget(&self, hash: &[u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }
}

fn is_within(time: SignedDuration, since: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(since);
    (SignedDuration::ZERO..time).contains(&age)
}
