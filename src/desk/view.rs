//! What the world sees: payments and refunds as the API, the feed and webhooks show them.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use uuid::Uuid;
use zahlstelle_contract::{money::Money, reference::ProviderReference};

use super::{
    Desk, DeskError, TenantDesk, log,
    side::{self, PaymentSide, RefundSide},
};
use crate::domain::{
    attempt::{Attempt, AttemptState, UnknownReason},
    event::ExceptionCause,
    ids::{AttemptId, CaptureId, PaymentId, RefundId},
    language::Language,
    line::FeeLine,
    payment::{OpenException, Payment, State},
    refund::{Refund, RefundOrigin, RefundState},
};

/// A payment as it is shown. Members that could be erased are null after erasure, with `redacted` true.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentView {
    id: Uuid,
    object: &'static str,
    service: String,
    reference: Option<String>,
    kassenzeichen: String,
    state: &'static str,
    amount: String,
    currency: &'static str,
    amount_refunded: String,
    amount_refundable: String,
    lines: Vec<LineView>,
    attempts: Vec<AttemptView>,
    captures: Vec<CaptureView>,
    refunds: Vec<RefundView>,
    disputes: Vec<DisputeView>,
    exceptions: Vec<ExceptionView>,
    capture: zahlstelle_contract::method::CaptureMode,
    methods: Vec<zahlstelle_contract::method::Method>,
    language: Option<String>,
    paid_with: Option<zahlstelle_contract::method::Method>,
    outcome_due_at: Option<Timestamp>,
    next_action: Option<NextActionView>,
    receipt_url: Option<String>,
    checkout_url: Option<String>,
    return_url: Option<String>,
    metadata: BTreeMap<String, String>,
    created_at: Timestamp,
    expires_at: Timestamp,
    capture_before: Option<Timestamp>,
    paid_at: Option<Timestamp>,
    booking_day: Option<Date>,
    version: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    redacted: bool,
}

impl PaymentView {
    /// Where the citizen pays; [`None`] after erasure.
    pub fn checkout_url(&self) -> Option<&str> {
        self.checkout_url.as_deref()
    }
}

#[derive(Clone, Debug, Serialize)]
struct LineView {
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<String>,
    description: Option<String>,
    quantity: u32,
    unit_amount: String,
    tax_rate: String,
    net_amount: String,
    tax_amount: String,
    amount: String,
    bookings: Vec<BookingView>,
}

#[derive(Clone, Debug, Serialize)]
struct BookingView {
    kind: crate::domain::line::ShareKind,
    booking: BTreeMap<String, String>,
    amount: String,
}

#[derive(Clone, Debug, Serialize)]
struct AttemptView {
    id: AttemptId,
    method: zahlstelle_contract::method::Method,
    provider: Option<&'static str>,
    state: &'static str,
    provider_reference: Option<String>,
    decline: Option<DeclineView>,
    tries: usize,
    created_at: Timestamp,
}

#[derive(Clone, Debug, Serialize)]
struct DeclineView {
    code: String,
}

#[derive(Clone, Debug, Serialize)]
struct CaptureView {
    id: CaptureId,
    attempt: AttemptId,
    amount: String,
    amount_refundable: String,
    overpayment: bool,
    provider_reference: Option<String>,
    reversed: bool,
    created_at: Timestamp,
}

/// A refund as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct RefundView {
    id: RefundId,
    object: &'static str,
    payment: Uuid,
    capture: CaptureId,
    state: &'static str,
    /// Why an approved refund has not been sent, or why its outcome is not known.
    cause: Option<&'static str>,
    amount: String,
    currency: &'static str,
    lines: Vec<RefundLineView>,
    reason: Option<String>,
    proposal: bool,
    provider_reference: Option<String>,
    failure: Option<DeclineView>,
    outcome_due_at: Option<Timestamp>,
    created_at: Timestamp,
    version: u64,
}

#[derive(Clone, Debug, Serialize)]
struct RefundLineView {
    line: usize,
    amount: String,
    tax_amount: String,
}

#[derive(Clone, Debug, Serialize)]
struct DisputeView {
    provider_reference: String,
    capture: CaptureId,
    amount: String,
    state: &'static str,
}

/// What a person must look at, in one flat shape: members that a cause does not have are null.
#[derive(Clone, Debug, Default, Serialize)]
struct ExceptionView {
    id: Uuid,
    cause: &'static str,
    capture: Option<CaptureId>,
    attempt: Option<AttemptId>,
    refund: Option<RefundId>,
    amount: Option<String>,
    provider_reference: Option<String>,
    code: Option<String>,
    capture_before: Option<Timestamp>,
    created_at: Timestamp,
}

#[derive(Clone, Debug, Serialize)]
struct NextActionView {
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
}

impl Desk {
    /// A payment as it was shown at a version, read in one go.
    pub async fn view_at(&self, tenant: &str, id: PaymentId, version: u64) -> Result<PaymentView, DeskError> {
        let (stream, side) = self.store.dossier(tenant, id.0).await?;
        let payment = log::replay(id, &stream, version)?.ok_or(DeskError::NotFound)?;
        let side = side.as_ref().map(side::open).transpose()?;
        self.view_with(self.tenant(tenant)?, &payment, side).await
    }

    /// A payment as it is shown, in the state that it is given in.
    pub async fn view(&self, desk: &TenantDesk, payment: &Payment) -> Result<PaymentView, DeskError> {
        let side = self.store.side(desk.tenant.id.as_str(), payment.id.0).await?;
        self.view_with(desk, payment, side.as_ref().map(side::open).transpose()?).await
    }

    /// A payment as it is shown, with its erasable data at hand.
    pub async fn view_with(
        &self,
        desk: &TenantDesk,
        payment: &Payment,
        side: Option<PaymentSide>,
    ) -> Result<PaymentView, DeskError> {
        let tenant = desk.tenant.id.as_str();
        let booking_day = match payment.paid {
            Some(paid) => self.store.booking_day(tenant, payment.id.0, paid.version).await?,
            None => None,
        };
        let mut refunds = Vec::with_capacity(payment.refunds.len());
        for refund in &payment.refunds {
            refunds.push(self.view_refund(desk, payment, refund).await?);
        }
        Ok(self.compose(desk, payment, side, refunds, booking_day))
    }

    /// A refund as it is shown.
    pub async fn view_refund(
        &self,
        desk: &TenantDesk,
        payment: &Payment,
        refund: &Refund,
    ) -> Result<RefundView, DeskError> {
        let side = self.store.side(desk.tenant.id.as_str(), refund.id.0).await?;
        let side: Option<RefundSide> = side.as_ref().map(side::open).transpose()?;
        Ok(refund_view(payment, refund, side.map(|side| side.reason)))
    }

    /// A payment as it is shown, with everything at hand.
    pub(super) fn compose(
        &self,
        desk: &TenantDesk,
        payment: &Payment,
        side: Option<PaymentSide>,
        refunds: Vec<RefundView>,
        booking_day: Option<Date>,
    ) -> PaymentView {
        let terms = &payment.terms;
        let base = self.settings.public_url.as_str().trim_end_matches('/');
        let checkout_url = side.as_ref().map(|side| format!("{base}/pay/{}", side.token));
        let descriptions = side.as_ref().map(|side| side.descriptions.as_slice()).unwrap_or_default();
        PaymentView {
            id: payment.id.0,
            object: "payment",
            service: terms.service.clone(),
            reference: side.as_ref().map(|side| side.reference.clone()),
            kassenzeichen: terms.kassenzeichen.clone(),
            state: payment.state.as_str(),
            amount: terms.total.decimal(),
            currency: terms.total.currency().code(),
            amount_refunded: payment.amount_refunded().decimal(),
            amount_refundable: payment.amount_refundable().decimal(),
            lines: line_views(desk, payment, descriptions),
            attempts: payment.attempts.iter().map(|attempt| attempt_view(desk, attempt)).collect(),
            captures: payment.captures.iter().map(|capture| capture_view(payment, capture)).collect(),
            refunds,
            disputes: payment.disputes.iter().map(dispute_view).collect(),
            exceptions: payment.exceptions.iter().map(exception_view).collect(),
            capture: terms.capture,
            methods: terms.methods.clone(),
            language: terms.language.clone(),
            paid_with: payment
                .paying_capture()
                .and_then(|capture| payment.attempt(capture.attempt))
                .map(|attempt| attempt.method),
            outcome_due_at: match payment.state {
                State::OutcomeUnknown { due_at, .. } => Some(due_at),
                _ => None,
            },
            next_action: next_action(payment),
            receipt_url: checkout_url
                .as_ref()
                .filter(|_| payment.paying_capture().is_some())
                .map(|url| format!("{url}/receipt")),
            checkout_url,
            return_url: side.as_ref().map(|side| side.return_url.clone()),
            redacted: side.is_none(),
            metadata: side.map(|side| side.metadata).unwrap_or_default(),
            created_at: payment.created_at,
            expires_at: payment.time_limit.expires_at,
            capture_before: match payment.state {
                State::Authorised { capture_before, .. } => Some(capture_before),
                _ => None,
            },
            paid_at: payment.paid.map(|paid| paid.at),
            booking_day,
            version: payment.version,
        }
    }
}

fn line_views(desk: &TenantDesk, payment: &Payment, descriptions: &[Option<String>]) -> Vec<LineView> {
    let told = payment.terms.language.as_deref().and_then(|tag| Language::of_tag(tag).ok());
    let language = told.unwrap_or_else(Language::german);
    let texts = descriptions.iter().map(Some).chain(std::iter::repeat(None));
    payment.terms.lines.iter().zip(texts).map(|(line, text)| line_view(desk, line, text, &language)).collect()
}

/// What a line is called: by the portal, else by the fee schedule in the language of the citizen.
fn line_name(desk: &TenantDesk, line: &FeeLine, own: Option<&String>, language: &Language) -> Option<String> {
    let fee = line.fee.as_ref().and_then(|fee| desk.tenant.fees.fee(&fee.key));
    own.cloned().or_else(|| fee.map(|fee| fee.names.text(language).to_owned()))
}

fn line_view(desk: &TenantDesk, line: &FeeLine, text: Option<&Option<String>>, language: &Language) -> LineView {
    LineView {
        fee: line.fee.as_ref().map(|fee| fee.key.clone()),
        description: line_name(desk, line, text.and_then(Option::as_ref), language),
        quantity: line.quantity,
        unit_amount: line.unit_amount.decimal(),
        tax_rate: line.tax_rate.to_string(),
        net_amount: line.net.decimal(),
        tax_amount: line.tax.decimal(),
        amount: line.gross.decimal(),
        bookings: line
            .shares
            .iter()
            .map(|share| BookingView {
                kind: share.kind,
                booking: share.booking.parts().clone(),
                amount: share.amount.decimal(),
            })
            .collect(),
    }
}

fn attempt_view(desk: &TenantDesk, attempt: &Attempt) -> AttemptView {
    let declined = match &attempt.state {
        AttemptState::Declined { code } => Some(code),
        AttemptState::Captured { .. } | AttemptState::Authorised { .. } | AttemptState::Reversed => None,
        _ => attempt.tries.last().map(|refused| &refused.code),
    };
    AttemptView {
        id: attempt.id,
        method: attempt.method,
        provider: desk.providers.get(&attempt.account).map(|provider| provider.provider()),
        state: attempt.state.as_str(),
        provider_reference: attempt.reference.as_ref().map(ToString::to_string),
        decline: declined.map(|code| DeclineView { code: code.to_string() }),
        tries: attempt.tries.len(),
        created_at: attempt.created_at,
    }
}

fn capture_view(payment: &Payment, capture: &crate::domain::attempt::Capture) -> CaptureView {
    let refundable = payment.refundable_minor(capture).max(0);
    CaptureView {
        id: capture.id,
        attempt: capture.attempt,
        amount: capture.amount.decimal(),
        amount_refundable: zahlstelle_contract::money::Money::from_minor(refundable, capture.amount.currency())
            .decimal(),
        overpayment: capture.role == crate::domain::attempt::CaptureRole::Surplus,
        provider_reference: capture.reference.as_ref().map(ToString::to_string),
        reversed: capture.reversed.is_some(),
        created_at: capture.at,
    }
}

/// A refund as it is shown, with the words of whoever asked for it.
pub(super) fn refund_view(payment: &Payment, refund: &Refund, reason: Option<String>) -> RefundView {
    let waits = payment.capture(refund.capture).is_some_and(|capture| capture.payment.is_none());
    let (cause, failure, outcome_due_at) = match &refund.state {
        RefundState::Approved if waits => (Some("awaiting_provider_reference"), None, None),
        RefundState::Failed { code, .. } => (None, Some(DeclineView { code: code.to_string() }), None),
        RefundState::Unknown { due_at, cause } => (Some(unknown_cause(*cause)), None, Some(*due_at)),
        RefundState::Requested
        | RefundState::Approved
        | RefundState::Rejected
        | RefundState::Submitted { .. }
        | RefundState::Succeeded { .. }
        | RefundState::Returned { .. } => (None, None, None),
    };
    RefundView {
        id: refund.id,
        object: "refund",
        payment: payment.id.0,
        capture: refund.capture,
        state: refund.state.as_str(),
        cause,
        amount: refund.amount.decimal(),
        currency: refund.amount.currency().code(),
        lines: refund
            .parts
            .iter()
            .map(|part| RefundLineView {
                line: part.line,
                amount: part.gross.decimal(),
                tax_amount: part.tax.decimal(),
            })
            .collect(),
        reason,
        proposal: refund.origin == RefundOrigin::Overpayment,
        provider_reference: refund.state.reference().map(ToString::to_string),
        failure,
        outcome_due_at,
        created_at: refund.created_at,
        version: payment.version,
    }
}

fn unknown_cause(cause: UnknownReason) -> &'static str {
    match cause {
        UnknownReason::Mismatch { .. } => "mismatch",
        UnknownReason::PageUnanswered | UnknownReason::CaptureUnanswered | UnknownReason::RefundUnanswered => {
            "provider_unanswered"
        }
    }
}

fn dispute_view(dispute: &crate::domain::refund::Dispute) -> DisputeView {
    DisputeView {
        provider_reference: dispute.reference.to_string(),
        capture: dispute.capture,
        amount: dispute.amount.decimal(),
        state: dispute.state.as_str(),
    }
}

fn exception_view(exception: &OpenException) -> ExceptionView {
    let cause = exception.cause.as_str();
    let view = ExceptionView { id: exception.id.0, cause, created_at: exception.at, ..ExceptionView::default() };
    let text = |reference: &ProviderReference| Some(reference.to_string());
    match &exception.cause {
        ExceptionCause::Overpayment { capture } => ExceptionView { capture: Some(*capture), ..view },
        ExceptionCause::Mismatch { attempt, told } => {
            ExceptionView { attempt: Some(*attempt), amount: told.map(Money::decimal), ..view }
        }
        ExceptionCause::Impossible { fact, reference } => {
            ExceptionView { code: Some(fact.clone()), provider_reference: reference.as_ref().and_then(text), ..view }
        }
        ExceptionCause::ForeignRefund { reference, amount } => {
            ExceptionView { provider_reference: text(reference), amount: Some(amount.decimal()), ..view }
        }
        ExceptionCause::OutcomeOverdue { attempt, refund } => {
            ExceptionView { attempt: *attempt, refund: *refund, ..view }
        }
        ExceptionCause::CallRejected { code, .. } => {
            ExceptionView { code: code.as_ref().map(ToString::to_string), ..view }
        }
        ExceptionCause::ReferenceMissing { attempt, capture_before }
        | ExceptionCause::CaptureDue { attempt, capture_before } => {
            ExceptionView { attempt: Some(*attempt), capture_before: Some(*capture_before), ..view }
        }
        ExceptionCause::RefundContradicted { refund } => ExceptionView { refund: Some(*refund), ..view },
        ExceptionCause::VoidFailed { attempt, code } => {
            ExceptionView { attempt: Some(*attempt), code: Some(code.to_string()), ..view }
        }
    }
}

/// Where the payer must go, while a page waits for them.
fn next_action(payment: &Payment) -> Option<NextActionView> {
    let live = payment.live().filter(|live| live.state == AttemptState::Waiting && !payment.is_closing(live))?;
    live.page.as_ref().map(|page| NextActionView { kind: "redirect", url: page.url.clone() })
}
