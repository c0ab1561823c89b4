//! The API of the portals.

pub(super) mod bodies;
pub(super) mod catalogue;
pub(super) mod events;
pub(super) mod payments;
pub(super) mod refunds;
pub(super) mod webhook_endpoints;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Code, ProblemDetails,
    json::{Problems, tree},
    problem::IDEMPOTENT_REPLAYED,
    routes::Call,
};
use crate::desk::{
    clients::Caller,
    idempotency::{Answered, Idempotency},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The most characters of an idempotency key.
const IDEMPOTENCY_KEY_LENGTH_MAX: usize = 255;
/// How many objects a page has where the client does not say.
const PAGE_DEFAULT: u32 = 20;
/// How many objects a page has at most.
const PAGE_MAX: u32 = 100;

/// A page of a list.
#[derive(Serialize)]
struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

/// An answer as JSON.
pub(super) fn json(status: u16, body: &impl Serialize) -> Result<Response, ProblemDetails> {
    let bytes = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        ProblemDetails::new(Code::Internal)
    })?;
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The same for the answer to a command, which may have been given before.
fn json_once(answered: Answered, body: &impl Serialize) -> Result<Response, ProblemDetails> {
    let mut response = json(answered.status, body)?;
    if answered.replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Says where the object that was made can be read.
fn locate(response: &mut Response, kind: &str, id: Uuid) {
    if let Ok(address) = HeaderValue::from_str(&format!("/v1/{kind}/{id}")) {
        response.headers_mut().insert(header::LOCATION, address);
    }
}

/// The key of a request that writes, with what it is used for.
fn idempotency(call: &Call, by: &Caller) -> Result<Idempotency, ProblemDetails> {
    let mut values = call.parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    let value = values.next().ok_or_else(|| ProblemDetails::new(Code::IdempotencyKeyMissing))?;
    let key = value.as_bytes();
    let is_key = (1..=IDEMPOTENCY_KEY_LENGTH_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if is_key && values.next().is_none() => {
            Ok(Idempotency::new(by.client, key, call.parts.method.as_str(), call.parts.uri.path(), &call.body))
        }
        _ => Err(ProblemDetails::new(Code::IdempotencyKeyInvalid)),
    }
}

/// The tree of a body that must be there.
fn body(call: &Call, problems: &mut Problems) -> Result<tree::Node, ProblemDetails> {
    let is_json = call.parts.headers.get(header::CONTENT_TYPE).is_some_and(is_json);
    if !is_json {
        return Err(ProblemDetails::new(Code::UnsupportedMediaType));
    }
    tree::parse(&call.body, problems)
}

/// The tree of a body that may be left out, which is the same as an empty object.
fn optional_body(call: &Call, problems: &mut Problems) -> Result<tree::Node, ProblemDetails> {
    if call.body.is_empty() { Ok(tree::Node::Object(Vec::new())) } else { body(call, problems) }
}

/// `application/json`, which is UTF-8 whether it says so or not (RFC 8259, section 8.1).
fn is_json(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = |part: &str| {
        part.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    essence && parts.all(|part| part.is_empty() || is_utf8(part))
}

/// An id of the path. What is no id names nothing.
fn id(call: &Call) -> Result<Uuid, ProblemDetails> {
    id_of(call, "id")
}

/// The same of a further thing that the path names.
fn id_of(call: &Call, parameter: &str) -> Result<Uuid, ProblemDetails> {
    uuid(call.param(parameter)).ok_or_else(|| ProblemDetails::new(Code::NotFound))
}

/// A UUID in its usual form alone, so that one thing has one address.
fn uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().to_string() == text).then_some(id)
}
