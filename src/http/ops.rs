//! What operators and developers look at where everybody can: how it is, in one word. More is told to operators alone.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use super::{ProblemDetails, api, routes::Call};
use crate::desk::readiness::Status;

const OPENAPI: &str = include_str!("../../schemas/openapi.yaml");

/// The process runs and answers.
pub(super) fn live() -> Response {
    text("ok\n", HeaderValue::from_static("text/plain; charset=utf-8"))
}

/// What everybody may know of how it is.
#[derive(Serialize)]
struct PublicReadiness {
    status: Status,
}

/// Whether the process can do its work. Others that are down, such as a provider, make it degraded and not unready.
pub(super) async fn ready(call: Call) -> Result<Response, ProblemDetails> {
    let readiness = call.state.desk.readiness(call.state.drain.has_begun()).await;
    health(readiness.status, &PublicReadiness { status: readiness.status })
}

/// An answer about how it is, by whose status alone a balancer can decide.
pub(super) fn health(status: Status, body: &impl Serialize) -> Result<Response, ProblemDetails> {
    let code = match status {
        Status::Ready | Status::Degraded => StatusCode::OK,
        Status::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    };
    api::json(code.as_u16(), body)
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
