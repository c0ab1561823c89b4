//! `POST /control/events`: what banks and payers do on their own.
//!
//! The body names a payment by `merchant_reference` (the latest of that name) or by `provider_reference`, the `event`,
//! and, for those that allow it, an `amount` as a decimal string. A change that was undone is named by
//! `modification_reference`, and is the latest of its kind otherwise.
//!
//! | event | notification | money |
//! |---|---|---|
//! | `notification_of_chargeback` | `NOTIFICATION_OF_CHARGEBACK` | none yet |
//! | `chargeback` | `CHARGEBACK`, or `SECOND_CHARGEBACK` after one that was won | taken |
//! | `chargeback_reversed` | `CHARGEBACK_REVERSED` | comes back |
//! | `refund_failed` | `REFUND_FAILED` | a refund that had succeeded did not |
//! | `refunded_reversed` | `REFUNDED_REVERSED` | a refund comes back |
//! | `capture_failed` | `CAPTURE_FAILED` | a capture that had succeeded did not |
//! | `reversal` | `CANCEL_OR_REFUND` | everything goes back |

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use zahlstelle_contract::money::Money;

use super::{ControlError, read};
use crate::{
    adyen::processing::{self, Event},
    exchange::{Request, Response},
    ledger::{
        booking::BookingKind,
        payment::{Change, ChangeKind, Dispute, DisputeStage, Outcome, Payment, Progress},
    },
    world::World,
};

/// How many disputes one payment may collect.
const DISPUTES_MAX: usize = 100;
/// Days in which a dispute can be answered, in seconds.
const DEFENSE_SECONDS: i64 = 30 * 24 * 3_600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Happening {
    #[serde(default)]
    merchant_reference: Option<String>,
    #[serde(default)]
    provider_reference: Option<String>,
    event: Kind,
    #[serde(default)]
    amount: Option<String>,
    #[serde(default)]
    modification_reference: Option<String>,
}

#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    NotificationOfChargeback,
    Chargeback,
    ChargebackReversed,
    RefundFailed,
    RefundedReversed,
    CaptureFailed,
    Reversal,
}

pub(super) fn happen(world: &mut World, now: Timestamp, request: &Request) -> Result<Response, ControlError> {
    let wanted: Happening = read(&request.body)?;
    let payment = find(world, &wanted)?;
    let reference = match wanted.event {
        Kind::NotificationOfChargeback => open_dispute(world, now, &payment, &wanted)?,
        Kind::Chargeback => debit_dispute(world, now, &payment, &wanted)?,
        Kind::ChargebackReversed => win_dispute(world, now, &payment)?,
        Kind::RefundFailed => undo(world, now, &payment, &wanted, ChangeKind::Refund, "REFUND_FAILED")?,
        Kind::RefundedReversed => undo(world, now, &payment, &wanted, ChangeKind::Refund, "REFUNDED_REVERSED")?,
        Kind::CaptureFailed => undo(world, now, &payment, &wanted, ChangeKind::Capture, "CAPTURE_FAILED")?,
        Kind::Reversal => {
            if payment.is_voided() || (payment.captured().is_positive() && !payment.remaining().is_positive()) {
                return Err(ControlError::NotNow("nothing is left that could go back"));
            }
            processing::reverse(world, now, &payment.psp);
            payment.psp.clone()
        }
    };
    Ok(Response::json(StatusCode::OK, &json!({"provider_reference": reference})))
}

fn find(world: &World, wanted: &Happening) -> Result<Payment, ControlError> {
    let ledger = &world.state.ledger;
    let found = match (&wanted.provider_reference, &wanted.merchant_reference) {
        (Some(psp), _) => ledger.payment(psp).ok_or(ControlError::NoTransaction { member: "provider_reference" })?,
        (None, Some(reference)) => ledger
            .pages()
            .rev()
            .filter(|page| page.merchant_reference == *reference)
            .find_map(|page| ledger.payments_of(page).rev().find(|payment| payment.outcome == Outcome::Authorised))
            .ok_or(ControlError::NoTransaction { member: "merchant_reference" })?,
        (None, None) => return Err(ControlError::member("merchant_reference", "names no payment")),
    };
    if found.outcome != Outcome::Authorised {
        return Err(ControlError::NotNow("the payment is not authorised"));
    }
    Ok(found.clone())
}

/// The amount in dispute: what was asked for, at most what was captured, or all that is left.
fn disputed_amount(payment: &Payment, wanted: &Happening) -> Result<Money, ControlError> {
    let amount = match &wanted.amount {
        Some(text) => Money::parse(text, payment.amount.currency())
            .map_err(|error| ControlError::member("amount", error.to_string()))?,
        None => payment.remaining(),
    };
    if !amount.is_positive() {
        return Err(ControlError::NotNow("nothing is left that could be disputed"));
    }
    if amount.minor() > payment.captured().minor() {
        return Err(ControlError::member("amount", "is more than was captured"));
    }
    Ok(amount)
}

fn open_dispute(
    world: &mut World,
    now: Timestamp,
    payment: &Payment,
    wanted: &Happening,
) -> Result<String, ControlError> {
    let amount = disputed_amount(payment, wanted)?;
    let psp = add_dispute(world, payment, amount, DisputeStage::Opened)?;
    tell_dispute(world, now, payment, "NOTIFICATION_OF_CHARGEBACK", &psp, amount);
    Ok(psp)
}

/// The bank takes the money: of a dispute that was announced, again of one that was won, or out of the blue.
fn debit_dispute(
    world: &mut World,
    now: Timestamp,
    payment: &Payment,
    wanted: &Happening,
) -> Result<String, ControlError> {
    let again = payment.disputes.iter().rev().find(|dispute| dispute.stage != DisputeStage::Debited);
    let (psp, amount, code, kind) = match again {
        Some(dispute) if dispute.stage == DisputeStage::Won => {
            (dispute.psp.clone(), dispute.amount, "SECOND_CHARGEBACK", BookingKind::SecondChargeback)
        }
        Some(dispute) => (dispute.psp.clone(), dispute.amount, "CHARGEBACK", BookingKind::Chargeback),
        None => {
            let amount = disputed_amount(payment, wanted)?;
            let psp = add_dispute(world, payment, amount, DisputeStage::Opened)?;
            (psp, amount, "CHARGEBACK", BookingKind::Chargeback)
        }
    };
    set_stage(world, payment, &psp, DisputeStage::Debited);
    book_dispute(world, now, payment, &psp, amount, kind);
    tell_dispute(world, now, payment, code, &psp, amount);
    Ok(psp)
}

fn win_dispute(world: &mut World, now: Timestamp, payment: &Payment) -> Result<String, ControlError> {
    let dispute = payment
        .disputes
        .iter()
        .rev()
        .find(|dispute| dispute.stage == DisputeStage::Debited)
        .ok_or(ControlError::NotNow("no dispute of the payment was debited"))?;
    set_stage(world, payment, &dispute.psp, DisputeStage::Won);
    book_dispute(world, now, payment, &dispute.psp, dispute.amount, BookingKind::ChargebackReversed);
    tell_dispute(world, now, payment, "CHARGEBACK_REVERSED", &dispute.psp, dispute.amount);
    Ok(dispute.psp.clone())
}

fn add_dispute(
    world: &mut World,
    payment: &Payment,
    amount: Money,
    stage: DisputeStage,
) -> Result<String, ControlError> {
    let psp = world.draw_reference();
    match world.state.ledger.payment_mut(&payment.psp) {
        Some(entry) if entry.disputes.len() < DISPUTES_MAX => {
            entry.disputes.push(Dispute { psp: psp.clone(), amount, stage });
            Ok(psp)
        }
        _ => Err(ControlError::NotNow("the payment has too many disputes")),
    }
}

fn set_stage(world: &mut World, payment: &Payment, psp: &str, stage: DisputeStage) {
    let disputes = world.state.ledger.payment_mut(&payment.psp).map(|entry| &mut entry.disputes);
    if let Some(dispute) = disputes.into_iter().flatten().find(|dispute| dispute.psp == psp) {
        dispute.stage = stage;
    }
}

fn book_dispute(world: &mut World, now: Timestamp, payment: &Payment, psp: &str, amount: Money, kind: BookingKind) {
    let change = Change {
        psp: psp.to_owned(),
        kind: ChangeKind::Reversal,
        merchant_reference: None,
        amount,
        doomed: false,
        progress: Progress::Succeeded,
    };
    processing::book(world, now, &payment.psp, &change, kind);
}

fn tell_dispute(world: &mut World, now: Timestamp, payment: &Payment, code: &'static str, psp: &str, amount: Money) {
    let deadline = crate::clock::after(now, DEFENSE_SECONDS).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let additional = vec![
        ("chargebackReasonCode", "10.4".to_owned()),
        ("chargebackSchemeCode", "visa".to_owned()),
        ("defendable", "true".to_owned()),
        ("defensePeriodEndsAt", deadline),
    ];
    let reason = "Other Fraud-Card Absent Environment".to_owned();
    let event = Event { code, psp: psp.to_owned(), reason, additional, ..Event::change(amount) };
    processing::tell(world, now, payment, event);
}

/// Takes back a change that had succeeded.
fn undo(
    world: &mut World,
    now: Timestamp,
    payment: &Payment,
    wanted: &Happening,
    kind: ChangeKind,
    code: &'static str,
) -> Result<String, ControlError> {
    let change = payment
        .changes
        .iter()
        .rev()
        .filter(|change| change.kind == kind && change.progress == Progress::Succeeded)
        .find(|change| wanted.modification_reference.as_ref().is_none_or(|psp| *psp == change.psp))
        .ok_or(ControlError::NotNow("the payment has no such change that succeeded"))?
        .clone();
    let settled =
        world.state.ledger.bookings.iter().any(|booking| booking.modification == change.psp && booking.batch.is_some());
    if kind == ChangeKind::Capture && (settled || payment.remaining() != payment.captured()) {
        return Err(ControlError::NotNow("the capture was settled, or its money has been used"));
    }
    let changes = world.state.ledger.payment_mut(&payment.psp).map(|entry| &mut entry.changes);
    if let Some(entry) = changes.into_iter().flatten().find(|entry| entry.psp == change.psp) {
        entry.progress = Progress::Undone;
    }
    // What never reached a report disappears from the next one; what did comes back as a line of its own.
    if settled || code == "REFUNDED_REVERSED" {
        processing::book(world, now, &payment.psp, &change, BookingKind::RefundedReversed);
    } else {
        world.state.ledger.bookings.retain(|booking| booking.modification != change.psp);
    }
    let event = Event {
        code,
        psp: change.psp.clone(),
        reason: "Declined by the bank of the payer".to_owned(),
        merchant_reference: change.merchant_reference,
        ..Event::change(change.amount)
    };
    processing::tell(world, now, payment, event);
    Ok(change.psp)
}
