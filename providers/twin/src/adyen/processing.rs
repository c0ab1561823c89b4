//! What the provider does after it has answered: approvals, changes, reversals, disputes, and the word of them.

use jiff::Timestamp;
use zahlstelle_contract::money::Money;

use crate::{
    adyen::{modifications::PROCESSING_SECONDS, notice::Notice},
    faults::{Fault, Operation},
    ledger::{
        booking::{Booking, BookingKind},
        page::{CapturePlan, Condition},
        payment::{Change, ChangeKind, Outcome, Payment, Progress},
    },
    world::{Work, World},
};

/// Seconds in an hour.
const HOUR_SECONDS: i64 = 3_600;
/// How a success is explained: authorisation code, last digits (the twin has none) and expiry.
const APPROVED_REASON: &str = "874574:0000:12/2030";
/// What may follow an authorisation.
const OPERATIONS_AUTHORISED: &[&str] = &["CANCEL", "CAPTURE", "REFUND"];

/// Pays a page: enters the payment, completes the page and tells of it.
pub(crate) fn approve(world: &mut World, now: Timestamp, page_id: &str) {
    let Some(page) = world.state.ledger.page_mut(page_id) else { return };
    if !page.reusable {
        page.set_condition(Condition::Completed, now);
    }
    let psp = enter(world, now, page_id, Outcome::Authorised);
    authorised(world, now, &psp);
}

/// Leaves a try undecided until somebody decides it.
pub(crate) fn leave_pending(world: &mut World, now: Timestamp, page_id: &str) {
    enter(world, now, page_id, Outcome::Pending);
    if let Some(page) = world.state.ledger.page_mut(page_id) {
        page.set_condition(Condition::Pending, now);
    }
}

/// Refuses a try; the page stays payable.
pub(crate) fn refuse(world: &mut World, now: Timestamp, page_id: &str) {
    let psp = enter(world, now, page_id, Outcome::Refused);
    refused(world, now, &psp);
}

/// Decides a try that was left undecided. `None` if there is no such try.
pub(crate) fn decide_pending(world: &mut World, now: Timestamp, psp: &str, approved: bool) -> Option<()> {
    let payment = world.state.ledger.payment_mut(psp).filter(|payment| payment.outcome == Outcome::Pending)?;
    payment.outcome = if approved { Outcome::Authorised } else { Outcome::Refused };
    payment.at = now;
    let page = world.state.ledger.page_of_payment(psp)?;
    let condition = if approved && !page.reusable { Condition::Completed } else { Condition::Open };
    page.set_condition(condition, now);
    if approved {
        authorised(world, now, psp);
    } else {
        refused(world, now, psp);
    }
    Some(())
}

fn enter(world: &mut World, now: Timestamp, page_id: &str, outcome: Outcome) -> String {
    let psp = world.draw_reference();
    if let Some(page) = world.state.ledger.page(page_id) {
        let payment = Payment {
            psp: psp.clone(),
            page: page_id.to_owned(),
            amount: page.amount,
            at: now,
            outcome,
            changes: Vec::new(),
            disputes: Vec::new(),
        };
        world.state.ledger.add_payment(payment);
    }
    psp
}

fn authorised(world: &mut World, now: Timestamp, psp: &str) {
    let Some((payment, plan)) = payment_and_plan(world, psp) else { return };
    match plan {
        CapturePlan::AtOnce => {
            capture_by_provider(world, now, psp);
        }
        CapturePlan::AfterHours(hours) => {
            let work = Work::CaptureByDelay { payment: psp.to_owned() };
            world.schedule(now, hours.saturating_mul(HOUR_SECONDS), work);
        }
        CapturePlan::OnRequest => {}
    }
    tell(world, now, &payment, Event::payment(true, APPROVED_REASON));
    if world.state.faults.strikes(Fault::Reversal, Operation::Pay).is_some() {
        world.schedule(now, PROCESSING_SECONDS, Work::Reverse { payment: psp.to_owned() });
    }
}

fn refused(world: &mut World, now: Timestamp, psp: &str) {
    if let Some((payment, _)) = payment_and_plan(world, psp) {
        tell(world, now, &payment, Event::payment(false, "Refused"));
    }
}

/// Takes the whole amount without being asked. Gives the reference of the capture.
fn capture_by_provider(world: &mut World, now: Timestamp, psp: &str) -> Option<String> {
    let capture = world.draw_reference();
    let payment = world.state.ledger.payment_mut(psp)?;
    let mut change = Change {
        psp: capture.clone(),
        kind: ChangeKind::Capture,
        merchant_reference: None,
        amount: payment.amount,
        doomed: false,
        progress: Progress::Succeeded,
    };
    if payment.obstacle(&change, now).is_some() {
        change.progress = Progress::Failed;
        payment.changes.push(change);
        return None;
    }
    payment.changes.push(change.clone());
    book(world, now, psp, &change, BookingKind::Settled);
    Some(capture)
}

/// Captures after the delay that the page asked for, and tells of it.
pub(crate) fn capture_by_delay(world: &mut World, now: Timestamp, psp: &str) {
    let Some(capture) = capture_by_provider(world, now, psp) else { return };
    if let Some((payment, _)) = payment_and_plan(world, psp) {
        let event = Event { code: "CAPTURE", psp: capture, ..Event::change(payment.amount) };
        tell(world, now, &payment, event);
    }
}

/// Decides a change that was received, and tells of it.
pub(crate) fn process(world: &mut World, now: Timestamp, psp: &str, change_psp: &str) {
    let Some(payment) = world.state.ledger.payment_mut(psp) else { return };
    let Some(index) = payment.changes.iter().position(|change| change.psp == change_psp) else { return };
    let Some(mut change) = payment.changes.get(index).cloned() else { return };
    let obstacle = payment.obstacle(&change, now);
    change.progress = if obstacle.is_none() { Progress::Succeeded } else { Progress::Failed };
    if let Some(entry) = payment.changes.get_mut(index) {
        entry.progress = change.progress;
    }
    let payment = payment.clone();
    if obstacle.is_none() {
        match change.kind {
            ChangeKind::Capture => book(world, now, psp, &change, BookingKind::Settled),
            ChangeKind::Refund => book(world, now, psp, &change, BookingKind::Refunded),
            ChangeKind::Cancel | ChangeKind::Reversal => {}
        }
    }
    let code = match change.kind {
        ChangeKind::Capture => "CAPTURE",
        ChangeKind::Refund => "REFUND",
        ChangeKind::Cancel => "CANCELLATION",
        ChangeKind::Reversal => "CANCEL_OR_REFUND",
    };
    let event = Event {
        code,
        psp: change.psp,
        success: obstacle.is_none(),
        reason: obstacle.unwrap_or_default().to_owned(),
        merchant_reference: change.merchant_reference,
        ..Event::change(change.amount)
    };
    tell(world, now, &payment, event);
}

/// Gives everything back, or the authorisation up, without having been asked.
pub(crate) fn reverse(world: &mut World, now: Timestamp, psp: &str) {
    let reversal = world.draw_reference();
    let Some(payment) = world.state.ledger.payment_mut(psp) else { return };
    let captured = payment.succeeded_at_all(ChangeKind::Capture);
    let amount = if captured { payment.remaining() } else { payment.amount };
    if payment.outcome != Outcome::Authorised || payment.is_voided() || !amount.is_positive() {
        return;
    }
    let change = Change {
        psp: reversal.clone(),
        kind: ChangeKind::Reversal,
        merchant_reference: None,
        amount,
        doomed: false,
        progress: Progress::Succeeded,
    };
    payment.changes.push(change.clone());
    let payment = payment.clone();
    if captured {
        book(world, now, psp, &change, BookingKind::Refunded);
    }
    let action = if captured { "refund" } else { "cancel" };
    let event = Event {
        code: "CANCEL_OR_REFUND",
        psp: reversal,
        additional: vec![("modification.action", action.to_owned())],
        ..Event::change(amount)
    };
    tell(world, now, &payment, event);
}

fn payment_and_plan(world: &mut World, psp: &str) -> Option<(Payment, CapturePlan)> {
    let plan = world.state.ledger.page_of_payment(psp)?.capture;
    world.state.ledger.payment(psp).cloned().map(|payment| (payment, plan))
}

/// Enters what a settlement report will show.
pub(crate) fn book(world: &mut World, now: Timestamp, psp: &str, change: &Change, kind: BookingKind) {
    let Some(page) = world.state.ledger.page_of_payment(psp) else { return };
    let booking = Booking {
        kind,
        at: now,
        payment: psp.to_owned(),
        modification: change.psp.clone(),
        merchant_reference: page.merchant_reference.clone(),
        modification_reference: change.merchant_reference.clone(),
        amount: change.amount,
        batch: None,
    };
    world.state.ledger.bookings.push(booking);
}

/// What is to be told about a payment.
pub(crate) struct Event {
    pub(crate) code: &'static str,
    /// Empty for the payment's own reference.
    pub(crate) psp: String,
    pub(crate) amount: Option<Money>,
    pub(crate) success: bool,
    pub(crate) reason: String,
    /// What the merchant called the change; without it the name of the payment is repeated.
    pub(crate) merchant_reference: Option<String>,
    pub(crate) additional: Vec<(&'static str, String)>,
}

impl Event {
    fn payment(success: bool, reason: &str) -> Self {
        Self {
            code: "AUTHORISATION",
            psp: String::new(),
            amount: None,
            success,
            reason: reason.to_owned(),
            merchant_reference: None,
            additional: Vec::new(),
        }
    }

    pub(crate) fn change(amount: Money) -> Self {
        Self { amount: Some(amount), reason: String::new(), ..Self::payment(true, "") }
    }
}

/// Events whose additional data may name the payment link.
const NAMES_THE_LINK: [&str; 5] = ["AUTHORISATION", "CAPTURE", "REFUND", "CANCELLATION", "CANCEL_OR_REFUND"];

pub(crate) fn tell(world: &mut World, now: Timestamp, payment: &Payment, event: Event) {
    let Some(page) = world.state.ledger.page(&payment.page) else { return };
    let about_payment = event.psp.is_empty();
    let mut additional = event.additional;
    if NAMES_THE_LINK.contains(&event.code) {
        additional.push(("paymentLinkId", page.id.clone()));
    }
    let notice = Notice {
        event: event.code,
        psp: if about_payment { payment.psp.clone() } else { event.psp },
        original: (!about_payment).then(|| payment.psp.clone()),
        merchant_reference: event.merchant_reference.unwrap_or_else(|| page.merchant_reference.clone()),
        amount: event.amount.unwrap_or(payment.amount),
        success: event.success,
        reason: event.reason,
        additional,
        operations: if about_payment && event.success { OPERATIONS_AUTHORISED } else { &[] },
    };
    world.notify(now, notice);
}
