//! One request, from its id to its line in the log.

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use tokio::time::{Instant, timeout};
use tracing::{Instrument, Span};
use url::Url;
use uuid::Uuid;

use super::{AppState, Code, ProblemDetails, pages};
use crate::desk::clients::Caller;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The id of a request, which its answer and every line of the log about it carry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct RequestId(pub(super) Uuid);

/// What a handler has to say: an answer or a problem, and who asked.
pub(super) struct Handled {
    pub(super) caller: Option<Caller>,
    pub(super) answer: Result<Response, ProblemDetails>,
}

/// Who reads the answer, and so in which form a problem is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reader {
    /// A program.
    Program,
    /// A person with a browser.
    Citizen,
}

impl Reader {
    fn told(self, problem: ProblemDetails, id: RequestId) -> Response {
        match self {
            Self::Program => problem.into_response(id),
            Self::Citizen => pages::sorry(&problem),
        }
    }
}

/// Handles a request in a task of its own and answers for it. When the client goes or the time is over, the task goes on.
pub(super) async fn carry(
    state: &AppState,
    operation: &'static str,
    time: Duration,
    reader: Reader,
    work: impl Future<Output = Handled> + Send + 'static,
) -> Response {
    let id = RequestId(state.new_id());
    let began = Instant::now();
    let span = tracing::info_span!(
        "request",
        request_id = %id.0,
        operation,
        status = tracing::field::Empty,
        trace_id = tracing::field::Empty,
        parent_id = tracing::field::Empty
    );
    let counted = state.desk.metrics().requests.begin(operation);
    let handler = async move {
        let handled = work.await;
        let response = handled.answer.unwrap_or_else(|problem| reader.told(problem, id));
        counted.end(response.status().as_u16());
        write_line(operation, response.status(), began, handled.caller.as_ref());
        // After the line, which has a status of its own.
        Span::current().record("status", response.status().as_u16());
        response
    };
    let running = state.drain.handlers().spawn(handler.instrument(span.clone()));
    let response = match timeout(time, running).await {
        Ok(Ok(response)) => response,
        Ok(Err(broken)) => {
            span.in_scope(|| tracing::error!(error = %broken, "handling a request broke"));
            reader.told(ProblemDetails::new(Code::Internal), id)
        }
        Err(_) => {
            state.desk.metrics().requests.overdue(operation);
            span.in_scope(|| tracing::warn!("the client was told to come back, the work goes on"));
            reader.told(ProblemDetails::new(Code::RequestTimeout), id)
        }
    };
    with_headers(response, id, &state.desk.settings().public_url)
}

/// One line a request: no bodies, no keys, no query values, no addresses.
fn write_line(operation: &str, status: StatusCode, began: Instant, caller: Option<&Caller>) {
    let status = status.as_u16();
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let tenant = caller.map(|caller| caller.tenant.as_str());
    let client = caller.map(|caller| tracing::field::display(caller.client));
    tracing::info!(status, milliseconds, tenant, client, "{operation} answered {status}");
}

/// For half a year browsers come encrypted, even where somebody types the address without. Other hosts below the same name
/// are not ours to decide about.
const COME_ENCRYPTED: HeaderValue = HeaderValue::from_static("max-age=15768000");

fn with_headers(mut response: Response, id: RequestId, public_url: &Url) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.0.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if public_url.scheme() == "https" {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, COME_ENCRYPTED);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn browsers_are_told_to_come_encrypted_where_that_is_possible() {
        for (public_url, told) in [("https://zahlung.example.org", true), ("http://127.0.0.1:8080", false)] {
            let answer = Response::new(Body::empty());
            let answer = with_headers(answer, RequestId(Uuid::nil()), &public_url.parse().unwrap());
            let header = answer.headers().get(header::STRICT_TRANSPORT_SECURITY);
            assert_eq!(header.is_some(), told, "{public_url}");
            assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }
}
