//! What the pages load: one style sheet, and one script without which everything works as well.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

/// For how long browsers may keep them, in seconds: not for long, so that pages, style and script change together.
const MAX_AGE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// `GET /pay/assets/checkout.css`.
pub(super) async fn stylesheet() -> Response {
    asset("text/css; charset=utf-8", include_str!("checkout.css"))
}

/// `GET /pay/assets/checkout.js`.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("checkout.js"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, MAX_AGE)];
    (headers, text).into_response()
}
