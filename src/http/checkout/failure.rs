//! Pages about what cannot be shown or done.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    frame::{self, Frame},
    name::Name,
    texts::{Message, Tongue},
    visitor::Visitor,
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
    /// The address takes no such request.
    WrongWay,
    /// Another site sent the form.
    Foreign,
    /// The form is longer than any of ours.
    TooLarge,
    /// We failed.
    Internal,
}

impl FailureKind {
    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongWay => StatusCode::METHOD_NOT_ALLOWED,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Title, heading and what to do.
    fn words(self) -> [Message; 3] {
        match self {
            Self::NotFound => [Message::NotFoundTitle, Message::NotFound, Message::NotFoundLead],
            Self::WrongWay => [Message::WrongWayTitle, Message::WrongWay, Message::WrongWayLead],
            Self::Foreign => [Message::ForeignTitle, Message::Foreign, Message::ForeignLead],
            Self::TooLarge => [Message::TooLargeTitle, Message::TooLarge, Message::TooLargeLead],
            Self::Internal => [Message::InternalTitle, Message::Internal, Message::InternalLead],
        }
    }
}

impl Failure {
    pub(super) fn new(kind: FailureKind, visitor: &Visitor) -> Self {
        Self { kind, tongue: visitor.tongue(None) }
    }

    /// What an error of the desk means for somebody who only looks. What is not told is logged.
    pub(super) fn of(error: &DeskError, visitor: &Visitor) -> Self {
        let kind = if matches!(error, DeskError::NotFound) {
            FailureKind::NotFound
        } else {
            tracing::error!(%error, "the checkout failed: {error}");
            FailureKind::Internal
        };
        Self::new(kind, visitor)
    }
}

#[derive(Template)]
#[template(path = "failure.html", config = "src/http/checkout/askama.toml")]
struct FailurePage {
    frame: Frame,
    t: Tongue,
    heading: String,
    lead: String,
    /// Whether to say what may be the cause, and what to do then: only where the address opens nothing.
    has_advice: bool,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let t = self.tongue;
        let [title, heading, lead] = self.kind.words().map(|message| t.say(message));
        let checkout = t.say(Message::Checkout);
        let frame = Frame {
            t,
            title: format!("{title} – {checkout}"),
            authority: Name::plain(&checkout),
            is_test: false,
            links: Vec::new(),
        };
        let has_advice = self.kind == FailureKind::NotFound;
        frame::answer(self.kind.status(), t, &FailurePage { frame, t, heading, lead, has_advice })
    }
}
