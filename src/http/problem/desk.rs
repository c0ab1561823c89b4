//! What a refusal of the desk is on the wire.

use super::{Code, ProblemDetails};
use crate::{
    desk::{DeskError, Problem, StoreError},
    domain::decide::Refusal,
};

/// What was to be done. It gives a conflict with the state of a payment its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::http) enum Act {
    Create,
    Read,
    Start,
    Cancel,
    Capture,
    Refund,
    Approve,
    Deliver,
}

/// The problem that a payment in this state makes of an act.
pub(in crate::http) fn conflict(act: Act, state: &'static str) -> ProblemDetails {
    let code = match act {
        Act::Start => Code::PaymentNotPayable,
        Act::Cancel => Code::PaymentNotCancellable,
        Act::Capture => Code::PaymentNotCapturable,
        Act::Refund => Code::PaymentNotRefundable,
        Act::Create | Act::Read | Act::Approve | Act::Deliver => Code::StateConflict,
    };
    ProblemDetails::new(code).with_detail(format!("The payment is {state}.")).with("state", state)
}

impl ProblemDetails {
    /// What the client is told about an error. What it is not told goes to the log.
    pub(in crate::http) fn of(error: DeskError, act: Act) -> Self {
        match error {
            DeskError::NotFound => Self::new(Code::NotFound),
            DeskError::Refused(refusal) => of_refusal(&refusal, act),
            DeskError::KeyReused => Self::new(Code::IdempotencyKeyReused),
            DeskError::KeyInFlight => Self::new(Code::IdempotencyKeyInFlight),
            DeskError::ClaimHasOpenPayment { payment } => {
                Self::new(Code::ClaimHasOpenPayment).with("payment", payment.to_string())
            }
            DeskError::ClaimSettled { payment } => Self::new(Code::ClaimSettled).with("payment", payment.to_string()),
            DeskError::ReferenceTaken { payment } => {
                Self::new(Code::ReferenceTaken).with("payment", payment.to_string())
            }
            DeskError::UnknownKassenzeichen => {
                Self::new(Code::KassenzeichenUnknown).at_pointers([Problem::at("/kassenzeichen", "is none of ours")])
            }
            DeskError::KassenzeichenExhausted => logged(&error, Code::KassenzeichenExhausted),
            DeskError::MethodUnavailable => Self::new(Code::MethodUnavailable),
            DeskError::ProviderUnavailable => Self::new(Code::ProviderUnavailable),
            DeskError::NeedsPerson => Self::new(Code::NeedsPerson),
            DeskError::Invalid(problems) => Self::new(Code::ValidationFailed).at_pointers(problems),
            DeskError::WebhooksNotSetUp => logged(&error, Code::WebhooksNotSetUp),
            DeskError::WebhookLimit { of } => {
                Self::new(Code::WebhookLimitReached).with_detail(format!("There can be no further {of}."))
            }
            DeskError::EndpointDisabled => Self::new(Code::WebhookEndpointDisabled),
            DeskError::ReplayUnderWay => Self::new(Code::ReplayUnderWay),
            DeskError::OtherVersion { version } => Self::new(Code::VersionMismatch).with("version", version),
            // Commands judge the keys they expect; another one is held by a change that will be over in a moment.
            DeskError::Taken(_) => logged(&error, Code::Busy),
            DeskError::Contended | DeskError::Store(StoreError::Busy) => Self::new(Code::Busy),
            DeskError::Store(StoreError::Full) => logged(&error, Code::StorageFull),
            DeskError::Store(StoreError::Unavailable) => logged(&error, Code::StorageUnavailable),
            DeskError::Store(
                StoreError::Inconsistent { .. }
                | StoreError::RowsAffected { .. }
                | StoreError::TooNew { .. }
                | StoreError::TooOld { .. }
                | StoreError::Migration(_)
                | StoreError::Sqlite(_),
            )
            | DeskError::NoProvider { .. }
            | DeskError::Replay(_)
            | DeskError::Record(_)
            | DeskError::Entry(_) => logged(&error, Code::Internal),
        }
    }
}

fn of_refusal(refusal: &Refusal, act: Act) -> ProblemDetails {
    let new = |code| ProblemDetails::new(code).with_detail(sentence(refusal));
    match refusal {
        Refusal::WrongState { state } => conflict(act, state),
        Refusal::AttemptUnderWay => new(Code::AttemptUnderWay),
        Refusal::OutcomeUnknown { due_at } => {
            new(Code::OutcomeUnknown).with("state", "outcome_unknown").with("outcome_due_at", due_at.to_string())
        }
        Refusal::Expired => new(Code::PaymentExpired),
        Refusal::MethodNotOffered => new(Code::MethodUnavailable),
        Refusal::PartialCapture { full } => new(Code::AmountMismatch).with("amount", full.decimal()),
        Refusal::ChangeUnderWay => new(Code::ChangeUnderWay),
        Refusal::NoSuchCapture => invalid("/capture", "is no capture of this payment"),
        Refusal::BadAmount => invalid("/amount", "must be greater than zero and in the currency of the payment"),
        Refusal::NoSuchLine => invalid("/lines", "names a line that the payment does not have"),
        Refusal::ExceedsRefundable { refundable } => {
            new(Code::RefundExceedsRefundable).with("amount_refundable", refundable.decimal())
        }
        Refusal::OtherRefundable { refundable } => {
            new(Code::ExpectedRefundableMismatch).with("amount_refundable", refundable.decimal())
        }
        Refusal::NoSuchRefund => ProblemDetails::new(Code::NotFound),
        Refusal::RefundWrongState { state } => new(Code::RefundNotAwaitingApproval).with("state", *state),
        Refusal::TooMany => ProblemDetails::new(Code::LimitReached),
        // Calls are named by the desk alone, so a client can never have named a wrong one.
        Refusal::NoSuchCall => logged(refusal, Code::Internal),
    }
}

fn invalid(pointer: &str, detail: &str) -> ProblemDetails {
    ProblemDetails::new(Code::ValidationFailed).at_pointers([Problem::at(pointer, detail)])
}

/// The words of an error as a sentence.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

/// A problem of which the client learns the code alone; the chain of its causes is for the operator.
fn logged(error: &(dyn std::error::Error + 'static), code: Code) -> ProblemDetails {
    let chain: Vec<String> =
        std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    tracing::error!(code = code.row().name, causes = chain.join(": "), "a request could not be met");
    ProblemDetails::new(code)
}
