//! What a provider says about the money of an attempt: held, taken, given up, gone back.

use zahlstelle_contract::{
    money::Money,
    provider::Mismatch,
    reference::{ProviderCode, ProviderReference},
};

use super::Recorder;
use crate::domain::{
    attempt::{Attempt, AttemptEnd, AttemptState, Capture, CaptureRole, RefusedTry, UnknownReason},
    call::{CloseReason, Purpose},
    decide,
    event::{Event, ExceptionCause, MoneyKind},
    payment::OpenException,
    refund::{RefundOrigin, RefundState},
};

/// What is said of an authorisation that was given up and is not the one we know.
const VOIDED_OTHER_TRY: &str = "voided_other_try";

impl Recorder<'_> {
    /// The payment was authorised; under automatic capture that is the capture.
    pub(super) fn authorised(
        &self,
        attempt: &Attempt,
        reference: Option<&ProviderReference>,
        amount: Money,
    ) -> Vec<Event> {
        // That a try was given up may be told before it is told that it had been authorised. If a page said meanwhile
        // that it was paid, without a name, this is the money that was let go.
        if let Some(let_go) = reference.filter(|reference| self.was_let_go(attempt, reference)) {
            return self
                .capture_nameless(attempt)
                .map_or_else(Vec::new, |taken| self.reverse_nameless(attempt, taken, let_go, let_go, taken.amount));
        }
        if self.takes_at_once() {
            return self.captured(attempt, reference, reference, amount);
        }
        if amount != self.payment.terms.total {
            let mut events: Vec<Event> = Self::learn(attempt, reference).into_iter().collect();
            events.extend(self.mismatch(attempt, Mismatch::Amount, Some(amount)));
            return events;
        }
        let other = reference.is_some() && attempt.reference.is_some() && attempt.reference.as_ref() != reference;
        if other {
            return vec![self.impossible("authorised_again", reference)];
        }
        let mut events: Vec<Event> = Self::learn(attempt, reference).into_iter().collect();
        match &attempt.state {
            // Authorised after its end nothing was taken, and nothing shall be: such a hold is given up.
            AttemptState::Started
            | AttemptState::Waiting
            | AttemptState::Pending
            | AttemptState::Unknown { cause: UnknownReason::PageUnanswered, .. }
            // Authorised after its end: nothing was taken, and nothing shall be.
            | AttemptState::Declined { .. }
            | AttemptState::Cancelled
            | AttemptState::Abandoned => {
                events.push(self.held(attempt));
                events.extend(self.closing_ends(attempt));
            }
            AttemptState::Authorised { .. }
            | AttemptState::Captured { .. }
            | AttemptState::Voided
            | AttemptState::Unknown { .. }
            | AttemptState::Reversed => {}
        }
        events
    }

    fn was_let_go(&self, attempt: &Attempt, payment: &ProviderReference) -> bool {
        let refused = |known: &RefusedTry| known.reference.as_ref() == Some(payment) && known.code == voided_code();
        let shown = |known: &OpenException| match &known.cause {
            ExceptionCause::Impossible { fact, reference } => {
                fact == VOIDED_OTHER_TRY && reference.as_ref() == Some(payment)
            }
            ExceptionCause::Overpayment { .. }
            | ExceptionCause::Mismatch { .. }
            | ExceptionCause::ForeignRefund { .. }
            | ExceptionCause::OutcomeOverdue { .. }
            | ExceptionCause::CallRejected { .. }
            | ExceptionCause::ReferenceMissing { .. }
            | ExceptionCause::CaptureDue { .. }
            | ExceptionCause::RefundContradicted { .. }
            | ExceptionCause::VoidFailed { .. } => false,
        };
        attempt.tries.iter().any(refused) || self.payment.exceptions.iter().any(shown)
    }

    fn held(&self, attempt: &Attempt) -> Event {
        Event::Authorised { attempt: attempt.id, capture_before: self.context.capture_before }
    }

    /// A page on which money is held needs no closing any more. Who cancelled gets the hold given up instead; who let
    /// the time run out or chose another method had paid before, and keeps it.
    fn closing_ends(&self, attempt: &Attempt) -> Vec<Event> {
        let cancelled = self.closing_of(attempt).any(|(_, why)| why == CloseReason::Cancel);
        let mut events: Vec<Event> =
            self.closing_of(attempt).map(|(call, _)| Event::CallSettled { call, code: None }).collect();
        if !self.is_live(attempt) {
            events.push(self.void_late(attempt));
        } else if cancelled {
            let (attempt, call) = (attempt.id, self.context.call);
            events.push(Event::VoidIntended { attempt, call, why: CloseReason::Cancel });
        }
        events
    }

    fn void_late(&self, attempt: &Attempt) -> Event {
        Event::VoidIntended { attempt: attempt.id, call: self.context.call, why: CloseReason::Late }
    }

    /// Money was taken, under a reference of its own or, from a page, without one yet.
    pub(super) fn captured(
        &self,
        attempt: &Attempt,
        reference: Option<&ProviderReference>,
        payment: Option<&ProviderReference>,
        amount: Money,
    ) -> Vec<Event> {
        if self.capture_is_known(attempt, reference, payment) {
            return Vec::new();
        }
        let nameless =
            self.payment.captures.iter().find(|known| known.attempt == attempt.id && known.reference.is_none());
        if let (Some(known), Some(reference), Some(payment)) = (nameless, reference, payment) {
            return self.adopt(attempt, known, reference, payment, amount);
        }
        let mut events: Vec<Event> = Self::learn(attempt, payment).into_iter().collect();
        if amount != self.payment.terms.total {
            let moved = reference.filter(|_| amount.is_positive());
            events.extend(moved.map(|reference| Self::unexplained(attempt, MoneyKind::Capture, reference, amount)));
            events.extend(self.mismatch(attempt, Mismatch::Amount, Some(amount)));
            return events;
        }
        let surplus = self.payment.state.has_ended() || self.payment.paying_capture().is_some();
        let role = if surplus { CaptureRole::Surplus } else { CaptureRole::Paying };
        events.push(Event::Captured {
            capture: self.context.capture,
            attempt: attempt.id,
            amount,
            reference: reference.cloned(),
            payment: payment.cloned(),
            role,
        });
        match role {
            CaptureRole::Surplus => events.extend(self.propose_refund(amount)),
            CaptureRole::Paying => events.extend(self.stop_live_attempt(attempt)),
        }
        events
    }

    fn capture_is_known(
        &self,
        attempt: &Attempt,
        reference: Option<&ProviderReference>,
        payment: Option<&ProviderReference>,
    ) -> bool {
        let of_account = self.payment.captures.iter().filter(|known| known.account == attempt.account);
        of_account.into_iter().any(|known| match reference {
            Some(_) if known.reference.as_ref() == reference => true,
            // Under automatic capture a payment is captured once, by whatever name the provider tells it.
            Some(_) => self.takes_at_once() && known.payment.is_some() && known.payment.as_ref() == payment,
            // A page says that it was paid, not how often: any capture of the attempt explains it.
            None => known.attempt == attempt.id,
        })
    }

    /// A capture that was known without a reference takes the first one that fits.
    fn adopt(
        &self,
        attempt: &Attempt,
        known: &Capture,
        reference: &ProviderReference,
        payment: &ProviderReference,
        amount: Money,
    ) -> Vec<Event> {
        if amount != known.amount {
            return vec![self.exception(ExceptionCause::Mismatch { attempt: attempt.id, told: Some(amount) })];
        }
        let mut events: Vec<Event> = Self::learn(attempt, Some(payment)).into_iter().collect();
        let (reference, payment) = (reference.clone(), payment.clone());
        events.push(Event::CaptureAdopted { capture: known.id, reference, payment });
        events
    }

    fn propose_refund(&self, amount: Money) -> [Event; 2] {
        let number = u32::try_from(self.payment.refunds.len()).unwrap_or(u32::MAX).saturating_add(1);
        let proposal = Event::RefundRequested {
            refund: self.context.refund,
            number,
            capture: self.context.capture,
            amount,
            parts: Vec::new(),
            origin: RefundOrigin::Overpayment,
            client: None,
            side_mac: None,
        };
        [proposal, self.exception(ExceptionCause::Overpayment { capture: self.context.capture })]
    }

    /// When another attempt paid after all, the live one must not take money as well.
    fn stop_live_attempt(&self, paid: &Attempt) -> Vec<Event> {
        let Some(live) = self.payment.live().filter(|live| live.id != paid.id) else { return Vec::new() };
        match live.state {
            AttemptState::Authorised { .. } => vec![self.void_late(live)],
            AttemptState::Started | AttemptState::Waiting | AttemptState::Pending | AttemptState::Unknown { .. } => {
                self.close_late(live)
            }
            AttemptState::Captured { .. }
            | AttemptState::Declined { .. }
            | AttemptState::Cancelled
            | AttemptState::Abandoned
            | AttemptState::Voided
            | AttemptState::Reversed => Vec::new(),
        }
    }

    /// A capture failed, at once or after it had succeeded.
    ///
    /// Where the provider takes the money by itself, the authorisation is the capture that we know, and the failure names
    /// another one that we never heard of; then the payment says which is meant.
    pub(super) fn capture_failed(
        &self,
        attempt: &Attempt,
        payment: &ProviderReference,
        reference: &ProviderReference,
        code: &ProviderCode,
    ) -> Vec<Event> {
        let by_reference = self.payment.captures.iter().find(|known| known.reference.as_ref() == Some(reference));
        // What was taken at once is known by its payment alone; the capture has a name only when it fails.
        let at_once = || self.capture_named(attempt, payment).filter(|_| self.takes_at_once());
        if let Some(taken) = by_reference.or_else(at_once) {
            return self.reverse(attempt, taken, reference, taken.amount);
        }
        if let Some(nameless) = self.capture_nameless(attempt) {
            return self.reverse_nameless(attempt, nameless, payment, reference, nameless.amount);
        }
        // What the provider took under another name is another capture than the one that failed.
        let asked = self.payment.calls_of(attempt.id).any(|call| {
            matches!(call.purpose, Purpose::Capture { .. })
                && call.accepted.as_ref().is_none_or(|accepted| accepted == reference)
        });
        if !asked || attempt.reference.as_ref().is_some_and(|known| known != payment) {
            return vec![self.impossible("capture_failed", Some(reference))];
        }
        let mut events = vec![Event::CaptureFailed { attempt: attempt.id, code: code.clone() }];
        events.extend(self.doubt_ends(attempt.id));
        events
    }

    /// An authorisation was given up: that of the attempt, or that of another try on the same page.
    pub(super) fn voided(&self, attempt: &Attempt, payment: &ProviderReference) -> Vec<Event> {
        if let Some(taken) = self.capture_named(attempt, payment) {
            return self.capture_voided(attempt, taken, payment);
        }
        if attempt.reference.as_ref() != Some(payment) {
            return self.other_try_voided(attempt, payment);
        }
        match &attempt.state {
            AttemptState::Started
            | AttemptState::Waiting
            | AttemptState::Pending
            | AttemptState::Authorised { .. }
            | AttemptState::Unknown { .. } => {
                let why = self.payment.calls_of(attempt.id).find_map(|call| match call.purpose {
                    Purpose::Void { why, .. } | Purpose::ClosePage { why, .. } => Some(why),
                    Purpose::OpenPage { .. } | Purpose::Capture { .. } | Purpose::Refund { .. } => None,
                });
                let mut events = vec![Event::AttemptEnded { attempt: attempt.id, how: AttemptEnd::Voided }];
                if self.is_live(attempt) {
                    // A provider that lets go by itself ends the payment as a lapsed hold does.
                    events.extend(decide::end_of(why.unwrap_or(CloseReason::Lapse)));
                }
                events
            }
            AttemptState::Captured { .. } => vec![self.impossible("voided", Some(payment))],
            AttemptState::Declined { .. }
            | AttemptState::Cancelled
            | AttemptState::Abandoned
            | AttemptState::Voided
            | AttemptState::Reversed => Vec::new(),
        }
    }

    /// What was taken as it was authorised may be let go before it ever moved. A capture of its own may not, nor one of
    /// which something went back: its money is only gone when the provider says so.
    fn capture_voided(&self, attempt: &Attempt, taken: &Capture, payment: &ProviderReference) -> Vec<Event> {
        if taken.reversed == Some(taken.amount) {
            return Vec::new();
        }
        if self.takes_at_once() && self.can_go_back(taken, taken.amount) {
            return self.reverse(attempt, taken, payment, taken.amount);
        }
        vec![self.impossible("voided", Some(payment))]
    }

    /// A page can be tried more than once. That one try was given up says nothing about what another one holds or took;
    /// as long as none has, it is a refused try and the page stays payable.
    fn other_try_voided(&self, attempt: &Attempt, payment: &ProviderReference) -> Vec<Event> {
        match &attempt.state {
            AttemptState::Started | AttemptState::Waiting | AttemptState::Pending if attempt.reference.is_none() => {
                Self::try_refused(attempt, Some(payment), &voided_code())
            }
            AttemptState::Started
            | AttemptState::Waiting
            | AttemptState::Pending
            | AttemptState::Authorised { .. }
            | AttemptState::Captured { .. }
            | AttemptState::Unknown { .. } => vec![self.impossible(VOIDED_OTHER_TRY, Some(payment))],
            AttemptState::Declined { .. }
            | AttemptState::Cancelled
            | AttemptState::Abandoned
            | AttemptState::Voided
            | AttemptState::Reversed => Vec::new(),
        }
    }

    pub(super) fn void_failed(
        &self,
        attempt: &Attempt,
        payment: &ProviderReference,
        code: &ProviderCode,
    ) -> Vec<Event> {
        if attempt.reference.as_ref() != Some(payment) {
            return vec![self.impossible("void_failed_other_try", Some(payment))];
        }
        let void = self.payment.calls_of(attempt.id).find(|call| matches!(call.purpose, Purpose::Void { .. }));
        let mut events: Vec<Event> =
            void.map(|call| Event::CallSettled { call: call.id, code: Some(code.clone()) }).into_iter().collect();
        events.push(self.exception(ExceptionCause::VoidFailed { attempt: attempt.id, code: code.clone() }));
        events
    }

    /// Money went back without a refund of ours; the reversal may be told before the success it reverses.
    pub(super) fn reversed(
        &self,
        attempt: &Attempt,
        payment: &ProviderReference,
        reversal: &ProviderReference,
        amount: Money,
    ) -> Vec<Event> {
        if let Some(taken) = self.capture_named(attempt, payment) {
            return self.reverse(attempt, taken, reversal, amount);
        }
        if !self.takes_at_once() {
            return self.voided(attempt, payment);
        }
        // Money went back, so this payment had taken it: it is the one that a page told without its name.
        if let Some(nameless) = self.capture_nameless(attempt) {
            return self.reverse_nameless(attempt, nameless, payment, reversal, amount);
        }
        // What was taken is told yet, or never: what went back of it is no less gone.
        if amount != self.payment.terms.total {
            return vec![
                Self::unexplained(attempt, MoneyKind::Reversal, reversal, negative(amount)),
                self.impossible("reversed", Some(payment)),
            ];
        }
        let mut events = self.captured(attempt, Some(payment), Some(payment), amount);
        let taken = events.iter().any(|event| matches!(event, Event::Captured { .. }));
        if taken {
            // What went back already is no overpayment to be returned.
            let proposed = events.iter().any(|event| matches!(event, Event::RefundRequested { .. }));
            events.extend(proposed.then_some(Event::RefundRejected { refund: self.context.refund }));
            let (capture, reference) = (self.context.capture, reversal.clone());
            events.push(Event::CaptureReversed { capture, amount, reference });
        }
        events
    }

    /// The capture gets its name as it goes back, so that its own notification is known when it comes.
    fn reverse_nameless(
        &self,
        attempt: &Attempt,
        taken: &Capture,
        payment: &ProviderReference,
        reversal: &ProviderReference,
        amount: Money,
    ) -> Vec<Event> {
        let mut events: Vec<Event> = Self::learn(attempt, Some(payment)).into_iter().collect();
        let (reference, payment) = (payment.clone(), payment.clone());
        events.push(Event::CaptureAdopted { capture: taken.id, reference, payment });
        events.extend(self.reverse(attempt, taken, reversal, amount));
        events
    }

    fn reverse(&self, attempt: &Attempt, taken: &Capture, reference: &ProviderReference, amount: Money) -> Vec<Event> {
        if !self.can_go_back(taken, amount) {
            let gone = negative(amount);
            return vec![
                Self::unexplained(attempt, MoneyKind::Reversal, reference, gone),
                self.impossible("reversal_exceeds_capture", Some(reference)),
            ];
        }
        // Refunds that nobody has approved yet give way: what they would return has gone back already.
        let give_way = amount.minor() > self.payment.refundable_minor(taken);
        let (waiting, _) = self.waiting_refunds(taken);
        let mut events = if give_way { waiting } else { Vec::new() };
        events.push(Event::CaptureReversed { capture: taken.id, amount, reference: reference.clone() });
        events
    }

    /// Whether so much of a capture can have gone back without a refund of ours.
    fn can_go_back(&self, taken: &Capture, amount: Money) -> bool {
        let left = self.payment.refundable_minor(taken).saturating_add(self.waiting_refunds(taken).1);
        taken.reversed.is_none() && is_within(amount, taken, left)
    }

    /// The rejections of all refunds of a capture that still wait for approval, and their sum in minor units.
    fn waiting_refunds(&self, taken: &Capture) -> (Vec<Event>, i64) {
        let waiting = self
            .payment
            .refunds
            .iter()
            .filter(|refund| refund.capture == taken.id && refund.state == RefundState::Requested);
        let minor = waiting.clone().fold(0_i64, |sum, refund| sum.saturating_add(refund.amount.minor()));
        (waiting.map(|refund| Event::RefundRejected { refund: refund.id }).collect(), minor)
    }

    pub(super) fn capture_of(&self, attempt: &Attempt, payment: &ProviderReference) -> Option<&Capture> {
        self.capture_named(attempt, payment).or_else(|| self.capture_nameless(attempt))
    }

    /// The capture of exactly this payment.
    fn capture_named(&self, attempt: &Attempt, payment: &ProviderReference) -> Option<&Capture> {
        self.payment.captures.iter().find(|known| {
            known.account == attempt.account
                && (known.payment.as_ref() == Some(payment) || known.reference.as_ref() == Some(payment))
        })
    }

    /// The capture that a page told of an attempt without the name of its payment.
    fn capture_nameless(&self, attempt: &Attempt) -> Option<&Capture> {
        self.payment.captures.iter().find(|known| known.attempt == attempt.id && known.payment.is_none())
    }

    /// What came back is not what was asked: it never makes `paid`, and two persons decide.
    pub(super) fn mismatch(&self, attempt: &Attempt, what: Mismatch, told: Option<Money>) -> Vec<Event> {
        let mut events = Vec::new();
        if attempt.state.is_live() && self.is_live(attempt) {
            events.push(self.unknown(attempt, UnknownReason::Mismatch { what }));
        }
        let cause = ExceptionCause::Mismatch { attempt: attempt.id, told };
        if !self.payment.exceptions.iter().any(|known| known.cause == cause) {
            events.push(self.exception(cause));
        }
        events
    }

    pub(super) fn unexplained(
        attempt: &Attempt,
        kind: MoneyKind,
        reference: &ProviderReference,
        amount: Money,
    ) -> Event {
        Event::Unexplained { account: attempt.account.clone(), kind, reference: reference.clone(), amount }
    }

    pub(super) fn impossible(&self, fact: &str, reference: Option<&ProviderReference>) -> Event {
        self.exception(ExceptionCause::Impossible { fact: fact.to_owned(), reference: reference.cloned() })
    }
}

/// Whether a provider's amount is one of the capture's currency and at most `limit` minor units.
pub(super) fn is_within(amount: Money, taken: &Capture, limit: i64) -> bool {
    amount.currency() == taken.amount.currency() && amount.minor() <= limit
}

/// The code of a try that was given up, in the place of a provider's reason.
fn voided_code() -> ProviderCode {
    ProviderCode::parse("voided").unwrap_or_else(|_| unreachable!("the literal is visible ASCII"))
}

/// The amount as one that left; the amounts of facts are positive, so it always exists.
pub(super) fn negative(amount: Money) -> Money {
    amount.checked_neg().unwrap_or(amount)
}
