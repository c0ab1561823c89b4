//! What is learned about a hosted page.

use zahlstelle_contract::{
    method::CaptureMode,
    provider::{Mismatch, PageStatus},
    reference::{ProviderCode, ProviderReference},
};

use super::{PageTold, Recorder};
use crate::domain::{
    attempt::{Attempt, AttemptEnd, AttemptState, Page, TRIES_MAX, UnknownReason},
    call::{CloseReason, Purpose},
    decide,
    event::{Event, ExceptionCause},
    ids::CallId,
};

impl Recorder<'_> {
    pub(super) fn page_made(&self, call: CallId, page: &Page, mismatch: Option<Mismatch>) -> Vec<Event> {
        let Some(attempt) = self.attempt_of(call) else {
            return vec![self.exception(ExceptionCause::Impossible { fact: "page_made".to_owned(), reference: None })];
        };
        let opened = Event::PageOpened { attempt: attempt.id, call, page: page.clone() };
        // A page for something else than was asked must not be handed over, and must not stay payable.
        if mismatch.is_some() {
            let cause = ExceptionCause::Mismatch { attempt: attempt.id, told: None };
            let close = Event::CloseIntended { attempt: attempt.id, call: self.context.call, why: CloseReason::Switch };
            return vec![opened, close, self.exception(cause)];
        }
        match attempt.state {
            AttemptState::Started => vec![opened],
            // The page turned up after its attempt was dropped: nobody has its address, and nobody shall pay on it.
            AttemptState::Abandoned
            | AttemptState::Cancelled
            | AttemptState::Declined { .. }
            | AttemptState::Voided
            | AttemptState::Reversed
            | AttemptState::Captured { .. } => {
                let close =
                    Event::CloseIntended { attempt: attempt.id, call: self.context.call, why: CloseReason::Late };
                vec![opened, close]
            }
            // The same page again, from a repetition under the same key.
            AttemptState::Waiting
            | AttemptState::Pending
            | AttemptState::Authorised { .. }
            | AttemptState::Unknown { .. } => Vec::new(),
        }
    }

    /// The attempt whose page a call makes: unsettled, or dropped in the meantime.
    fn attempt_of(&self, call: CallId) -> Option<&Attempt> {
        let unsettled = self.payment.call(call).and_then(|call| call.purpose.attempt());
        match unsettled {
            Some(id) => self.payment.attempt(id),
            None => self.payment.attempts.iter().rev().find(|attempt| attempt.opening == call),
        }
    }

    pub(super) fn page_told(&self, attempt: &Attempt, told: &PageTold) -> Vec<Event> {
        // An answer about something else than was asked for tells nothing of this page; only money is never overlooked.
        if told.mismatch.is_some() && told.status != PageStatus::Paid {
            return self.page_unanswered(attempt);
        }
        match told.status {
            PageStatus::Payable => self.page_payable(attempt),
            PageStatus::Pending => Self::pending(attempt),
            PageStatus::Paid => self.page_paid(attempt, told),
            PageStatus::Closed => self.page_closed(attempt),
        }
    }

    fn page_payable(&self, attempt: &Attempt) -> Vec<Event> {
        match &attempt.state {
            AttemptState::Pending | AttemptState::Unknown { cause: UnknownReason::PageUnanswered, .. } => {
                vec![Event::AttemptWaiting { attempt: attempt.id }]
            }
            // An attempt that has ended must not be payable any more.
            AttemptState::Declined { .. } | AttemptState::Cancelled | AttemptState::Abandoned => {
                self.close_late(attempt)
            }
            AttemptState::Started
            | AttemptState::Waiting
            | AttemptState::Authorised { .. }
            | AttemptState::Captured { .. }
            | AttemptState::Voided
            | AttemptState::Unknown { .. }
            | AttemptState::Reversed => Vec::new(),
        }
    }

    pub(super) fn close_late(&self, attempt: &Attempt) -> Vec<Event> {
        decide::close(self.payment, attempt.id, self.context.call, CloseReason::Late)
    }

    fn page_paid(&self, attempt: &Attempt, told: &PageTold) -> Vec<Event> {
        // In quarantine already: what really moved is told by a signed notification, or decided by two persons.
        if matches!(attempt.state, AttemptState::Unknown { cause: UnknownReason::Mismatch { .. }, .. }) {
            return self.closing_of(attempt).map(|(call, _)| Event::CallSettled { call, code: None }).collect();
        }
        let amount = told.amount.unwrap_or(self.payment.terms.total);
        if let Some(what) = told.mismatch.filter(|what| *what != Mismatch::Amount) {
            return self.mismatch(attempt, what, Some(amount));
        }
        self.authorised(attempt, told.payment.as_ref(), amount)
    }

    fn page_closed(&self, attempt: &Attempt) -> Vec<Event> {
        let close = self.closing_of(attempt).next();
        match &attempt.state {
            AttemptState::Started
            | AttemptState::Waiting
            | AttemptState::Pending
            | AttemptState::Unknown { cause: UnknownReason::PageUnanswered, .. } => {
                let mut events =
                    vec![Event::AttemptEnded { attempt: attempt.id, how: how_closed(attempt, close.is_some()) }];
                if self.is_live(attempt) {
                    events.extend(close.and_then(|(_, why)| decide::end_of(why)));
                }
                events
            }
            AttemptState::Authorised { .. }
            | AttemptState::Captured { .. }
            | AttemptState::Declined { .. }
            | AttemptState::Cancelled
            | AttemptState::Abandoned
            | AttemptState::Voided
            | AttemptState::Unknown { .. }
            | AttemptState::Reversed => {
                close.map(|(call, _)| Event::CallSettled { call, code: None }).into_iter().collect()
            }
        }
    }

    /// The unsettled calls that close a page, each with its reason.
    pub(super) fn closing_of(&self, attempt: &Attempt) -> impl Iterator<Item = (CallId, CloseReason)> {
        self.payment.calls_of(attempt.id).filter_map(|call| match call.purpose {
            Purpose::ClosePage { why, .. } => Some((call.id, why)),
            Purpose::OpenPage { .. } | Purpose::Capture { .. } | Purpose::Void { .. } | Purpose::Refund { .. } => None,
        })
    }

    /// Without an answer nobody may assume anything, once the page had to be closed.
    pub(super) fn page_unanswered(&self, attempt: &Attempt) -> Vec<Event> {
        let must_know = self.closing_of(attempt).next().is_some();
        match &attempt.state {
            AttemptState::Waiting | AttemptState::Pending if must_know && self.is_live(attempt) => {
                vec![self.unknown(attempt, UnknownReason::PageUnanswered)]
            }
            AttemptState::Started
            | AttemptState::Waiting
            | AttemptState::Pending
            | AttemptState::Authorised { .. }
            | AttemptState::Captured { .. }
            | AttemptState::Declined { .. }
            | AttemptState::Cancelled
            | AttemptState::Abandoned
            | AttemptState::Voided
            | AttemptState::Unknown { .. }
            | AttemptState::Reversed => Vec::new(),
        }
    }

    pub(super) fn try_refused(
        attempt: &Attempt,
        reference: Option<&ProviderReference>,
        code: &ProviderCode,
    ) -> Vec<Event> {
        let known = reference.is_some() && attempt.tries.iter().any(|refused| refused.reference.as_ref() == reference);
        if known || !attempt.state.is_live() || attempt.tries.len() >= TRIES_MAX {
            return Vec::new();
        }
        let refused = Event::TryRefused { attempt: attempt.id, code: code.clone(), reference: reference.cloned() };
        match attempt.state {
            AttemptState::Pending => vec![refused, Event::AttemptWaiting { attempt: attempt.id }],
            AttemptState::Started
            | AttemptState::Waiting
            | AttemptState::Authorised { .. }
            | AttemptState::Captured { .. }
            | AttemptState::Declined { .. }
            | AttemptState::Cancelled
            | AttemptState::Abandoned
            | AttemptState::Voided
            | AttemptState::Unknown { .. }
            | AttemptState::Reversed => vec![refused],
        }
    }

    pub(super) fn pending(attempt: &Attempt) -> Vec<Event> {
        match attempt.state {
            AttemptState::Waiting => vec![Event::AttemptPending { attempt: attempt.id }],
            AttemptState::Started
            | AttemptState::Pending
            | AttemptState::Authorised { .. }
            | AttemptState::Captured { .. }
            | AttemptState::Declined { .. }
            | AttemptState::Cancelled
            | AttemptState::Abandoned
            | AttemptState::Voided
            | AttemptState::Unknown { .. }
            | AttemptState::Reversed => Vec::new(),
        }
    }

    /// Whether an authorisation is money already: under automatic capture it is.
    pub(super) fn takes_at_once(&self) -> bool {
        self.payment.terms.capture == CaptureMode::Automatic
    }
}

fn how_closed(attempt: &Attempt, closed_by_us: bool) -> AttemptEnd {
    match attempt.tries.last() {
        Some(refused) => AttemptEnd::Declined { code: refused.code.clone() },
        None if closed_by_us => AttemptEnd::Cancelled,
        None => AttemptEnd::Abandoned,
    }
}
