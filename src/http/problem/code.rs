//! The stable codes, each with its status.

use axum::http::StatusCode;

/// What is wrong, as programs read it. A code never changes its meaning.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Code {
    InvalidJson,
    BodyNotUtf8,
    BodyTooDeep,
    BodyIncomplete,
    MalformedRequest,
    QueryInvalid,
    IdempotencyKeyMissing,
    IdempotencyKeyInvalid,
    NotADelivery,
    TargetInvalid,
    Unauthenticated,
    SignatureInvalid,
    ScopeMissing,
    NeedsPerson,
    NotFound,
    MethodNotAllowed,
    BodyTooSlow,
    IdempotencyKeyInFlight,
    PaymentNotCancellable,
    PaymentNotCapturable,
    PaymentNotPayable,
    PaymentNotRefundable,
    PaymentExpired,
    StateConflict,
    OutcomeUnknown,
    AttemptUnderWay,
    ChangeUnderWay,
    RefundNotAwaitingApproval,
    LimitReached,
    ClaimHasOpenPayment,
    ClaimSettled,
    ReferenceTaken,
    WebhookEndpointDisabled,
    WebhookLimitReached,
    ReplayUnderWay,
    ExpectedRefundableMismatch,
    VersionMismatch,
    BodyTooLarge,
    TargetTooLong,
    UnsupportedMediaType,
    WrongHost,
    ValidationFailed,
    IdempotencyKeyReused,
    KassenzeichenUnknown,
    MethodUnavailable,
    AmountMismatch,
    RefundExceedsRefundable,
    RateLimited,
    Internal,
    Busy,
    StorageFull,
    StorageUnavailable,
    KassenzeichenExhausted,
    ProviderUnavailable,
    WebhooksNotSetUp,
    RequestTimeout,
}

/// What a code is on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What it means, for people.
    pub title: &'static str,
}

const fn row(name: &'static str, status: u16, title: &'static str) -> Row {
    Row { name, status, title }
}

impl Code {
    /// Every code, in the order of the list.
    pub const ALL: [Self; 56] = [
        Self::InvalidJson,
        Self::BodyNotUtf8,
        Self::BodyTooDeep,
        Self::BodyIncomplete,
        Self::MalformedRequest,
        Self::QueryInvalid,
        Self::IdempotencyKeyMissing,
        Self::IdempotencyKeyInvalid,
        Self::NotADelivery,
        Self::TargetInvalid,
        Self::Unauthenticated,
        Self::SignatureInvalid,
        Self::ScopeMissing,
        Self::NeedsPerson,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::BodyTooSlow,
        Self::IdempotencyKeyInFlight,
        Self::PaymentNotCancellable,
        Self::PaymentNotCapturable,
        Self::PaymentNotPayable,
        Self::PaymentNotRefundable,
        Self::PaymentExpired,
        Self::StateConflict,
        Self::OutcomeUnknown,
        Self::AttemptUnderWay,
        Self::ChangeUnderWay,
        Self::RefundNotAwaitingApproval,
        Self::LimitReached,
        Self::ClaimHasOpenPayment,
        Self::ClaimSettled,
        Self::ReferenceTaken,
        Self::WebhookEndpointDisabled,
        Self::WebhookLimitReached,
        Self::ReplayUnderWay,
        Self::ExpectedRefundableMismatch,
        Self::VersionMismatch,
        Self::BodyTooLarge,
        Self::TargetTooLong,
        Self::UnsupportedMediaType,
        Self::WrongHost,
        Self::ValidationFailed,
        Self::IdempotencyKeyReused,
        Self::KassenzeichenUnknown,
        Self::MethodUnavailable,
        Self::AmountMismatch,
        Self::RefundExceedsRefundable,
        Self::RateLimited,
        Self::Internal,
        Self::Busy,
        Self::StorageFull,
        Self::StorageUnavailable,
        Self::KassenzeichenExhausted,
        Self::ProviderUnavailable,
        Self::WebhooksNotSetUp,
        Self::RequestTimeout,
    ];

    /// What it is on the wire.
    #[expect(clippy::too_many_lines, reason = "it is a table with one row for each code")]
    pub const fn row(self) -> Row {
        match self {
            Self::InvalidJson => row("invalid_json", 400, "The body is not JSON"),
            Self::BodyNotUtf8 => row("body_not_utf8", 400, "The body is not UTF-8"),
            Self::BodyTooDeep => row("body_too_deep", 400, "The body is nested too deeply"),
            Self::BodyIncomplete => row("body_incomplete", 400, "The body ended before its end"),
            Self::MalformedRequest => {
                row("malformed_request", 400, "The body has members of the wrong type, unknown or repeated ones")
            }
            Self::QueryInvalid => row("query_invalid", 400, "The query has unknown, repeated or unreadable parameters"),
            Self::IdempotencyKeyMissing => {
                row("idempotency_key_missing", 400, "A request that writes needs an Idempotency-Key")
            }
            Self::IdempotencyKeyInvalid => row(
                "idempotency_key_invalid",
                400,
                "The Idempotency-Key is not one of 1 to 255 visible ASCII characters",
            ),
            Self::NotADelivery => row("not_a_delivery", 400, "The body is no delivery of this provider"),
            Self::TargetInvalid => row("target_invalid", 400, "The request must name one host, and a path on it"),
            Self::Unauthenticated => row("unauthenticated", 401, "The key is missing, unknown or revoked"),
            Self::SignatureInvalid => {
                row("signature_invalid", 401, "The delivery is not signed by this provider account")
            }
            Self::ScopeMissing => row("scope_missing", 403, "The key may not do this"),
            Self::NeedsPerson => row("needs_person", 403, "This needs a person, and a key is none"),
            Self::NotFound => row("not_found", 404, "There is no such thing"),
            Self::MethodNotAllowed => row("method_not_allowed", 405, "This address does not take this method"),
            Self::BodyTooSlow => row("body_too_slow", 408, "The body took too long to arrive"),
            Self::IdempotencyKeyInFlight => {
                row("idempotency_key_in_flight", 409, "The first request under this key is still being worked on")
            }
            Self::PaymentNotCancellable => {
                row("payment_not_cancellable", 409, "The payment cannot be cancelled any more")
            }
            Self::PaymentNotCapturable => row("payment_not_capturable", 409, "The payment holds no authorised money"),
            Self::PaymentNotPayable => row("payment_not_payable", 409, "The payment cannot be paid in its state"),
            Self::PaymentNotRefundable => row("payment_not_refundable", 409, "The payment holds no money to give back"),
            Self::PaymentExpired => row("payment_expired", 409, "The time to pay is over"),
            Self::StateConflict => row("state_conflict", 409, "The state of the payment does not allow this"),
            Self::OutcomeUnknown => row("outcome_unknown", 409, "The outcome of an attempt is not known yet"),
            Self::AttemptUnderWay => row("attempt_under_way", 409, "Another attempt can still take money"),
            Self::ChangeUnderWay => row("change_under_way", 409, "A capture or cancellation is already under way"),
            Self::RefundNotAwaitingApproval => {
                row("refund_not_awaiting_approval", 409, "The refund does not wait for approval")
            }
            Self::LimitReached => {
                row("limit_reached", 409, "The payment has as many attempts or refunds as it may have")
            }
            Self::ClaimHasOpenPayment => {
                row("claim_has_open_payment", 409, "The claim has another payment that is open")
            }
            Self::ClaimSettled => row("claim_settled", 409, "The claim has been paid"),
            Self::ReferenceTaken => {
                row("reference_taken", 409, "The reference has a payment, and the service allows one")
            }
            Self::WebhookEndpointDisabled => {
                row("webhook_endpoint_disabled", 409, "Nothing is sent to the webhook endpoint; enable it first")
            }
            Self::WebhookLimitReached => row(
                "webhook_limit_reached",
                409,
                "There are as many webhook endpoints, secrets or waiting deliveries as there may be",
            ),
            Self::ReplayUnderWay => row("replay_under_way", 409, "Another replay of the webhook endpoint is under way"),
            Self::ExpectedRefundableMismatch => {
                row("expected_refundable_mismatch", 412, "Another amount can be refunded than was expected")
            }
            Self::VersionMismatch => row("version_mismatch", 412, "The object was changed since its version was read"),
            Self::BodyTooLarge => row("body_too_large", 413, "The body is too large"),
            Self::TargetTooLong => row("target_too_long", 414, "Path and query are too long"),
            Self::UnsupportedMediaType => row("unsupported_media_type", 415, "The body must be application/json"),
            Self::WrongHost => row("wrong_host", 421, "The request is for another host"),
            Self::ValidationFailed => row("validation_failed", 422, "The request is well formed but cannot be met"),
            Self::IdempotencyKeyReused => {
                row("idempotency_key_reused", 422, "The Idempotency-Key was used for another request")
            }
            Self::KassenzeichenUnknown => row("kassenzeichen_unknown", 422, "The Kassenzeichen is none of ours"),
            Self::MethodUnavailable => row("method_unavailable", 422, "The method is not offered for this payment"),
            Self::AmountMismatch => row("amount_mismatch", 422, "The amount must be the whole amount"),
            Self::RefundExceedsRefundable => row("refund_exceeds_refundable", 422, "So much cannot be refunded"),
            Self::RateLimited => row("rate_limited", 429, "Too many requests; nothing was done"),
            Self::Internal => row("internal", 500, "Something went wrong on our side"),
            Self::Busy => row("busy", 503, "Too much at once; nothing was done"),
            Self::StorageFull => row("storage_full", 503, "The storage is full; nothing was done"),
            Self::StorageUnavailable => row("storage_unavailable", 503, "The storage does not answer"),
            Self::KassenzeichenExhausted => {
                row("kassenzeichen_exhausted", 503, "No Kassenzeichen is left for the service")
            }
            Self::ProviderUnavailable => row("provider_unavailable", 503, "The payment provider does not answer"),
            Self::WebhooksNotSetUp => row("webhooks_not_set_up", 503, "The operator has not set up webhooks"),
            Self::RequestTimeout => {
                row("request_timeout", 504, "It took too long; the work goes on, repeat the request to see its end")
            }
        }
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// After how many seconds it makes sense to ask again, where it may pass.
    pub const fn retry_after_seconds(self) -> Option<u16> {
        match self {
            Self::Busy | Self::IdempotencyKeyInFlight | Self::RateLimited => Some(1),
            Self::StorageUnavailable | Self::ProviderUnavailable | Self::RequestTimeout => Some(5),
            Self::StorageFull => Some(60),
            Self::InvalidJson
            | Self::BodyNotUtf8
            | Self::BodyTooDeep
            | Self::BodyIncomplete
            | Self::MalformedRequest
            | Self::QueryInvalid
            | Self::IdempotencyKeyMissing
            | Self::IdempotencyKeyInvalid
            | Self::NotADelivery
            | Self::TargetInvalid
            | Self::Unauthenticated
            | Self::SignatureInvalid
            | Self::ScopeMissing
            | Self::NeedsPerson
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::BodyTooSlow
            | Self::PaymentNotCancellable
            | Self::PaymentNotCapturable
            | Self::PaymentNotPayable
            | Self::PaymentNotRefundable
            | Self::PaymentExpired
            | Self::StateConflict
            | Self::OutcomeUnknown
            | Self::AttemptUnderWay
            | Self::ChangeUnderWay
            | Self::RefundNotAwaitingApproval
            | Self::LimitReached
            | Self::ClaimHasOpenPayment
            | Self::ClaimSettled
            | Self::ReferenceTaken
            | Self::WebhookEndpointDisabled
            | Self::WebhookLimitReached
            | Self::ReplayUnderWay
            | Self::VersionMismatch
            | Self::WebhooksNotSetUp
            | Self::ExpectedRefundableMismatch
            | Self::BodyTooLarge
            | Self::TargetTooLong
            | Self::WrongHost
            | Self::UnsupportedMediaType
            | Self::ValidationFailed
            | Self::IdempotencyKeyReused
            | Self::KassenzeichenUnknown
            | Self::MethodUnavailable
            | Self::AmountMismatch
            | Self::RefundExceedsRefundable
            | Self::KassenzeichenExhausted
            | Self::Internal => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_of_codes_is_what_the_program_says() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/errors.md");
        let listed = std::fs::read_to_string(path).unwrap();
        let listed: Vec<&str> = listed.lines().filter(|line| line.starts_with("| `")).collect();
        let said: Vec<String> = Code::ALL
            .iter()
            .map(|code| code.row())
            .map(|row| format!("| `{}` | {} | {} |", row.name, row.status, row.title))
            .collect();
        assert_eq!(listed, said, "schemas/errors.md differs from the codes; its rows must be:\n{}", said.join("\n"));
    }

    #[test]
    fn every_code_has_a_name_and_an_error_status_of_its_own() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.row().name).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert_eq!(Code::ALL.iter().collect::<BTreeSet<_>>().len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.row().status)));
    }
}
