//! `POST /payments/{paymentPspReference}/captures`, `/refunds` and `/cancels`: received now, decided later.

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    adyen::{
        api::read,
        error::ServiceError,
        links::{WireAmount, check_account, check_reference},
    },
    exchange::{Request, Response},
    faults::{Fault, Operation},
    ledger::{
        Calls,
        payment::{Change, ChangeKind, Outcome, Progress},
    },
    world::{Work, World},
};

/// How long a change is under way before it is decided, in seconds.
pub(crate) const PROCESSING_SECONDS: i64 = 1;
/// How many changes one payment may collect.
const CHANGES_MAX: usize = 1_000;
/// The reasons for a refund that Adyen accepts.
const REFUND_REASONS: [&str; 5] = ["FRAUD", "CUSTOMER REQUEST", "RETURN", "DUPLICATE", "OTHER"];

/// Which change of which payment is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Modification<'a> {
    pub(crate) kind: ChangeKind,
    pub(crate) payment: &'a str,
}

impl Modification<'_> {
    pub(crate) fn operation(self) -> Operation {
        match self.kind {
            ChangeKind::Capture => Operation::Capture,
            ChangeKind::Refund => Operation::Refund,
            ChangeKind::Cancel | ChangeKind::Reversal => Operation::Cancel,
        }
    }

    pub(crate) fn counter(self) -> fn(&mut Calls) -> &mut u64 {
        match self.kind {
            ChangeKind::Capture => |calls| &mut calls.capture,
            ChangeKind::Refund => |calls| &mut calls.refund,
            ChangeKind::Cancel | ChangeKind::Reversal => |calls| &mut calls.cancel,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ModificationRequest {
    amount: Option<WireAmount>,
    merchant_account: Option<String>,
    reference: Option<String>,
    merchant_refund_reason: Option<String>,
    /// Accepted and not used, as at the provider.
    #[serde(rename = "applicationInfo")]
    _application_info: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Received<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<WireAmount>,
    merchant_account: &'a str,
    payment_psp_reference: &'a str,
    psp_reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_refund_reason: Option<&'a str>,
    status: &'static str,
}

pub(crate) fn receive(
    world: &mut World,
    now: Timestamp,
    modification: Modification<'_>,
    request: &Request,
) -> Result<Response, ServiceError> {
    let wanted: ModificationRequest = read(request)?;
    check_account(world, wanted.merchant_account.as_deref())?;
    let reference = check_reference(wanted.reference.as_deref())?;
    check_members(modification.kind, &wanted)?;
    let payment = world
        .state
        .ledger
        .payment(modification.payment)
        .filter(|payment| payment.outcome == Outcome::Authorised)
        .ok_or(ServiceError::invalid("167", "Original pspReference required for this operation"))?;
    let amount = match &wanted.amount {
        Some(amount) => amount.check()?,
        None if modification.kind == ChangeKind::Cancel => payment.amount,
        None => return Err(ServiceError::invalid("100", "No amount specified")),
    };
    if amount.currency() != payment.amount.currency() {
        return Err(ServiceError::invalid("138", "The currency is not the one of the payment"));
    }
    if payment.changes.len() >= CHANGES_MAX {
        return Err(ServiceError::Internal);
    }
    let psp = world.draw_reference();
    let change = Change {
        psp: psp.clone(),
        kind: modification.kind,
        merchant_reference: reference.map(str::to_owned),
        amount,
        doomed: world.state.faults.strikes(Fault::FailModification, modification.operation()).is_some(),
        progress: Progress::Received,
    };
    enter(world, now, modification, change);
    let received = Received {
        amount: wanted.amount.as_ref().map(|_| WireAmount::of(amount)),
        merchant_account: &world.settings.merchant_account,
        payment_psp_reference: modification.payment,
        psp_reference: &psp,
        reference,
        merchant_refund_reason: wanted.merchant_refund_reason.as_deref(),
        status: "received",
    };
    Ok(Response::json(StatusCode::CREATED, &received))
}

fn check_members(kind: ChangeKind, wanted: &ModificationRequest) -> Result<(), ServiceError> {
    if kind == ChangeKind::Cancel && wanted.amount.is_some() {
        return Err(ServiceError::invalid("702", "unknown field `amount`"));
    }
    match wanted.merchant_refund_reason.as_deref() {
        Some(_) if kind != ChangeKind::Refund => {
            Err(ServiceError::invalid("702", "unknown field `merchantRefundReason`"))
        }
        Some(reason) if !REFUND_REASONS.contains(&reason) => {
            Err(ServiceError::invalid("702", "merchantRefundReason is not one of the known reasons"))
        }
        _ => Ok(()),
    }
}

/// Enters the change into the books and on the agenda.
fn enter(world: &mut World, now: Timestamp, modification: Modification<'_>, change: Change) {
    let work = Work::ProcessChange { payment: modification.payment.to_owned(), change: change.psp.clone() };
    if let Some(payment) = world.state.ledger.payment_mut(modification.payment) {
        payment.changes.push(change);
    }
    if let Some(page) = world.state.ledger.page_of_payment(modification.payment) {
        let executed = modification.counter()(&mut page.executed);
        *executed = executed.saturating_add(1);
    }
    world.schedule(now, PROCESSING_SECONDS, work);
}
