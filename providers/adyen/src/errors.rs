//! What an HTTP answer of Adyen says about whether something may have happened.
//!
//! Adyen refuses business by notification (`success: false`), not by status: a 4xx of a capture, cancellation or refund
//! means that the request was wrong (unknown payment, missing member, missing permission), so it is
//! [`CallError::Rejected`] and worth an alarm. [`CallError::Declined`] therefore never comes from a call here.

use serde::{Deserialize, de::DeserializeOwned};
use zahlstelle_contract::{
    outcome::{CallError, NotSentCause, UnknownCause},
    reference::ProviderCode,
    transport::HttpResponse,
};

/// The most bytes an answer may have; real ones have less than two thousand.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Adyen's code for a key whose first call is still running or cannot be told from it: that call may have happened.
const ALREADY_PROCESSED_OR_IN_PROGRESS: &str = "704";

/// The answer was there and says nothing we can use.
pub(crate) const UNREADABLE: CallError = CallError::Unknown { cause: UnknownCause::Unreadable };

/// The request cannot be made from these values; nothing was sent.
pub(crate) const BAD_REQUEST: CallError = CallError::NotSent { cause: NotSentCause::BadRequest };

/// Reads a successful answer, or says what its status means.
pub(crate) fn read<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, CallError> {
    if response.body.len() > ANSWER_BYTES_MAX && response.status < 400 {
        return Err(UNREADABLE);
    }
    match response.status {
        200..=299 => serde_json::from_slice(&response.body).map_err(|_| UNREADABLE),
        status => Err(refusal(status, &response.body)),
    }
}

fn refusal(status: u16, body: &[u8]) -> CallError {
    let code = service_error_code(body);
    match status {
        // The request was turned away before it was looked at.
        429 => CallError::NotSent { cause: NotSentCause::Busy },
        408 => CallError::Unknown { cause: UnknownCause::Timeout },
        409 | 425 | 500..=599 => CallError::Unknown { cause: UnknownCause::ServerError { status } },
        400..=499 if code.as_ref().is_some_and(|code| code.as_str() == ALREADY_PROCESSED_OR_IN_PROGRESS) => {
            CallError::Unknown { cause: UnknownCause::ServerError { status } }
        }
        400..=499 => CallError::Rejected { status, code },
        // A redirect is never followed, and anything else is no status of this API.
        _ => UNREADABLE,
    }
}

/// The `errorCode` of a service error, when the body is one.
fn service_error_code(body: &[u8]) -> Option<ProviderCode> {
    #[derive(Deserialize)]
    struct ServiceError {
        #[serde(rename = "errorCode")]
        error_code: Option<String>,
    }

    if body.len() > ANSWER_BYTES_MAX {
        return None;
    }
    let error = serde_json::from_slice::<ServiceError>(body).ok()?;
    ProviderCode::parse(error.error_code?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> CallError {
        read::<serde_json::Value>(&HttpResponse { status, body: body.as_bytes().to_vec() }).unwrap_err()
    }

    fn server_error(status: u16) -> CallError {
        CallError::Unknown { cause: UnknownCause::ServerError { status } }
    }

    #[test]
    fn b1_a_status_says_what_may_have_happened() {
        let in_progress = r#"{"status":422,"errorCode":"704","message":"request already processed or in progress"}"#;
        let missing =
            r#"{"status":422,"errorCode":"14_030","message":"Return URL is missing.","errorType":"validation"}"#;
        let code = Some(ProviderCode::parse("14_030").unwrap());
        assert_eq!(error(422, missing), CallError::Rejected { status: 422, code: code.clone() });
        assert_eq!(error(400, missing), CallError::Rejected { status: 400, code });
        for status in [400, 401, 403, 404, 405, 422, 451] {
            assert_eq!(error(status, "<html>"), CallError::Rejected { status, code: None });
        }
        for status in [409, 425, 500, 502, 503, 504, 599] {
            assert_eq!(error(status, missing), server_error(status));
        }
        assert_eq!(error(422, in_progress), server_error(422));
        assert_eq!(error(408, ""), CallError::Unknown { cause: UnknownCause::Timeout });
        assert_eq!(error(429, ""), CallError::NotSent { cause: NotSentCause::Busy });
        for status in [101, 301, 302, 307, 600] {
            assert_eq!(error(status, "{}"), UNREADABLE);
        }
    }

    #[test]
    fn b1_a_success_that_cannot_be_read_is_unknown() {
        for body in ["", "<html>", "{\"a\":", "\u{feff}{}"] {
            assert_eq!(error(201, body), UNREADABLE, "{body:?}");
        }
        let oversized = format!("\"{}\"", "a".repeat(ANSWER_BYTES_MAX));
        assert_eq!(error(200, &oversized), UNREADABLE);
        assert_eq!(error(422, &oversized), CallError::Rejected { status: 422, code: None });
    }
}
