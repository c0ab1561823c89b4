//! What an event of Adyen means in our words.
//!
//! An event whose name we have no rule for, or that says `success: false` where that has no meaning, is kept as
//! [`ProviderFact::Other`]. One unsigned member decides here: `additionalData.modification.action` tells whether a
//! `CANCEL_OR_REFUND` cancelled or refunded. We never ask for one; it can only come from Adyen's Customer Area.

use zahlstelle_contract::{
    fact::ProviderFact,
    money::Money,
    notification::NotificationError,
    reference::{ProviderCode, ProviderReference},
};

use crate::notifications::Event;

/// The fact that `event` tells, or an error when it lacks what that fact is made of.
pub(crate) fn fact(event: &Event<'_>) -> Result<ProviderFact, NotificationError> {
    match (event.code.as_str(), event.success) {
        ("AUTHORISATION", true) => {
            Ok(ProviderFact::Authorised { payment: event.psp_reference.clone(), amount: amount(event)? })
        }
        ("AUTHORISATION", false) => {
            Ok(ProviderFact::Refused { payment: Some(event.psp_reference.clone()), code: reason(event) })
        }
        ("CAPTURE", true) => {
            let capture = event.psp_reference.clone();
            Ok(ProviderFact::Captured { payment: payment(event)?, capture, amount: amount(event)? })
        }
        ("CAPTURE", false) | ("CAPTURE_FAILED", true) => Ok(ProviderFact::CaptureFailed {
            payment: payment(event)?,
            capture: event.psp_reference.clone(),
            amount: amount(event)?,
            code: reason(event),
        }),
        ("CANCELLATION" | "TECHNICAL_CANCEL", true) => Ok(ProviderFact::Voided { payment: payment(event)? }),
        ("CANCELLATION" | "TECHNICAL_CANCEL", false) => {
            Ok(ProviderFact::VoidFailed { payment: payment(event)?, code: reason(event) })
        }
        ("CANCEL_OR_REFUND", success) => cancel_or_refund(event, success),
        ("REFUND" | "REFUND_FAILED" | "REFUNDED_REVERSED", success) => refund(event, success),
        ("NOTIFICATION_OF_CHARGEBACK" | "CHARGEBACK" | "SECOND_CHARGEBACK" | "CHARGEBACK_REVERSED", true) => {
            dispute(event)
        }
        _ => Ok(other(event)),
    }
}

/// The unsigned action of an event whose meaning it decides, when it is one we know.
pub(crate) fn deciding_action(event: &Event<'_>) -> Option<&'static str> {
    match (event.code.as_str(), event.modification_action) {
        ("CANCEL_OR_REFUND", Some("cancel")) => Some("cancel"),
        ("CANCEL_OR_REFUND", Some("refund")) => Some("refund"),
        (_, _) => None,
    }
}

fn cancel_or_refund(event: &Event<'_>, success: bool) -> Result<ProviderFact, NotificationError> {
    match (event.modification_action, success) {
        (Some("cancel"), true) => Ok(ProviderFact::Voided { payment: payment(event)? }),
        (Some("cancel"), false) => Ok(ProviderFact::VoidFailed { payment: payment(event)?, code: reason(event) }),
        (Some("refund"), true) => Ok(ProviderFact::Reversed {
            payment: payment(event)?,
            reversal: event.psp_reference.clone(),
            amount: amount(event)?,
        }),
        _ => Ok(other(event)),
    }
}

/// `merchantReference` of a refund is the reference given with the refund; where none was given it is the payment's.
fn refund(event: &Event<'_>, success: bool) -> Result<ProviderFact, NotificationError> {
    let refund = event.psp_reference.clone();
    let merchant_reference = event.merchant_reference.clone();
    match (event.code.as_str(), success) {
        ("REFUND", true) => {
            Ok(ProviderFact::Refunded { payment: payment(event)?, refund, merchant_reference, amount: amount(event)? })
        }
        ("REFUND", false) | ("REFUND_FAILED", true) => Ok(ProviderFact::RefundFailed {
            payment: payment(event)?,
            refund,
            merchant_reference,
            amount: amount(event)?,
            code: reason(event),
        }),
        ("REFUNDED_REVERSED", true) => {
            Ok(ProviderFact::RefundReturned { payment: payment(event)?, refund, amount: amount(event)? })
        }
        _ => Ok(other(event)),
    }
}

/// In disputes `originalReference` is the payment and `pspReference` the dispute. Adyen's own examples of
/// `SECOND_CHARGEBACK` and `CHARGEBACK_REVERSED` lack the former; then `pspReference` is all that names the payment.
fn dispute(event: &Event<'_>) -> Result<ProviderFact, NotificationError> {
    let dispute = event.psp_reference.clone();
    let payment = event.original_reference.clone().unwrap_or_else(|| dispute.clone());
    let amount = amount(event)?;
    Ok(match event.code.as_str() {
        "NOTIFICATION_OF_CHARGEBACK" => ProviderFact::DisputeOpened { payment, dispute, amount },
        "CHARGEBACK" | "SECOND_CHARGEBACK" => ProviderFact::DisputeDebited { payment, dispute, amount },
        "CHARGEBACK_REVERSED" => ProviderFact::DisputeWon { payment, dispute, amount },
        _ => other(event),
    })
}

fn other(event: &Event<'_>) -> ProviderFact {
    ProviderFact::Other { code: event.code.clone() }
}

fn payment(event: &Event<'_>) -> Result<ProviderReference, NotificationError> {
    event.original_reference.clone().ok_or(NotificationError::Malformed)
}

fn amount(event: &Event<'_>) -> Result<Money, NotificationError> {
    event.amount.ok_or(NotificationError::Malformed)
}

/// Adyen's words for a failure as a code: what is not visible ASCII becomes `_`, what is too long is cut.
fn reason(event: &Event<'_>) -> ProviderCode {
    let words = event.reason.unwrap_or_default().split(|letter: char| !letter.is_ascii_graphic());
    let mut code = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
    code.truncate(ProviderCode::LENGTH_MAX);
    ProviderCode::parse(code).unwrap_or_else(|_| event.code.clone())
}
