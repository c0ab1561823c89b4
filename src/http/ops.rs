//! What operators and developers look at where everybody can: how it is, in one word. More is told to operators alone.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{AppState, ProblemDetails, api, routes::Call};
use crate::desk::{
    Desk,
    readiness::{Check, Readiness, Status},
};

const OPENAPI: &str = include_str!("../../schemas/openapi.yaml");

/// How long before its end a certificate should have been renewed.
const CERTIFICATE_NEAR_END: SignedDuration = SignedDuration::from_hours(14 * 24);

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
    let readiness = readiness(&call.state.desk, Some(&call.state)).await;
    health(readiness.status, &PublicReadiness { status: readiness.status })
}

/// How everything is: what the desk sees, and the server that portals and citizens reach, where this process has one.
pub(super) async fn readiness(desk: &Desk, server: Option<&AppState>) -> Readiness {
    let mut checks = desk.checks().await;
    if let Some(server) = server {
        checks.push(if server.drain.has_begun() {
            Check::not_ready("server", "draining")
        } else {
            Check::well("server")
        });
        if let Some(tls) = &server.tls {
            checks.push(certificate(tls.expires_at(), desk.now()));
        }
    }
    Readiness::of(checks)
}

/// Whoever renews the certificate has forgotten it when it comes so near its end.
fn certificate(expires_at: Option<Timestamp>, now: Timestamp) -> Check {
    match expires_at.filter(|expires_at| expires_at.duration_since(now) < CERTIFICATE_NEAR_END) {
        Some(_) => Check::degraded("certificate", "certificate_near_end", None),
        None => Check::well("certificate"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_of_two_weeks_before_its_end() {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        for (expires_at, code) in [
            (None, None),
            (Some("2026-12-08T08:00:00Z"), None),
            (Some("2026-12-08T07:59:59Z"), Some("certificate_near_end")),
            (Some("2026-11-01T00:00:00Z"), Some("certificate_near_end")),
        ] {
            let check = certificate(expires_at.map(|text| text.parse().unwrap()), now);
            assert_eq!(check.code, code, "{expires_at:?}");
        }
    }
}
