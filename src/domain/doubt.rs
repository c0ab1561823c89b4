//! What the provider's word is waited for, and until when: after that a person is told, once.

use jiff::{SignedDuration, Timestamp};

use super::{
    attempt::{Attempt, AttemptState},
    call::{Call, Purpose},
    event::ExceptionCause,
    ids::{AttemptId, RefundId},
    payment::Payment,
    refund::{Refund, RefundState},
};

/// Something whose outcome must be known by a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Doubt {
    /// What it is about.
    pub about: About,
    /// From when on a person must be told.
    pub due_at: Timestamp,
}

/// What a doubt is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum About {
    /// Whether an attempt took money, was captured or was voided.
    Attempt(AttemptId),
    /// Whether a refund went back.
    Refund(RefundId),
}

impl Payment {
    /// The doubts that nobody was told of yet. `patience`: how long an outcome is waited for before a person is told.
    pub fn untold_doubts(&self, patience: SignedDuration) -> impl Iterator<Item = Doubt> {
        let live = self.live().and_then(doubt_of_attempt);
        let calls = self.calls.iter().filter_map(move |call| doubt_of_call(call, patience));
        let refunds = self.refunds.iter().filter_map(move |refund| self.doubt_of_refund(refund, patience));
        live.into_iter().chain(calls).chain(refunds).filter(|doubt| !self.was_told(doubt.about))
    }

    /// A refund that waits for a reference which does not come is as much in doubt as one that was not answered, and
    /// so is one that was never sent or taken by the provider and never confirmed.
    fn doubt_of_refund(&self, refund: &Refund, patience: SignedDuration) -> Option<Doubt> {
        let due_at = match &refund.state {
            RefundState::Unknown { due_at, .. } => Some(*due_at),
            RefundState::Approved => {
                let call = self.call_of_refund(refund.id).filter(|call| call.first_sent_at.is_none());
                call.map(|call| after(call.intended_at, patience))
            }
            RefundState::Submitted { .. } => refund.submitted_at.map(|at| after(at, patience)),
            RefundState::Requested
            | RefundState::Rejected
            | RefundState::Succeeded { .. }
            | RefundState::Failed { .. }
            | RefundState::Returned { .. } => None,
        };
        due_at.map(|due_at| Doubt { about: About::Refund(refund.id), due_at })
    }

    fn was_told(&self, about: About) -> bool {
        self.exceptions.iter().any(|known| match (&known.cause, about) {
            (ExceptionCause::OutcomeOverdue { attempt, .. }, About::Attempt(id)) => *attempt == Some(id),
            (ExceptionCause::OutcomeOverdue { refund, .. }, About::Refund(id)) => *refund == Some(id),
            (
                ExceptionCause::Overpayment { .. }
                | ExceptionCause::Mismatch { .. }
                | ExceptionCause::Impossible { .. }
                | ExceptionCause::ForeignRefund { .. }
                | ExceptionCause::CallRejected { .. }
                | ExceptionCause::ReferenceMissing { .. }
                | ExceptionCause::CaptureDue { .. }
                | ExceptionCause::RefundContradicted { .. }
                | ExceptionCause::VoidFailed { .. },
                About::Attempt(_) | About::Refund(_),
            ) => false,
        })
    }
}

fn doubt_of_attempt(attempt: &Attempt) -> Option<Doubt> {
    match &attempt.state {
        AttemptState::Unknown { due_at, .. } => Some(Doubt { about: About::Attempt(attempt.id), due_at: *due_at }),
        AttemptState::Started
        | AttemptState::Waiting
        | AttemptState::Pending
        | AttemptState::Authorised { .. }
        | AttemptState::Captured { .. }
        | AttemptState::Declined { .. }
        | AttemptState::Cancelled
        | AttemptState::Abandoned
        | AttemptState::Voided
        | AttemptState::Reversed => None,
    }
}

/// A capture or void that was taken and never confirmed, or that never left; also a void that was never answered. An
/// unanswered capture is a doubt about its attempt already, and a refund has a state of its own.
fn doubt_of_call(call: &Call, patience: SignedDuration) -> Option<Doubt> {
    let never_left = call.not_sent.map(|_| call.intended_at);
    let (attempt, since) = match call.purpose {
        Purpose::Capture { attempt } => (attempt, call.accepted_at.or(never_left)),
        Purpose::Void { attempt, .. } => {
            let unanswered = call.first_sent_at.map(|_| call.intended_at);
            (attempt, call.accepted_at.or(never_left).or(unanswered))
        }
        Purpose::OpenPage { .. } | Purpose::ClosePage { .. } | Purpose::Refund { .. } => return None,
    };
    since.map(|since| Doubt { about: About::Attempt(attempt), due_at: after(since, patience) })
}

fn after(at: Timestamp, patience: SignedDuration) -> Timestamp {
    at.checked_add(patience).unwrap_or(Timestamp::MAX)
}
