//! What a provider answered to a call, or that it did not.

use zahlstelle_contract::{
    provider::Mismatch,
    reference::{ProviderCode, ProviderReference},
};

use super::Recorder;
use crate::domain::{
    attempt::{Attempt, AttemptEnd, AttemptState, UnknownReason},
    call::{Call, Purpose},
    event::{Event, ExceptionCause},
    ids::{AttemptId, CallId, RefundId},
    refund::RefundState,
};

/// How many tries that did not leave are taken back, so that no stream grows without bound. Long before the last of
/// them the deadline for an outcome has passed, and a person knows.
const NOT_SENT_MAX: u32 = 500;

impl Recorder<'_> {
    pub(super) fn call_taken(
        &self,
        id: CallId,
        reference: &ProviderReference,
        mismatch: Option<Mismatch>,
    ) -> Vec<Event> {
        let Some(call) = self.payment.call(id) else { return Vec::new() };
        match call.purpose {
            Purpose::Refund { refund } => match mismatch {
                None => self.refund_taken(refund, reference),
                Some(what) => {
                    let cause = UnknownReason::Mismatch { what };
                    let due_at = self.context.outcome_due_at;
                    let contradicted = ExceptionCause::RefundContradicted { refund };
                    // It is not asked for again: what the provider made of it, its notification tells.
                    vec![
                        Event::RefundUnknown { refund, cause, due_at },
                        Event::CallSettled { call: id, code: None },
                        self.exception(contradicted),
                    ]
                }
            },
            Purpose::Capture { attempt } => {
                let mut events = vec![Event::CallAccepted { call: id, reference: reference.clone() }];
                match mismatch {
                    None => events.extend(self.doubt_ends(attempt)),
                    Some(what) => {
                        events.extend(self.with_attempt(attempt, |attempt| self.mismatch(attempt, what, None)));
                    }
                }
                events
            }
            Purpose::Void { .. } => vec![Event::CallAccepted { call: id, reference: reference.clone() }],
            Purpose::OpenPage { .. } | Purpose::ClosePage { .. } => Vec::new(),
        }
    }

    fn refund_taken(&self, refund: RefundId, reference: &ProviderReference) -> Vec<Event> {
        match self.payment.refund(refund).map(|refund| &refund.state) {
            Some(RefundState::Submitted { .. } | RefundState::Unknown { .. }) => {
                vec![Event::RefundAccepted { refund, reference: reference.clone() }]
            }
            Some(
                RefundState::Requested
                | RefundState::Approved
                | RefundState::Rejected
                | RefundState::Succeeded { .. }
                | RefundState::Failed { .. }
                | RefundState::Returned { .. },
            )
            | None => Vec::new(),
        }
    }

    /// A doubt about a capture ends when the provider says that it has the capture, or has not.
    pub(super) fn doubt_ends(&self, attempt: AttemptId) -> Option<Event> {
        let attempt = self.payment.attempt(attempt)?;
        match (&attempt.state, attempt.capture_before) {
            (AttemptState::Unknown { cause: UnknownReason::CaptureUnanswered, .. }, Some(capture_before)) => {
                Some(Event::Authorised { attempt: attempt.id, capture_before })
            }
            (_, _) => None,
        }
    }

    pub(super) fn call_refused(
        &self,
        id: CallId,
        code: Option<&ProviderCode>,
        rejected: bool,
        repeated: bool,
    ) -> Vec<Event> {
        let Some(call) = self.payment.call(id) else { return Vec::new() };
        if rejected && repeated && takes_effect_once(call.purpose) {
            return self.repetition_rejected(id, code);
        }
        let mut events = self.refused(call, code);
        let is_void = matches!(call.purpose, Purpose::Void { .. });
        if rejected && !is_void {
            events.push(self.exception(ExceptionCause::CallRejected { call: id, code: code.cloned() }));
        }
        events
    }

    /// A repetition that is turned away, e.g. because the account's key has changed, says nothing about the first try.
    fn repetition_rejected(&self, id: CallId, code: Option<&ProviderCode>) -> Vec<Event> {
        let mut events = self.call_unanswered(id);
        let cause = ExceptionCause::CallRejected { call: id, code: code.cloned() };
        if !self.payment.exceptions.iter().any(|known| known.cause == cause) {
            events.push(self.exception(cause));
        }
        events
    }

    fn refused(&self, call: &Call, code: Option<&ProviderCode>) -> Vec<Event> {
        let code = code.cloned().unwrap_or_else(unnamed);
        match call.purpose {
            Purpose::OpenPage { attempt } => self.page_not_made(call.id, attempt),
            Purpose::ClosePage { attempt, .. } => self.with_attempt(attempt, |attempt| self.page_unanswered(attempt)),
            Purpose::Capture { attempt } => {
                let mut events = vec![Event::CaptureFailed { attempt, code }];
                events.extend(self.doubt_ends(attempt));
                events
            }
            Purpose::Void { attempt, .. } => {
                let settled = Event::CallSettled { call: call.id, code: Some(code.clone()) };
                vec![settled, self.exception(ExceptionCause::VoidFailed { attempt, code })]
            }
            Purpose::Refund { refund } => vec![Event::RefundFailed { refund, code }],
        }
    }

    /// A call that moves something did not leave. It is not taken back once anything says that another try may have.
    pub(super) fn call_not_sent(&self, id: CallId) -> Vec<Event> {
        let Some(call) = self.payment.call(id) else { return Vec::new() };
        let tries = call.not_sent.map_or(0, |earlier| earlier.tries);
        if call.first_sent_at.is_none() || call.accepted.is_some() || tries >= NOT_SENT_MAX {
            return Vec::new();
        }
        let is_undoubted = match call.purpose {
            Purpose::OpenPage { .. } | Purpose::ClosePage { .. } => false,
            Purpose::Void { .. } => true,
            Purpose::Capture { attempt } => self
                .payment
                .attempt(attempt)
                .is_some_and(|attempt| matches!(attempt.state, AttemptState::Authorised { .. })),
            Purpose::Refund { refund } => self
                .payment
                .refund(refund)
                .is_some_and(|refund| matches!(refund.state, RefundState::Submitted { reference: None })),
        };
        if is_undoubted { vec![Event::CallNotSent { call: id }] } else { Vec::new() }
    }

    pub(super) fn call_unanswered(&self, id: CallId) -> Vec<Event> {
        let Some(call) = self.payment.call(id) else { return Vec::new() };
        // Two may have tried at once, and the other's did not leave; this one may have.
        let sent = Some(Event::CallSent { call: id }).filter(|_| call.first_sent_at.is_none());
        sent.into_iter().chain(self.doubt_begins(call)).collect()
    }

    fn doubt_begins(&self, call: &Call) -> Vec<Event> {
        match call.purpose {
            // The address of the page was given to nobody, so there is nothing to doubt: the call is repeated.
            Purpose::OpenPage { .. } | Purpose::Void { .. } => Vec::new(),
            Purpose::ClosePage { attempt, .. } => self.with_attempt(attempt, |attempt| self.page_unanswered(attempt)),
            Purpose::Capture { attempt } => self.with_attempt(attempt, |attempt| match &attempt.state {
                AttemptState::Authorised { .. } => vec![self.unknown(attempt, UnknownReason::CaptureUnanswered)],
                AttemptState::Started
                | AttemptState::Waiting
                | AttemptState::Pending
                | AttemptState::Captured { .. }
                | AttemptState::Declined { .. }
                | AttemptState::Cancelled
                | AttemptState::Abandoned
                | AttemptState::Voided
                | AttemptState::Unknown { .. }
                | AttemptState::Reversed => Vec::new(),
            }),
            Purpose::Refund { refund } => match self.payment.refund(refund).map(|refund| &refund.state) {
                Some(RefundState::Submitted { reference: None }) => {
                    let due_at = self.context.outcome_due_at;
                    vec![Event::RefundUnknown { refund, cause: UnknownReason::RefundUnanswered, due_at }]
                }
                Some(
                    RefundState::Requested
                    | RefundState::Approved
                    | RefundState::Rejected
                    | RefundState::Submitted { .. }
                    | RefundState::Succeeded { .. }
                    | RefundState::Failed { .. }
                    | RefundState::Unknown { .. }
                    | RefundState::Returned { .. },
                )
                | None => Vec::new(),
            },
        }
    }

    /// Only the making of a page can be given up: it moves no money, and its address was given to nobody.
    pub(super) fn call_given_up(&self, id: CallId) -> Vec<Event> {
        match self.payment.call(id).map(|call| call.purpose) {
            Some(Purpose::OpenPage { attempt }) => self.page_not_made(id, attempt),
            Some(
                Purpose::ClosePage { .. } | Purpose::Capture { .. } | Purpose::Void { .. } | Purpose::Refund { .. },
            )
            | None => Vec::new(),
        }
    }

    /// An attempt without a page is dropped, unless money was heard of it: then a page existed after all.
    fn page_not_made(&self, call: CallId, attempt: AttemptId) -> Vec<Event> {
        match self.payment.attempt(attempt).map(|attempt| &attempt.state) {
            Some(AttemptState::Started) => vec![Event::AttemptEnded { attempt, how: AttemptEnd::Abandoned }],
            Some(
                AttemptState::Waiting
                | AttemptState::Pending
                | AttemptState::Authorised { .. }
                | AttemptState::Captured { .. }
                | AttemptState::Declined { .. }
                | AttemptState::Cancelled
                | AttemptState::Abandoned
                | AttemptState::Voided
                | AttemptState::Unknown { .. }
                | AttemptState::Reversed,
            )
            | None => vec![Event::CallSettled { call, code: None }],
        }
    }

    fn with_attempt(&self, attempt: AttemptId, record: impl FnOnce(&Attempt) -> Vec<Event>) -> Vec<Event> {
        self.payment.attempt(attempt).map(record).unwrap_or_default()
    }
}

/// Whether a call moves money, so that taking it for undone could move it twice.
fn takes_effect_once(purpose: Purpose) -> bool {
    match purpose {
        Purpose::Capture { .. } | Purpose::Refund { .. } => true,
        Purpose::OpenPage { .. } | Purpose::ClosePage { .. } | Purpose::Void { .. } => false,
    }
}

/// The code of a refusal that came without one.
fn unnamed() -> ProviderCode {
    ProviderCode::parse("unnamed").unwrap_or_else(|_| unreachable!("the literal is visible ASCII"))
}
