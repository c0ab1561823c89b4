//! Answers kept under the idempotency key of the request that first brought the key.

use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    adyen::error::ServiceError,
    clock::after,
    exchange::{Delivery, Request, Response},
};

/// The longest key, in characters.
pub(crate) const KEY_LENGTH_MAX: usize = 64;
/// How long a key is remembered, in seconds: 7 days, the least that Adyen promises.
const KEY_LIFETIME_SECONDS: i64 = 7 * 24 * 3_600;
/// How many keys are remembered.
const KEYS_MAX: usize = 500_000;

/// All answers that would be given again.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Keys {
    answers: BTreeMap<String, Kept>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Kept {
    /// SHA-256 of the request, in hexadecimal.
    digest: String,
    status: u16,
    body: String,
    at: Timestamp,
}

impl Keys {
    /// The answer of the first request with this key, if it was the same request.
    pub(crate) fn replay(
        &self,
        key: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Option<Response>, ServiceError> {
        let Some(kept) = self.answers.get(key).filter(|kept| now < after(kept.at, KEY_LIFETIME_SECONDS)) else {
            return Ok(None);
        };
        if kept.digest != digest(request) {
            return Err(ServiceError::invalid("704", "Idempotency-Key was used with another request"));
        }
        let status = StatusCode::from_u16(kept.status).map_err(|_| ServiceError::Internal)?;
        let mut response = Response {
            status,
            headers: HeaderMap::new(),
            body: kept.body.clone().into_bytes(),
            delivery: Delivery::Answer,
            chores: Vec::new(),
        };
        response = response.header(http::header::CONTENT_TYPE, "application/json;charset=utf-8");
        Ok(Some(response))
    }

    /// Whether another key can be remembered, after forgetting what is too old.
    pub(crate) fn has_room(&mut self, now: Timestamp) -> bool {
        if self.answers.len() >= KEYS_MAX {
            self.answers.retain(|_, kept| now < after(kept.at, KEY_LIFETIME_SECONDS));
        }
        self.answers.len() < KEYS_MAX
    }

    pub(crate) fn keep(&mut self, key: &str, request: &Request, response: &Response, now: Timestamp) {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        let kept = Kept { digest: digest(request), status: response.status.as_u16(), body, at: now };
        self.answers.insert(key.to_owned(), kept);
    }
}

fn digest(request: &Request) -> String {
    let mut hash = Sha256::new();
    for part in [request.method.as_str().as_bytes(), request.path.as_bytes(), &request.body] {
        hash.update(part);
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}
