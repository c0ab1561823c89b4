//! Problems as RFC 9457 describes them. `schemas/errors.md` lists the codes; a test holds both together.

mod code;
mod desk;

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, header},
    response::Response,
};
use serde::Serialize;
use serde_json::Value;

pub use self::code::Code;
pub(super) use self::desk::{Act, conflict};
use super::exchange::RequestId;

/// Set to `true` on an answer that was given before and is only shown again.
pub(super) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How many problems of one request are told at most.
const ERRORS_MAX: usize = 100;

/// Why a request was not met: what the client sees. The inside of an error is in the log, under the id of the request.
#[derive(Clone, Debug)]
pub struct ProblemDetails {
    code: Code,
    detail: Option<String>,
    members: BTreeMap<&'static str, Value>,
    errors: Vec<ErrorItem>,
    replayed: bool,
    retry_after: Option<Duration>,
}

/// Where in a request something is wrong, and how.
#[derive(Clone, Debug, Serialize)]
struct ErrorItem {
    /// A place in the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// A parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    detail: String,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    request_id: uuid::Uuid,
    #[serde(skip_serializing_if = "<[ErrorItem]>::is_empty")]
    errors: &'a [ErrorItem],
    #[serde(flatten)]
    members: &'a BTreeMap<&'static str, Value>,
}

impl ProblemDetails {
    /// A problem that its code says everything about.
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, members: BTreeMap::new(), errors: Vec::new(), replayed: false, retry_after: None }
    }

    /// Says more about this case.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds a member of its own.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.insert(name, value.into());
        self
    }

    /// Names places in the body.
    #[must_use]
    pub fn at_pointers(mut self, problems: impl IntoIterator<Item = crate::desk::Problem>) -> Self {
        let items = problems.into_iter().map(|problem| ErrorItem {
            pointer: Some(problem.pointer),
            parameter: None,
            detail: problem.detail,
        });
        self.errors.extend(items.take(ERRORS_MAX));
        self
    }

    /// Names parameters of the query.
    #[must_use]
    pub fn at_parameters(mut self, problems: impl IntoIterator<Item = (String, String)>) -> Self {
        let items = problems.into_iter().map(|(parameter, detail)| ErrorItem {
            pointer: None,
            parameter: Some(parameter),
            detail,
        });
        self.errors.extend(items.take(ERRORS_MAX));
        self
    }

    /// It was the answer before and is only shown again.
    #[must_use]
    pub fn replayed(self, replayed: bool) -> Self {
        Self { replayed, ..self }
    }

    /// Says when it makes sense to ask again, where that is known better than by the code.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// After how many seconds it makes sense to ask again.
    pub(super) fn retry_after_seconds(&self) -> Option<u64> {
        // A second that has begun counts, since whoever comes a moment too early is refused again.
        let known = |wait: Duration| wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
        self.retry_after.map(known).or_else(|| self.code.retry_after_seconds().map(u64::from))
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    pub(super) fn into_response(self, id: RequestId) -> Response {
        let row = self.code.row();
        let document = Document {
            kind: format!("urn:zahlstelle:error:{}", row.name),
            title: row.title,
            status: row.status,
            code: row.name,
            detail: self.detail.as_deref(),
            request_id: id.0,
            errors: &self.errors,
            members: &self.members,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.replayed {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
