//! Refusals in the form of Adyen's `ServiceError`.

use http::StatusCode;
use serde::Serialize;

use crate::exchange::Response;

/// Why the provider does not do what was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ServiceError {
    /// The body is no JSON.
    Unreadable {
        detail: String,
    },
    /// A member is missing, unknown or has a bad value.
    Invalid {
        code: &'static str,
        detail: String,
    },
    Unauthorised,
    WrongAccount,
    NotFound,
    RateLimited,
    /// The provider's own trouble.
    Internal,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    status: u16,
    error_code: &'a str,
    message: &'a str,
    error_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    psp_reference: Option<&'a str>,
}

impl ServiceError {
    pub(crate) fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid { code, detail: detail.into() }
    }

    /// The answer; `reference` is what Adyen's support would ask for.
    pub(crate) fn response(&self, reference: Option<&str>) -> Response {
        let (status, code, message, kind) = match self {
            Self::Unreadable { detail } => (StatusCode::BAD_REQUEST, "702", detail.as_str(), "validation"),
            Self::Invalid { code, detail } => (StatusCode::UNPROCESSABLE_ENTITY, *code, detail.as_str(), "validation"),
            Self::Unauthorised => (StatusCode::UNAUTHORIZED, "000", "HTTP Status Response - Unauthorized", "security"),
            Self::WrongAccount => (StatusCode::FORBIDDEN, "901", "Invalid Merchant Account", "security"),
            Self::NotFound => (StatusCode::NOT_FOUND, "000", "Not found", "validation"),
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "000", "Too many requests", "internal"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "000", "Internal error", "internal"),
        };
        let wire =
            Wire { status: status.as_u16(), error_code: code, message, error_type: kind, psp_reference: reference };
        Response::json(status, &wire)
    }
}
