//! The only place where a payment changes: events in, state out.

use jiff::Timestamp;
use zahlstelle_contract::{money::Money, reference::ProviderReference};

use super::{
    attempt::{Attempt, AttemptEnd, AttemptState, Capture, CaptureRole, Page, RefusedTry},
    call::{Call, NotSent, Purpose},
    event::{Event, Recorded},
    ids::{AttemptId, CallId, CaptureId, PaymentId, RefundId},
    payment::{OpenException, PaidMark, Payment, State, Unexplained},
    refund::{self, Dispute, DisputeState, Refund, RefundState, TakeUp},
    time_limit::TimeLimit,
};

/// Why a stream makes no payment; such a stream was not written by this program.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// A stream must begin with `created`, and only it.
    #[error("a stream begins with `created`, once")]
    NotCreated,
    /// An event names an attempt that the stream has not started.
    #[error("unknown attempt {0}")]
    Attempt(AttemptId),
    /// An event names a capture that the stream has not recorded.
    #[error("unknown capture {0}")]
    Capture(CaptureId),
    /// An event names a refund that the stream has not requested.
    #[error("unknown refund {0}")]
    Refund(RefundId),
    /// An event names a call that the stream has not intended.
    #[error("unknown call {0}")]
    Call(CallId),
}

impl Payment {
    /// The payment that a stream makes; [`None`] for an empty stream.
    pub fn replay<'a>(
        id: PaymentId,
        stream: impl IntoIterator<Item = &'a Recorded>,
    ) -> Result<Option<Self>, ReplayError> {
        let mut payment: Option<Self> = None;
        for recorded in stream {
            match payment.as_mut() {
                None => payment = Some(Self::create(id, recorded)?),
                Some(payment) => payment.apply(&recorded.event, recorded.at)?,
            }
        }
        Ok(payment)
    }

    /// The payment that a `created` event makes.
    pub fn create(id: PaymentId, recorded: &Recorded) -> Result<Self, ReplayError> {
        let Event::Created(terms) = &recorded.event else { return Err(ReplayError::NotCreated) };
        Ok(Self {
            id,
            version: 1,
            terms: (**terms).clone(),
            time_limit: TimeLimit::first(terms.expires_at),
            created_at: recorded.at,
            state: State::Open,
            attempts: Vec::new(),
            captures: Vec::new(),
            refunds: Vec::new(),
            disputes: Vec::new(),
            calls: Vec::new(),
            exceptions: Vec::new(),
            unexplained: Vec::new(),
            paid: None,
        })
    }

    /// Applies events of one moment in their order.
    pub fn apply_all(&mut self, events: &[Event], at: Timestamp) -> Result<(), ReplayError> {
        events.iter().try_for_each(|event| self.apply(event, at))
    }

    /// Applies one event.
    #[expect(clippy::too_many_lines, reason = "one short arm an event: the whole table in one place reads best")]
    pub fn apply(&mut self, event: &Event, at: Timestamp) -> Result<(), ReplayError> {
        self.version = self.version.saturating_add(1);
        match event {
            Event::Created(_) => return Err(ReplayError::NotCreated),
            Event::AttemptStarted { attempt, number, method, account, call, language } => {
                let started = Attempt::started(*attempt, *number, *method, account.clone(), *call, at);
                self.start_attempt(Attempt { language: language.clone(), ..started });
            }
            Event::TimeExtended { expires_at } => self.time_limit = self.time_limit.extended_to(*expires_at),
            Event::CallSent { call } => {
                let call = self.calls.iter_mut().find(|known| known.id == *call).ok_or(ReplayError::Call(*call))?;
                call.first_sent_at = call.first_sent_at.or(Some(at));
            }
            Event::CallNotSent { call } => {
                let call = self.calls.iter_mut().find(|known| known.id == *call).ok_or(ReplayError::Call(*call))?;
                call.first_sent_at = None;
                let tries = call.not_sent.map_or(0, |earlier| earlier.tries).saturating_add(1);
                call.not_sent = Some(NotSent { at, tries });
            }
            Event::PageOpened { attempt, call, page } => self.open_page(*attempt, *call, page)?,
            Event::TryRefused { attempt, code, reference } => {
                self.attempt_mut(*attempt)?.note_try(RefusedTry {
                    code: code.clone(),
                    reference: reference.clone(),
                    at,
                });
            }
            Event::AttemptPending { attempt } => self.attempt_mut(*attempt)?.state = AttemptState::Pending,
            Event::AttemptWaiting { attempt } => {
                self.attempt_mut(*attempt)?.state = AttemptState::Waiting;
                self.follow(*attempt, State::Processing { attempt: *attempt });
            }
            Event::ReferenceLearned { attempt, reference } => {
                self.attempt_mut(*attempt)?.reference = Some(reference.clone());
            }
            Event::Authorised { attempt, capture_before } => self.authorise(*attempt, *capture_before)?,
            Event::CloseIntended { attempt, call, why } => {
                self.intend(*call, Purpose::ClosePage { attempt: *attempt, why: *why }, at);
            }
            Event::VoidIntended { attempt, call, why } => {
                self.intend(*call, Purpose::Void { attempt: *attempt, why: *why }, at);
            }
            Event::CaptureIntended { attempt, call } => self.intend(*call, Purpose::Capture { attempt: *attempt }, at),
            Event::CallAccepted { call, reference } => self.accept_call(*call, reference, at)?,
            Event::CallSettled { call, .. } => self.settle_call(*call),
            Event::AttemptEnded { attempt, how } => {
                let closed = self.attempt_mut(*attempt)?;
                closed.state = ended(how);
                closed.ended_at = Some(at);
                self.settle_calls_of(*attempt);
                self.follow(*attempt, State::Open);
            }
            Event::AttemptUnknown { attempt, cause, due_at } => {
                let (cause, due_at) = (*cause, *due_at);
                self.attempt_mut(*attempt)?.state = AttemptState::Unknown { cause, due_at };
                self.follow(*attempt, State::OutcomeUnknown { attempt: *attempt, cause, due_at });
            }
            Event::Captured { capture, attempt, amount, reference, payment, role } => {
                let account = self.attempt_mut(*attempt)?.account.clone();
                self.take(Capture {
                    id: *capture,
                    attempt: *attempt,
                    account,
                    amount: *amount,
                    reference: reference.clone(),
                    payment: payment.clone(),
                    role: *role,
                    reversed: None,
                    at,
                })?;
            }
            Event::CaptureAdopted { capture, reference, payment } => {
                let adopted = self.capture_mut(*capture)?;
                adopted.reference = Some(reference.clone());
                adopted.payment = Some(payment.clone());
            }
            Event::CaptureFailed { attempt, .. } => {
                self.calls.retain(|call| call.purpose != Purpose::Capture { attempt: *attempt });
            }
            Event::CaptureReversed { capture, amount, .. } => self.reverse(*capture, *amount)?,
            Event::Cancelled => self.state = State::Cancelled,
            Event::Expired => self.state = State::Expired,
            Event::Failed => self.state = State::Failed,
            Event::RefundRequested { refund, number, capture, amount, parts, origin, .. } => {
                self.refunds.push(Refund {
                    id: *refund,
                    number: *number,
                    capture: *capture,
                    amount: *amount,
                    parts: parts.clone(),
                    origin: *origin,
                    state: RefundState::Requested,
                    took_up: Money::from_minor(0, amount.currency()),
                    created_at: at,
                    submitted_at: None,
                });
            }
            Event::RefundApproved { refund, call } => {
                self.intend(*call, Purpose::Refund { refund: *refund }, at);
                self.take_up_returned(*refund);
                self.move_refund(*refund, RefundState::Approved)?;
            }
            Event::RefundSubmitted { refund } => {
                self.move_refund(*refund, RefundState::Submitted { reference: None })?;
                self.refund_submitted(*refund, at);
            }
            Event::RefundUnknown { refund, cause, due_at } => {
                self.move_refund(*refund, RefundState::Unknown { cause: *cause, due_at: *due_at })?;
            }
            Event::RefundRejected { refund } => self.answer_refund(*refund, RefundState::Rejected)?,
            Event::RefundAccepted { refund, reference } => {
                self.answer_refund(*refund, RefundState::Submitted { reference: Some(reference.clone()) })?;
                self.refund_submitted(*refund, at);
            }
            Event::RefundSucceeded { refund, reference } => {
                if self.refund(*refund).is_some_and(|refund| matches!(refund.state, RefundState::Failed { .. })) {
                    self.take_up_returned(*refund);
                }
                self.answer_refund(*refund, RefundState::Succeeded { reference: reference.clone() })?;
            }
            Event::RefundFailed { refund, code } => {
                let reference = self.refund(*refund).and_then(|refund| refund.state.reference()).cloned();
                self.give_back_taken_up(*refund);
                self.answer_refund(*refund, RefundState::Failed { code: code.clone(), reference })?;
            }
            Event::RefundReturned { refund, reference } => {
                let taken_up = Money::from_minor(0, self.terms.total.currency());
                self.answer_refund(*refund, RefundState::Returned { reference: reference.clone(), taken_up })?;
            }
            Event::DisputeOpened { capture, reference, amount } => {
                self.move_dispute(*capture, reference, *amount, DisputeState::Opened);
            }
            Event::DisputeDebited { capture, reference, amount } => {
                self.move_dispute(*capture, reference, *amount, DisputeState::Debited);
            }
            Event::DisputeWon { capture, reference, amount } => {
                self.move_dispute(*capture, reference, *amount, DisputeState::Won);
            }
            // The money is in the books under `klaerung`; no state of the payment may rest on it.
            Event::Unexplained { account, amount, .. } => {
                self.unexplained.push(Unexplained { account: account.clone(), amount: *amount });
            }
            Event::ExceptionOpened { exception, cause } => {
                self.exceptions.push(OpenException { id: *exception, cause: cause.clone(), at });
            }
        }
        Ok(())
    }

    fn start_attempt(&mut self, attempt: Attempt) {
        self.intend(attempt.opening, Purpose::OpenPage { attempt: attempt.id }, attempt.created_at);
        self.state = State::Processing { attempt: attempt.id };
        self.attempts.push(attempt);
    }

    fn open_page(&mut self, attempt: AttemptId, call: CallId, page: &Page) -> Result<(), ReplayError> {
        let opened = self.attempt_mut(attempt)?;
        opened.page = Some(page.clone());
        // A page may turn up after its attempt was abandoned; then it is known, but nobody waits for it.
        if opened.state == AttemptState::Started {
            opened.state = AttemptState::Waiting;
        }
        self.settle_call(call);
        Ok(())
    }

    fn authorise(&mut self, attempt: AttemptId, capture_before: Timestamp) -> Result<(), ReplayError> {
        let authorised = self.attempt_mut(attempt)?;
        authorised.state = AttemptState::Authorised { capture_before };
        authorised.capture_before = Some(capture_before);
        self.follow(attempt, State::Authorised { attempt, capture_before });
        Ok(())
    }

    /// An accepted change has not taken effect: a notification will tell its end, and only then the call is settled.
    fn accept_call(&mut self, id: CallId, reference: &ProviderReference, at: Timestamp) -> Result<(), ReplayError> {
        let call = self.calls.iter_mut().find(|call| call.id == id).ok_or(ReplayError::Call(id))?;
        call.accepted = Some(reference.clone());
        call.accepted_at = call.accepted_at.or(Some(at));
        Ok(())
    }

    fn take(&mut self, capture: Capture) -> Result<(), ReplayError> {
        self.attempt_mut(capture.attempt)?.state = AttemptState::Captured { capture: capture.id };
        self.settle_calls_of(capture.attempt);
        if capture.role == CaptureRole::Paying {
            self.state = State::Paid { capture: capture.id };
            self.paid = Some(PaidMark { at: capture.at, version: self.version });
        }
        self.captures.push(capture);
        Ok(())
    }

    fn reverse(&mut self, capture: CaptureId, amount: Money) -> Result<(), ReplayError> {
        let reversed = self.capture_mut(capture)?;
        reversed.reversed = Some(amount);
        let (attempt, role) = (reversed.attempt, reversed.role);
        // A page can be paid twice: then the attempt still has what was not reversed.
        let other = self.captures.iter().find(|known| known.attempt == attempt && known.reversed.is_none());
        let other = other.map(|known| known.id);
        self.attempt_mut(attempt)?.state =
            other.map_or(AttemptState::Reversed, |capture| AttemptState::Captured { capture });
        if role == CaptureRole::Paying {
            self.state = State::Reversed { capture };
        }
        Ok(())
    }

    /// Once the provider answered, the call is settled; what follows comes by notification.
    fn answer_refund(&mut self, refund: RefundId, state: RefundState) -> Result<(), ReplayError> {
        self.calls.retain(|call| call.purpose != Purpose::Refund { refund });
        self.move_refund(refund, state)
    }

    /// From here on the provider's word is waited for.
    fn refund_submitted(&mut self, id: RefundId, at: Timestamp) {
        for refund in self.refunds.iter_mut().filter(|refund| refund.id == id) {
            refund.submitted_at = Some(at);
        }
    }

    fn move_refund(&mut self, id: RefundId, state: RefundState) -> Result<(), ReplayError> {
        self.refunds.iter_mut().find(|refund| refund.id == id).ok_or(ReplayError::Refund(id))?.state = state;
        Ok(())
    }

    /// What came back of a capture is owed until it is refunded anew; from then on the new refund stands for it.
    fn take_up_returned(&mut self, by: RefundId) {
        let Some(new) = self.refund(by) else { return };
        let taken = refund::take_up(&self.refunds, new.capture, new.amount);
        self.change_taken_up(by, &taken);
    }

    /// What a refund had taken up is owed again once it fails.
    fn give_back_taken_up(&mut self, by: RefundId) {
        let Some(failed) = self.refund(by) else { return };
        let given = refund::give_back(&self.refunds, failed.capture, failed.took_up);
        self.change_taken_up(by, &given);
    }

    fn change_taken_up(&mut self, by: RefundId, changes: &[TakeUp]) {
        let mut took_up: i64 = 0;
        for change in changes {
            took_up = took_up.saturating_add(change.to.minor()).saturating_sub(change.from.minor());
            let returned = self.refunds.iter_mut().find(|refund| refund.id == change.returned);
            if let Some(RefundState::Returned { taken_up, .. }) = returned.map(|refund| &mut refund.state) {
                *taken_up = change.to;
            }
        }
        if let Some(refund) = self.refunds.iter_mut().find(|refund| refund.id == by) {
            let minor = refund.took_up.minor().saturating_add(took_up);
            refund.took_up = Money::from_minor(minor, refund.took_up.currency());
        }
    }

    fn move_dispute(&mut self, capture: CaptureId, reference: &ProviderReference, amount: Money, state: DisputeState) {
        let debits = u32::from(state == DisputeState::Debited);
        match self.disputes.iter_mut().find(|dispute| dispute.reference == *reference) {
            Some(known) => {
                known.state = state;
                // What is debited may be another amount than was announced.
                known.amount = amount;
                known.debits = known.debits.saturating_add(debits);
            }
            None => self.disputes.push(Dispute { reference: reference.clone(), capture, amount, state, debits }),
        }
    }

    /// The payment follows its live attempt; an attempt that is not the live one changes only itself.
    fn follow(&mut self, attempt: AttemptId, state: State) {
        if self.state.live_attempt() == Some(attempt) {
            self.state = state;
        }
    }

    fn intend(&mut self, id: CallId, purpose: Purpose, at: Timestamp) {
        self.calls.push(Call {
            id,
            purpose,
            intended_at: at,
            first_sent_at: None,
            not_sent: None,
            accepted_at: None,
            accepted: None,
        });
    }

    fn settle_call(&mut self, id: CallId) {
        self.calls.retain(|call| call.id != id);
    }

    fn settle_calls_of(&mut self, attempt: AttemptId) {
        self.calls.retain(|call| call.purpose.attempt() != Some(attempt));
    }

    fn attempt_mut(&mut self, id: AttemptId) -> Result<&mut Attempt, ReplayError> {
        self.attempts.iter_mut().find(|attempt| attempt.id == id).ok_or(ReplayError::Attempt(id))
    }

    fn capture_mut(&mut self, id: CaptureId) -> Result<&mut Capture, ReplayError> {
        self.captures.iter_mut().find(|capture| capture.id == id).ok_or(ReplayError::Capture(id))
    }
}

fn ended(how: &AttemptEnd) -> AttemptState {
    match how {
        AttemptEnd::Declined { code } => AttemptState::Declined { code: code.clone() },
        AttemptEnd::Cancelled => AttemptState::Cancelled,
        AttemptEnd::Abandoned => AttemptState::Abandoned,
        AttemptEnd::Voided => AttemptState::Voided,
    }
}
