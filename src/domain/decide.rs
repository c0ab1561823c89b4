//! Commands: what a client, a citizen or a job wants. They may be refused; a refusal changes nothing.

use jiff::Timestamp;
use zahlstelle_contract::{method::Method, money::Money, reference::AccountName};

use super::{
    attempt::{AttemptEnd, AttemptState, Capture, CaptureRole},
    call::{CloseReason, Purpose},
    event::{Event, ExceptionCause},
    ids::{AttemptId, CallId, CaptureId, ClientId, ExceptionId, RefundId},
    language::Language,
    payment::{Payment, State},
    refund::{self, RefundOrigin, RefundPart, RefundState, SplitError},
};

/// The most refunds a payment may have, so that no stream grows without bound.
pub const REFUNDS_MAX: usize = 100;
/// The most attempts a payment may have.
pub const ATTEMPTS_MAX: usize = 50;
/// How long before a hold lapses somebody is called.
pub const CAPTURE_ALARM_HOURS: i64 = 24;

/// What somebody wants of a payment.
#[derive(Clone, Debug)]
pub enum Command {
    /// Begin to pay with a method.
    StartAttempt {
        attempt: AttemptId,
        method: Method,
        account: AccountName,
        call: CallId,
        /// What the citizen is reading; nothing where a portal starts it.
        language: Option<Language>,
    },
    /// Make the live attempt unable to take money, so that another may start.
    CloseAttempt { call: CallId },
    /// Give up the payment.
    Cancel { call: CallId },
    /// End the payment because its time is over.
    Expire { call: CallId },
    /// Void an authorisation that lapses, or call somebody beforehand.
    Lapse { call: CallId, exception: ExceptionId },
    /// Take the authorised money.
    Capture { amount: Option<Money>, call: CallId },
    /// Give money back.
    RequestRefund(RefundRequest),
    /// Complete the approval chain.
    ApproveRefund { refund: RefundId, call: CallId },
    /// Say no in the approval chain.
    RejectRefund { refund: RefundId },
    /// Give the citizen more time. `seen` is how many extensions there were when it was asked for: a wish that comes
    /// twice, by a double click or by a reload, is one wish. [`None`] means one more, whatever there were.
    ExtendTime { seen: Option<u32> },
    /// Note that a call is about to leave.
    MarkSent { call: CallId },
}

/// What a client wants back.
#[derive(Clone, Debug)]
pub struct RefundRequest {
    /// The id of the new refund.
    pub refund: RefundId,
    /// The id of the call that will pay it, if nobody has to approve it.
    pub call: CallId,
    /// Which capture; by default the paying one.
    pub capture: Option<CaptureId>,
    /// How much.
    pub extent: RefundExtent,
    /// What the client believes can be refunded; refused when it is something else.
    pub expected_refundable: Option<Money>,
    /// Whether the service has no approval chain.
    pub approved: bool,
    /// Who asks.
    pub client: ClientId,
    /// HMAC of the erasable reason.
    pub side_mac: Option<String>,
}

/// How much a client wants back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RefundExtent {
    /// An amount, split over the lines by what remains of each.
    Amount(Money),
    /// Amounts of named lines.
    Lines(Vec<(usize, Money)>),
}

/// Why a command is refused. Nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The payment is in a state in which this cannot be done.
    #[error("the payment is {state}")]
    WrongState {
        /// The state.
        state: &'static str,
    },
    /// Another attempt can still take money and must be closed at the provider first.
    #[error("another attempt is under way")]
    AttemptUnderWay,
    /// The outcome of an attempt is not known, so nothing else may start.
    #[error("the outcome of an attempt is not known yet")]
    OutcomeUnknown {
        /// Until when it must be known.
        due_at: Timestamp,
    },
    /// The time to pay is over.
    #[error("the time to pay is over")]
    Expired,
    /// The portal did not allow this method for the payment.
    #[error("the method is not offered for this payment")]
    MethodNotOffered,
    /// A capture takes the whole authorised amount.
    #[error("a capture takes the full amount of {full}")]
    PartialCapture {
        /// The authorised amount.
        full: Money,
    },
    /// A capture or void is already under way.
    #[error("a change of the authorisation is already under way")]
    ChangeUnderWay,
    /// There is no such capture, or none at all.
    #[error("there is no such capture")]
    NoSuchCapture,
    /// The amount is not greater than zero or of another currency.
    #[error("the amount must be greater than zero and in the currency of the payment")]
    BadAmount,
    /// More than can be refunded.
    #[error("at most {refundable} can be refunded")]
    ExceedsRefundable {
        /// What can be refunded.
        refundable: Money,
    },
    /// The client believed something else could be refunded.
    #[error("{refundable} can be refunded, not what was expected")]
    OtherRefundable {
        /// What can be refunded.
        refundable: Money,
    },
    /// The payment has no such line.
    #[error("the payment has no such line")]
    NoSuchLine,
    /// There is no such refund.
    #[error("there is no such refund")]
    NoSuchRefund,
    /// The refund is in a state in which this cannot be done.
    #[error("the refund is {state}")]
    RefundWrongState {
        /// The state.
        state: &'static str,
    },
    /// There is no such unsettled call.
    #[error("there is no such call")]
    NoSuchCall,
    /// The payment has as many attempts, refunds or extensions of its time as it may have.
    #[error("there are too many of them")]
    TooMany,
}

/// What a command does to a payment, as events; an empty list means that it is already so.
pub fn decide(payment: &Payment, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::StartAttempt { attempt, method, account, call, language } => {
            start_attempt(payment, now, *attempt, *method, account, *call, language.clone())
        }
        Command::CloseAttempt { call } => match &payment.state {
            State::Processing { attempt } => Ok(close(payment, *attempt, *call, CloseReason::Switch)),
            State::Open
            | State::Authorised { .. }
            | State::OutcomeUnknown { .. }
            | State::Paid { .. }
            | State::Reversed { .. }
            | State::Cancelled
            | State::Expired
            | State::Failed => Err(wrong_state(payment)),
        },
        Command::Cancel { call } => cancel(payment, *call),
        Command::Expire { call } => Ok(expire(payment, *call, now)),
        Command::Lapse { call, exception } => Ok(lapse(payment, *call, *exception, now)),
        Command::Capture { amount, call } => capture(payment, *amount, *call),
        Command::RequestRefund(request) => request_refund(payment, request),
        Command::ApproveRefund { refund, call } => {
            still_requested(payment, *refund)?;
            Ok(vec![Event::RefundApproved { refund: *refund, call: *call }])
        }
        Command::RejectRefund { refund } => {
            still_requested(payment, *refund)?;
            Ok(vec![Event::RefundRejected { refund: *refund }])
        }
        Command::ExtendTime { seen } => extend_time(payment, *seen, now),
        Command::MarkSent { call } => mark_sent(payment, *call),
    }
}

fn wrong_state(payment: &Payment) -> Refusal {
    if let State::OutcomeUnknown { due_at, .. } = payment.state {
        return Refusal::OutcomeUnknown { due_at };
    }
    Refusal::WrongState { state: payment.state.as_str() }
}

fn start_attempt(
    payment: &Payment,
    now: Timestamp,
    attempt: AttemptId,
    method: Method,
    account: &AccountName,
    call: CallId,
    language: Option<Language>,
) -> Result<Vec<Event>, Refusal> {
    match &payment.state {
        State::Open => {}
        // "Try again" with the same method uses the same attempt and page: two pages could be paid twice.
        State::Processing { .. } if payment.live().is_some_and(|live| live.method == method) => return Ok(Vec::new()),
        State::Processing { .. } => return Err(Refusal::AttemptUnderWay),
        State::Authorised { .. }
        | State::OutcomeUnknown { .. }
        | State::Paid { .. }
        | State::Reversed { .. }
        | State::Cancelled
        | State::Expired
        | State::Failed => return Err(wrong_state(payment)),
    }
    if payment.time_limit.is_over(now) {
        return Err(Refusal::Expired);
    }
    if !payment.terms.methods.contains(&method) {
        return Err(Refusal::MethodNotOffered);
    }
    if payment.attempts.len() >= ATTEMPTS_MAX {
        return Err(Refusal::TooMany);
    }
    let (number, account) = (payment.next_attempt_number(), account.clone());
    Ok(vec![Event::AttemptStarted { attempt, number, method, account, call, language }])
}

/// Closes an attempt at the provider; one whose page was given to nobody can simply be dropped.
pub(super) fn close(payment: &Payment, attempt: AttemptId, call: CallId, why: CloseReason) -> Vec<Event> {
    let Some(live) = payment.attempt(attempt) else { return Vec::new() };
    if live.state == AttemptState::Started {
        let mut events = vec![Event::AttemptEnded { attempt, how: AttemptEnd::Abandoned }];
        events.extend(end_of(why));
        return events;
    }
    let mut events = Vec::new();
    for earlier in payment.calls_of(attempt) {
        match earlier.purpose {
            Purpose::ClosePage { why: known, .. } if known == why => return Vec::new(),
            // Who gave the payment up was told that it will end; another method must not keep it alive.
            Purpose::ClosePage { why: CloseReason::Cancel | CloseReason::Expire, .. } if why == CloseReason::Switch => {
                return Vec::new();
            }
            // Closing is harmless to repeat, so the newer reason simply replaces the older one.
            Purpose::ClosePage { .. } => events.push(Event::CallSettled { call: earlier.id, code: None }),
            Purpose::OpenPage { .. } | Purpose::Capture { .. } | Purpose::Void { .. } | Purpose::Refund { .. } => {}
        }
    }
    events.push(Event::CloseIntended { attempt, call, why });
    events
}

/// What follows for the payment once its attempt is closed for this reason.
pub(super) fn end_of(why: CloseReason) -> Option<Event> {
    match why {
        CloseReason::Switch | CloseReason::Late => None,
        CloseReason::Cancel | CloseReason::Lapse => Some(Event::Cancelled),
        CloseReason::Expire => Some(Event::Expired),
    }
}

fn cancel(payment: &Payment, call: CallId) -> Result<Vec<Event>, Refusal> {
    match &payment.state {
        State::Open => Ok(vec![Event::Cancelled]),
        State::Cancelled => Ok(Vec::new()),
        State::Processing { attempt } => Ok(close(payment, *attempt, call, CloseReason::Cancel)),
        State::Authorised { attempt, .. } => void(payment, *attempt, call, CloseReason::Cancel),
        State::OutcomeUnknown { .. } | State::Paid { .. } | State::Reversed { .. } | State::Expired | State::Failed => {
            Err(wrong_state(payment))
        }
    }
}

fn void(payment: &Payment, attempt: AttemptId, call: CallId, why: CloseReason) -> Result<Vec<Event>, Refusal> {
    for earlier in payment.calls_of(attempt) {
        match earlier.purpose {
            Purpose::Void { .. } => return Ok(Vec::new()),
            Purpose::Capture { .. } => return Err(Refusal::ChangeUnderWay),
            Purpose::OpenPage { .. } | Purpose::ClosePage { .. } | Purpose::Refund { .. } => {}
        }
    }
    Ok(vec![Event::VoidIntended { attempt, call, why }])
}

fn expire(payment: &Payment, call: CallId, now: Timestamp) -> Vec<Event> {
    if !payment.time_limit.is_over(now) {
        return Vec::new();
    }
    match &payment.state {
        State::Open => vec![Event::Expired],
        State::Processing { attempt } => close(payment, *attempt, call, CloseReason::Expire),
        // Held money has a deadline of its own, and a doubt must be settled before anything final.
        State::Authorised { .. }
        | State::OutcomeUnknown { .. }
        | State::Paid { .. }
        | State::Reversed { .. }
        | State::Cancelled
        | State::Expired
        | State::Failed => Vec::new(),
    }
}

/// More time, while it is not over. An open page of the provider keeps its own end; choosing a method after that opens
/// a new one.
fn extend_time(payment: &Payment, seen: Option<u32>, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    if seen.is_some_and(|seen| seen != payment.time_limit.extensions) {
        return Ok(Vec::new());
    }
    match &payment.state {
        State::Open | State::Processing { .. } => {}
        State::Authorised { .. }
        | State::OutcomeUnknown { .. }
        | State::Paid { .. }
        | State::Reversed { .. }
        | State::Cancelled
        | State::Expired
        | State::Failed => return Err(wrong_state(payment)),
    }
    if payment.time_limit.is_over(now) {
        return Err(Refusal::Expired);
    }
    let expires_at = payment.extended_limit().ok_or(Refusal::TooMany)?;
    Ok(vec![Event::TimeExtended { expires_at }])
}

fn lapse(payment: &Payment, call: CallId, exception: ExceptionId, now: Timestamp) -> Vec<Event> {
    let State::Authorised { attempt, capture_before } = payment.state else { return Vec::new() };
    let Some(held) = payment.attempt(attempt) else { return Vec::new() };
    if now >= capture_before {
        if void_was_refused(payment, attempt, capture_before) {
            return Vec::new();
        }
        if held.reference.is_some() {
            return void(payment, attempt, call, CloseReason::Lapse).unwrap_or_default();
        }
        // Without a reference it cannot be voided, and by now the provider has let it go by itself.
        return vec![Event::AttemptEnded { attempt, how: AttemptEnd::Voided }, Event::Cancelled];
    }
    let alarm_at = capture_before.checked_sub(jiff::SignedDuration::from_hours(CAPTURE_ALARM_HOURS));
    let cause = if held.reference.is_some() {
        ExceptionCause::CaptureDue { attempt, capture_before }
    } else {
        ExceptionCause::ReferenceMissing { attempt, capture_before }
    };
    let known = payment.exceptions.iter().any(|exception| exception.cause == cause);
    if known || alarm_at.is_ok_and(|alarm_at| now < alarm_at) {
        return Vec::new();
    }
    vec![Event::ExceptionOpened { exception, cause }]
}

/// Whether the provider has refused to void a hold after its deadline: asking again would not end, so persons decide.
fn void_was_refused(payment: &Payment, attempt: AttemptId, since: Timestamp) -> bool {
    payment.exceptions.iter().filter(|exception| since <= exception.at).any(|exception| match &exception.cause {
        ExceptionCause::VoidFailed { attempt: refused, .. } => *refused == attempt,
        ExceptionCause::CallRejected { .. } => true,
        ExceptionCause::Overpayment { .. }
        | ExceptionCause::Mismatch { .. }
        | ExceptionCause::Impossible { .. }
        | ExceptionCause::ForeignRefund { .. }
        | ExceptionCause::OutcomeOverdue { .. }
        | ExceptionCause::ReferenceMissing { .. }
        | ExceptionCause::CaptureDue { .. }
        | ExceptionCause::RefundContradicted { .. } => false,
    })
}

fn capture(payment: &Payment, amount: Option<Money>, call: CallId) -> Result<Vec<Event>, Refusal> {
    let State::Authorised { attempt, .. } = payment.state else { return Err(wrong_state(payment)) };
    let full = payment.terms.total;
    if amount.is_some_and(|amount| amount != full) {
        return Err(Refusal::PartialCapture { full });
    }
    for earlier in payment.calls_of(attempt) {
        match earlier.purpose {
            Purpose::Capture { .. } | Purpose::Void { .. } => return Err(Refusal::ChangeUnderWay),
            Purpose::OpenPage { .. } | Purpose::ClosePage { .. } | Purpose::Refund { .. } => {}
        }
    }
    Ok(vec![Event::CaptureIntended { attempt, call }])
}

fn request_refund(payment: &Payment, request: &RefundRequest) -> Result<Vec<Event>, Refusal> {
    let capture = match request.capture {
        Some(id) => payment.capture(id).ok_or(Refusal::NoSuchCapture)?,
        None => payment.paying_capture().ok_or_else(|| wrong_state(payment))?,
    };
    if payment.refunds.len() >= REFUNDS_MAX {
        return Err(Refusal::TooMany);
    }
    let refundable = Money::from_minor(payment.refundable_minor(capture), capture.amount.currency());
    if request.expected_refundable.is_some_and(|expected| expected != refundable) {
        return Err(Refusal::OtherRefundable { refundable });
    }
    let amount = extent_total(&request.extent, refundable)?;
    if amount.minor() > refundable.minor() {
        return Err(Refusal::ExceedsRefundable { refundable });
    }
    let number = u32::try_from(payment.refunds.len()).unwrap_or(u32::MAX).saturating_add(1);
    let mut events = vec![Event::RefundRequested {
        refund: request.refund,
        number,
        capture: capture.id,
        amount,
        parts: refund_parts(payment, capture, &request.extent, refundable)?,
        origin: RefundOrigin::Client,
        client: Some(request.client),
        side_mac: request.side_mac.clone(),
    }];
    if request.approved {
        events.push(Event::RefundApproved { refund: request.refund, call: request.call });
    }
    Ok(events)
}

fn extent_total(extent: &RefundExtent, refundable: Money) -> Result<Money, Refusal> {
    let positive = |amount: &Money| amount.is_positive() && amount.currency() == refundable.currency();
    match extent {
        RefundExtent::Amount(amount) if positive(amount) => Ok(*amount),
        RefundExtent::Lines(lines) if !lines.is_empty() && lines.iter().all(|(_, amount)| positive(amount)) => {
            Money::total(lines.iter().map(|(_, amount)| *amount), refundable.currency()).map_err(|_| Refusal::BadAmount)
        }
        RefundExtent::Amount(_) | RefundExtent::Lines(_) => Err(Refusal::BadAmount),
    }
}

/// How a refund falls on the lines. An overpayment stands for no line, so its refund takes from none.
fn refund_parts(
    payment: &Payment,
    capture: &Capture,
    extent: &RefundExtent,
    refundable: Money,
) -> Result<Vec<RefundPart>, Refusal> {
    let earlier = payment
        .refunds
        .iter()
        .filter(|refund| refund.capture == capture.id && refund.state.reserves())
        .flat_map(|refund| &refund.parts);
    let parts = match (capture.role, extent) {
        (CaptureRole::Surplus, RefundExtent::Amount(_)) => return Ok(Vec::new()),
        (CaptureRole::Surplus, RefundExtent::Lines(_)) => return Err(Refusal::NoSuchLine),
        (CaptureRole::Paying, RefundExtent::Amount(amount)) => {
            refund::split_by_amount(&payment.terms.lines, earlier, *amount)
        }
        (CaptureRole::Paying, RefundExtent::Lines(wanted)) => {
            refund::split_by_lines(&payment.terms.lines, earlier, wanted)
        }
    };
    parts.map_err(|error| match error {
        SplitError::ExceedsRemaining => Refusal::ExceedsRefundable { refundable },
        SplitError::NoSuchLine => Refusal::NoSuchLine,
        SplitError::Money(_) => Refusal::BadAmount,
    })
}

fn still_requested(payment: &Payment, refund: RefundId) -> Result<(), Refusal> {
    let state = &payment.refund(refund).ok_or(Refusal::NoSuchRefund)?.state;
    if *state == RefundState::Requested { Ok(()) } else { Err(Refusal::RefundWrongState { state: state.as_str() }) }
}

fn mark_sent(payment: &Payment, id: CallId) -> Result<Vec<Event>, Refusal> {
    let call = payment.call(id).ok_or(Refusal::NoSuchCall)?;
    if call.first_sent_at.is_some() {
        return Ok(Vec::new());
    }
    let mut events = vec![Event::CallSent { call: id }];
    let is_submitted = |refund| {
        payment.refund(refund).is_some_and(|refund| matches!(refund.state, RefundState::Submitted { reference: None }))
    };
    // A refund whose earlier try did not leave has been submitted since then.
    if let Purpose::Refund { refund } = call.purpose
        && !is_submitted(refund)
    {
        events.push(Event::RefundSubmitted { refund });
    }
    Ok(events)
}
