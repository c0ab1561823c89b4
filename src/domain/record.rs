//! Facts: what a provider says has happened. Recording is total: a fact that fits no state of ours becomes an exception
//! for a person, never an error, and it is never dropped.
//!
//! [`page`] records what is learned about a hosted page, [`calls`] what a provider answered to a call, [`money`] what
//! it says about the money itself, [`refunds`] about money on its way back, [`disputes`] about what the bank takes.

mod calls;
mod disputes;
mod money;
mod page;
mod refunds;

use jiff::Timestamp;
use zahlstelle_contract::{
    fact::ProviderFact,
    money::Money,
    provider::{Mismatch, PageStatus},
    reference::{ProviderCode, ProviderReference},
};

use super::{
    attempt::{Attempt, Page, UnknownReason},
    doubt::{About, Doubt},
    event::{Event, ExceptionCause},
    ids::{AttemptId, CallId, CaptureId, ExceptionId, RefundId},
    payment::Payment,
};

/// What was learned.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The provider made the page of an attempt.
    PageMade { call: CallId, page: Page, mismatch: Option<Mismatch> },
    /// The provider said where a page stands.
    PageTold { attempt: AttemptId, told: PageTold },
    /// The provider gave no usable answer about a page that we must know about.
    PageUnanswered { attempt: AttemptId },
    /// The provider took a capture, void or refund.
    CallTaken { call: CallId, reference: ProviderReference, mismatch: Option<Mismatch> },
    /// The provider said no to a call; no money moved by it. Was the call `repeated`, an earlier try may have moved it.
    CallRefused { call: CallId, code: Option<ProviderCode>, rejected: bool, repeated: bool },
    /// There is no usable answer to a call; it may have taken effect.
    CallUnanswered { call: CallId },
    /// A call that had just been marked as sent did not leave, and no earlier try of it may have.
    CallNotSent { call: CallId },
    /// A call that moved nothing will not be repeated any more.
    CallGivenUp { call: CallId },
    /// The provider said something about money; `attempt` is the one that its reference names.
    Told { attempt: AttemptId, fact: ProviderFact },
    /// The deadline for a doubt may have passed.
    DeadlinePassed,
}

/// What a provider says about a page.
#[derive(Clone, Debug)]
pub struct PageTold {
    /// What can happen, or has happened, on it.
    pub status: PageStatus,
    /// The provider's reference of the payment, when it names it.
    pub payment: Option<ProviderReference>,
    /// What was paid, as the provider repeats it.
    pub amount: Option<Money>,
    /// What differs from what was asked.
    pub mismatch: Option<Mismatch>,
}

/// What recording needs beside the fact: the moment, deadlines and ids, all drawn once per command.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Now.
    pub now: Timestamp,
    /// Until when a doubt that begins now must be settled.
    pub outcome_due_at: Timestamp,
    /// When an authorisation that is learned now lapses.
    pub capture_before: Timestamp,
    /// The id of a capture that is learned now.
    pub capture: CaptureId,
    /// The id of a refund that is proposed now.
    pub refund: RefundId,
    /// The id of a call that is intended now.
    pub call: CallId,
    /// The id of an exception that is opened now.
    pub exception: ExceptionId,
}

/// What a fact does to a payment, as events; an empty list means that it was known.
pub fn record(payment: &Payment, fact: &Fact, context: &Context) -> Vec<Event> {
    let recorder = Recorder { payment, context };
    match fact {
        Fact::PageMade { call, page, mismatch } => recorder.page_made(*call, page, *mismatch),
        Fact::PageTold { attempt, told } => recorder.with(*attempt, |attempt| recorder.page_told(attempt, told)),
        Fact::PageUnanswered { attempt } => recorder.with(*attempt, |attempt| recorder.page_unanswered(attempt)),
        Fact::CallTaken { call, reference, mismatch } => recorder.call_taken(*call, reference, *mismatch),
        Fact::CallRefused { call, code, rejected, repeated } => {
            recorder.call_refused(*call, code.as_ref(), *rejected, *repeated)
        }
        Fact::CallUnanswered { call } => recorder.call_unanswered(*call),
        Fact::CallNotSent { call } => recorder.call_not_sent(*call),
        Fact::CallGivenUp { call } => recorder.call_given_up(*call),
        Fact::Told { attempt, fact } => recorder.with(*attempt, |attempt| recorder.told(attempt, fact)),
        Fact::DeadlinePassed => recorder.deadline_passed(),
    }
}

/// A payment and the context of one fact.
#[derive(Clone, Copy)]
struct Recorder<'a> {
    payment: &'a Payment,
    context: &'a Context,
}

impl Recorder<'_> {
    /// Only attempts of this payment are ever looked up by the caller; another id would be a bug, and is shown as one.
    fn with(&self, attempt: AttemptId, record: impl FnOnce(&Attempt) -> Vec<Event>) -> Vec<Event> {
        match self.payment.attempt(attempt) {
            Some(attempt) => record(attempt),
            None => {
                vec![self.exception(ExceptionCause::Impossible { fact: "unknown_attempt".to_owned(), reference: None })]
            }
        }
    }

    fn told(&self, attempt: &Attempt, fact: &ProviderFact) -> Vec<Event> {
        // No money moves by nothing or by less: whoever says so is mistaken, and a person looks at it.
        if moved(fact).is_some_and(|amount| !amount.is_positive()) {
            return vec![self.impossible("amount_not_positive", fact.payment())];
        }
        match fact {
            ProviderFact::Authorised { payment, amount } => self.authorised(attempt, Some(payment), *amount),
            ProviderFact::Refused { payment, code } => Self::try_refused(attempt, payment.as_ref(), code),
            ProviderFact::Pending { .. } => Self::pending(attempt),
            ProviderFact::Captured { payment, capture, amount } => {
                self.captured(attempt, Some(capture), Some(payment), *amount)
            }
            ProviderFact::CaptureFailed { payment, capture, code, .. } => {
                self.capture_failed(attempt, payment, capture, code)
            }
            ProviderFact::Voided { payment } => self.voided(attempt, payment),
            ProviderFact::VoidFailed { payment, code } => self.void_failed(attempt, payment, code),
            ProviderFact::Reversed { payment, reversal, amount } => self.reversed(attempt, payment, reversal, *amount),
            ProviderFact::Refunded { refund, merchant_reference, amount, .. } => {
                self.refunded(attempt, refund, merchant_reference.as_ref(), *amount)
            }
            ProviderFact::RefundFailed { refund, merchant_reference, code, .. } => {
                self.refund_failed(attempt, refund, merchant_reference.as_ref(), code)
            }
            ProviderFact::RefundReturned { refund, amount, .. } => self.refund_returned(attempt, refund, *amount),
            ProviderFact::DisputeOpened { payment, dispute, amount } => {
                self.dispute_opened(attempt, payment, dispute, *amount)
            }
            ProviderFact::DisputeDebited { payment, dispute, amount } => {
                self.dispute_debited(attempt, payment, dispute, *amount)
            }
            ProviderFact::DisputeWon { payment, dispute, amount } => {
                self.dispute_won(attempt, payment, dispute, *amount)
            }
            ProviderFact::Other { code } => {
                vec![self.exception(ExceptionCause::Impossible { fact: code.as_str().to_owned(), reference: None })]
            }
        }
    }

    /// One doubt at a time that nobody was told of: each is shown to somebody, however many there are.
    fn deadline_passed(&self) -> Vec<Event> {
        let patience = self.context.outcome_due_at.duration_since(self.context.now);
        let overdue = self.payment.untold_doubts(patience).find(|doubt| doubt.due_at <= self.context.now);
        let told = |doubt: Doubt| match doubt.about {
            About::Attempt(attempt) => ExceptionCause::OutcomeOverdue { attempt: Some(attempt), refund: None },
            About::Refund(refund) => ExceptionCause::OutcomeOverdue { attempt: None, refund: Some(refund) },
        };
        overdue.map(|doubt| self.exception(told(doubt))).into_iter().collect()
    }

    fn exception(&self, cause: ExceptionCause) -> Event {
        Event::ExceptionOpened { exception: self.context.exception, cause }
    }

    fn unknown(&self, attempt: &Attempt, cause: UnknownReason) -> Event {
        Event::AttemptUnknown { attempt: attempt.id, cause, due_at: self.context.outcome_due_at }
    }

    fn is_live(&self, attempt: &Attempt) -> bool {
        self.payment.state.live_attempt() == Some(attempt.id)
    }

    /// The reference of the payment at the provider, noted once.
    fn learn(attempt: &Attempt, reference: Option<&ProviderReference>) -> Option<Event> {
        match reference {
            Some(reference) if attempt.reference.is_none() => {
                Some(Event::ReferenceLearned { attempt: attempt.id, reference: reference.clone() })
            }
            Some(_) | None => None,
        }
    }
}

/// The amount that a fact says has moved, or is about to.
fn moved(fact: &ProviderFact) -> Option<Money> {
    match fact {
        ProviderFact::Authorised { amount, .. }
        | ProviderFact::Captured { amount, .. }
        | ProviderFact::Reversed { amount, .. }
        | ProviderFact::Refunded { amount, .. }
        | ProviderFact::RefundReturned { amount, .. }
        | ProviderFact::DisputeOpened { amount, .. }
        | ProviderFact::DisputeDebited { amount, .. }
        | ProviderFact::DisputeWon { amount, .. } => Some(*amount),
        ProviderFact::Refused { .. }
        | ProviderFact::Pending { .. }
        | ProviderFact::CaptureFailed { .. }
        | ProviderFact::Voided { .. }
        | ProviderFact::VoidFailed { .. }
        | ProviderFact::RefundFailed { .. }
        | ProviderFact::Other { .. } => None,
    }
}
