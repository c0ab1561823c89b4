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
    AppState, Code, ProblemDetails, admission, body,
    exchange::{self, Handled, Reader},
    limits::Class,
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

/// Something that is said where there is nothing to make a page from: a heading and what to do, in both languages.
struct Sorry {
    german: [&'static str; 2],
    english: [&'static str; 2],
}

/// What a citizen reads where no page can be made; it says nothing that could be wrong.
const SORRY: Sorry = Sorry {
    german: ["Das hat leider nicht geklappt", "Bitte laden Sie die Seite neu."],
    english: ["Sorry, that did not work", "Please load the page again."],
};
/// What a citizen reads whose line has asked for too many pages; it need not have been the citizen, and the payment may
/// long be made.
const TOO_MANY: Sorry = Sorry {
    german: [
        "Bitte warten Sie einen Augenblick",
        "Von Ihrem Internetanschluss kamen gerade zu viele Anfragen. Laden Sie die Seite danach neu.",
    ],
    english: [
        "Please wait a moment",
        "Too many requests came from your internet connection just now. Load the page again after that.",
    ],
};

/// Such a page loads nothing.
const SORRY_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Carries the requests of these pages.
pub(super) fn carried(state: &AppState, pages: Router) -> Router {
    pages.layer(middleware::from_fn_with_state(state.clone(), carry))
}

async fn carry(State(state): State<AppState>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let name = NAMES.iter().find(|(known, _)| *known == path).map_or("showPage", |(_, name)| *name);
    let time = state.limits.request_timeout(Class::Checkout);
    let work = {
        let state = state.clone();
        async move { Handled { caller: None, answer: answer(&state, request, next).await } }
    };
    exchange::carry(&state, name, time, Reader::Citizen, work).await
}

async fn answer(state: &AppState, request: Request, next: Next) -> Result<Response, ProblemDetails> {
    let _place = admission::admit(state, Class::Checkout, &request)?;
    let (parts, form) = request.into_parts();
    let form = if parts.method == Method::POST { form } else { Body::empty() };
    let form = body::read(form, Class::Checkout, state).await?;
    Ok(next.run(Request::from_parts(parts, Body::from(form))).await)
}

/// A few words, where there is nothing to make a page from.
pub(super) fn sorry(problem: &ProblemDetails) -> Response {
    let words = if problem.code() == Code::RateLimited { &TOO_MANY } else { &SORRY };
    let mut response = Response::new(Body::from(words.page()));
    *response.status_mut() = problem.code().status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, SORRY_POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(seconds) = problem.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl Sorry {
    fn page(&self) -> String {
        let [[heading, lead], [heading_english, lead_english]] = [self.german, self.english];
        format!(
            "<!DOCTYPE html>
<html lang=\"de\">
<head>
<meta charset=\"utf-8\">
<title>{heading}</title>
\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
\
             <meta name=\"color-scheme\" content=\"light dark\">
</head>
<body>
<main>
\
             <h1>{heading}</h1>
<p>{lead}</p>
\
             <div lang=\"en\">
<h2>{heading_english}</h2>
<p>{lead_english}</p>
</div>
</main>
</body>
</html>
"
        )
    }
}
