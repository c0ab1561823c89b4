//! What operators and developers look at.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};

use super::{Code, ProblemDetails, problem::Act, routes::Call};
use crate::desk::DeskError;

const OPENAPI: &str = include_str!("../../schemas/openapi.yaml");

/// The process runs and answers.
pub(super) fn live() -> Response {
    text("ok\n", HeaderValue::from_static("text/plain; charset=utf-8"))
}

/// The process can do its work: the storage answers, and it is not going down.
pub(super) async fn ready(call: Call) -> Result<Response, ProblemDetails> {
    if call.state.drain.has_begun() {
        return Err(ProblemDetails::new(Code::Draining));
    }
    let answered = call.state.desk.store().next_due().await;
    answered.map_err(|error| ProblemDetails::of(DeskError::Store(error), Act::Read))?;
    Ok(text("ready\n", HeaderValue::from_static("text/plain; charset=utf-8")))
}

/// The description of the API.
pub(super) fn openapi() -> Response {
    text(OPENAPI, HeaderValue::from_static("application/yaml"))
}

fn text(body: &'static str, kind: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
