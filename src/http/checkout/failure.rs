//! Pages about what cannot be shown or done.

use askama::Template;
use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use super::{
    frame::{self, Frame},
    language::Tongue,
    name::Name,
    texts::{Advice, Outcome, Texts},
};
use crate::desk::DeskError;

/// A page about what cannot be shown or done, in the language of the browser. It tells nothing about any payment.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    tongue: Tongue,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FailureKind {
    /// The address opens nothing.
    NotFound,
    /// Another site sent the form.
    Foreign,
    /// The form is longer than any of ours.
    TooLarge,
    /// We failed.
    Internal,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, headers: &HeaderMap) -> Self {
        Self { kind, tongue: Tongue::choose(None, headers) }
    }

    /// What an error of the desk means for somebody who only looks. What is not told is logged.
    pub(super) fn of(error: &DeskError, headers: &HeaderMap) -> Self {
        let kind = if matches!(error, DeskError::NotFound) {
            FailureKind::NotFound
        } else {
            tracing::error!(%error, "the checkout failed: {error}");
            FailureKind::Internal
        };
        Self::new(kind, headers)
    }
}

#[derive(Template)]
#[template(path = "failure.html", config = "src/http/checkout/askama.toml")]
struct FailurePage {
    frame: Frame,
    heading: &'static str,
    lead: &'static str,
    /// What may be the cause, and what to do then; only where the address opens nothing.
    advice: Option<&'static Advice>,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let t: &'static Texts = self.tongue.texts();
        let (status, outcome): (StatusCode, &Outcome) = match self.kind {
            FailureKind::NotFound => (StatusCode::NOT_FOUND, &t.failure.not_found),
            FailureKind::Foreign => (StatusCode::FORBIDDEN, &t.failure.foreign),
            FailureKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, &t.failure.too_large),
            FailureKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, &t.failure.internal),
        };
        let frame = Frame {
            texts: t,
            lang: self.tongue.tag(),
            title: format!("{} – {}", outcome.title, t.checkout),
            authority: Name::plain(t.checkout),
            is_test: false,
            links: Vec::new(),
        };
        let advice = (self.kind == FailureKind::NotFound).then_some(&t.failure.not_found_advice);
        let page = FailurePage { frame, heading: outcome.heading, lead: outcome.lead, advice };
        frame::answer(status, self.tongue.tag(), &page)
    }
}
