//! The pages for citizens, carried like every other request: in a task of its own, with an id and a line in the log.

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::{self, Next},
    response::Response,
};

use super::{
    AppState, Code, body,
    checkout::FORM_BYTES_MAX,
    exchange::{self, Handled, Reader},
};

/// What the log calls a page, by its path.
const NAMES: [(&str, &str); 7] = [
    ("/pay/assets/checkout.css", "showStyle"),
    ("/pay/assets/checkout.js", "showScript"),
    ("/pay/{token}", "showCheckout"),
    ("/pay/{token}/return/{attempt}", "comeBack"),
    ("/pay/{token}/cancel", "cancelCheckout"),
    ("/pay/{token}/extend", "extendTime"),
    ("/pay/{token}/receipt", "showReceipt"),
];

/// What a citizen reads where no page can be made, in both languages of the checkout; it says nothing that could be wrong.
const SORRY: &str = include_str!("sorry.html");

/// Carries the requests of these pages.
pub(super) fn carried(state: &AppState, pages: Router) -> Router {
    pages.layer(middleware::from_fn_with_state(state.clone(), carry))
}

async fn carry(State(state): State<AppState>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let name = NAMES.iter().find(|(known, _)| *known == path).map_or("showPage", |(_, name)| *name);
    let limits = state.limits;
    let work = async move {
        let (parts, form) = request.into_parts();
        let form = if parts.method == Method::POST { form } else { Body::empty() };
        let answer = match body::read(form, FORM_BYTES_MAX, &limits).await {
            Ok(form) => Ok(next.run(Request::from_parts(parts, Body::from(form))).await),
            Err(problem) => Err(problem),
        };
        Handled { caller: None, answer }
    };
    exchange::carry(&state, name, limits.request_timeout, Reader::Citizen, work).await
}

/// A few words, where there is nothing to make a page from.
pub(super) fn sorry(code: Code) -> Response {
    let mut response = Response::new(Body::from(SORRY));
    *response.status_mut() = code.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
