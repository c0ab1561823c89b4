//! When a payment needs attention next. It follows from the payment alone, so nothing can be forgotten: every commit
//! sets the payment's one job anew.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Settings, later};
use crate::domain::{
    attempt::{Attempt, AttemptState, UnknownReason},
    call::{Call, Purpose},
    decide::CAPTURE_ALARM_HOURS,
    event::ExceptionCause,
    payment::{Payment, State},
};

/// For how long after its end a page is asked about once more, when something else calls attention to the payment.
pub const RECHECK_WINDOW: Duration = Duration::from_hours(24);

/// How long others have to be waited for.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// How long a payer's own step may still complete after a page was closed.
    pub in_flight: Duration,
    /// How long an outcome may stay unknown before a person is called.
    pub outcome_deadline: Duration,
}

/// How long waits are that depend on nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Pace<'a> {
    /// After how long the resolver asks again, one step a try; the last step repeats.
    pub resolver_schedule: &'a [Duration],
    /// After how long a page that nobody reports on is asked about, one step a try; the last step repeats.
    pub page_schedule: &'a [Duration],
    /// After how long a job looks after a call that its request has not carried out.
    pub call_grace: Duration,
}

impl<'a> From<&'a Settings> for Pace<'a> {
    fn from(settings: &'a Settings) -> Self {
        Self {
            resolver_schedule: &settings.resolver_schedule,
            page_schedule: &settings.page_schedule,
            call_grace: settings.call_grace,
        }
    }
}

/// Whether a payment must have a job at this moment, whatever the settings say: deadlines that settings move are left
/// out, so this may say no where there is one, and never yes where there need be none.
pub fn needs_job(payment: &Payment, now: Timestamp) -> bool {
    let pace = Pace { resolver_schedule: &[], page_schedule: &[], call_grace: Duration::ZERO };
    let waits = Waits { in_flight: Duration::ZERO, outcome_deadline: Duration::ZERO };
    due(payment, pace, waits, 0, now).is_some()
}

/// When to look at the payment next; [`None`] when it will never change by itself.
///
/// `tries` counts how often it was looked at in vain.
pub fn due(payment: &Payment, pace: Pace<'_>, waits: Waits, tries: u32, now: Timestamp) -> Option<Timestamp> {
    let again = |schedule: &[Duration]| later(now, step(schedule, tries));
    let calls = payment.calls.iter().filter_map(|call| call_due(payment, call, pace, &again));
    let state = match &payment.state {
        State::Open => Some(payment.time_limit.expires_at),
        State::Processing { .. } if now < payment.time_limit.expires_at => Some(payment.time_limit.expires_at),
        State::Authorised { capture_before, .. } if now < *capture_before => Some(hold_due(payment, *capture_before)),
        // A capture or void that was accepted and never confirmed outlives the hold; it is looked at, not hurried.
        State::Processing { .. } | State::Authorised { .. } => Some(again(pace.resolver_schedule)),
        State::OutcomeUnknown { due_at, cause, .. } => match cause {
            UnknownReason::PageUnanswered => Some(again(pace.resolver_schedule)),
            UnknownReason::CaptureUnanswered | UnknownReason::RefundUnanswered | UnknownReason::Mismatch { .. } => {
                Some(*due_at).filter(|due_at| now < *due_at)
            }
        },
        State::Paid { .. } | State::Reversed { .. } | State::Cancelled | State::Expired | State::Failed => None,
    };
    let asked = payment.live().filter(|live| can_be_asked(live)).map(|_| again(pace.page_schedule));
    let closed =
        payment.attempts.iter().filter_map(|attempt| recheck_at(attempt, waits.in_flight)).filter(|at| now < *at);
    // A passed deadline is due at once until somebody was told, so it survives whatever happens around it.
    let patience = SignedDuration::try_from(waits.outcome_deadline).unwrap_or(SignedDuration::MAX);
    let doubts = payment.untold_doubts(patience).map(|doubt| doubt.due_at);
    calls.chain(state).chain(asked).chain(closed).chain(doubts).min()
}

fn call_due(
    payment: &Payment,
    call: &Call,
    pace: Pace<'_>,
    again: &impl Fn(&[Duration]) -> Timestamp,
) -> Option<Timestamp> {
    if call.accepted.is_some() || waits_for_reference(payment, call) {
        return None;
    }
    match call.first_sent_at {
        None => Some(match call.not_sent {
            // The schedule goes on where it was, although each try in vain has set the payment's job anew.
            Some(last) => later(last.at, step(pace.resolver_schedule, last.tries.saturating_sub(1))),
            None => later(call.intended_at, pace.call_grace),
        }),
        Some(_) => Some(again(pace.resolver_schedule)),
    }
}

/// Whether a call cannot be made yet because the provider's reference of the payment is not known.
pub fn waits_for_reference(payment: &Payment, call: &Call) -> bool {
    match call.purpose {
        Purpose::OpenPage { .. } | Purpose::ClosePage { .. } => false,
        Purpose::Capture { attempt } | Purpose::Void { attempt, .. } => {
            payment.attempt(attempt).is_none_or(|attempt| attempt.reference.is_none())
        }
        Purpose::Refund { refund } => payment
            .refund(refund)
            .and_then(|refund| payment.capture(refund.capture))
            .is_none_or(|capture| capture.payment.is_none()),
    }
}

/// Whether asking the provider about the page of an attempt can tell something.
pub fn can_be_asked(attempt: &Attempt) -> bool {
    let undecided = match &attempt.state {
        AttemptState::Waiting | AttemptState::Pending => true,
        AttemptState::Unknown { cause, .. } => *cause == UnknownReason::PageUnanswered,
        AttemptState::Started
        | AttemptState::Authorised { .. }
        | AttemptState::Captured { .. }
        | AttemptState::Declined { .. }
        | AttemptState::Cancelled
        | AttemptState::Abandoned
        | AttemptState::Voided
        | AttemptState::Reversed => false,
    };
    undecided && attempt.page.is_some()
}

/// When the page of an ended attempt is asked about once more: a step that was under way may have completed.
pub fn recheck_at(attempt: &Attempt, in_flight: Duration) -> Option<Timestamp> {
    attempt.page.as_ref().and(attempt.ended_at).map(|ended_at| later(ended_at, in_flight))
}

fn hold_due(payment: &Payment, capture_before: Timestamp) -> Timestamp {
    let alarmed = payment.exceptions.iter().any(|exception| {
        matches!(exception.cause, ExceptionCause::CaptureDue { .. } | ExceptionCause::ReferenceMissing { .. })
    });
    let alarm_at = capture_before.checked_sub(SignedDuration::from_hours(CAPTURE_ALARM_HOURS));
    match alarm_at {
        Ok(alarm_at) if !alarmed => alarm_at,
        Ok(_) | Err(_) => capture_before,
    }
}

/// The step of a schedule after so many tries; the last one repeats.
pub fn step(schedule: &[Duration], tries: u32) -> Duration {
    let index = usize::try_from(tries).unwrap_or(usize::MAX);
    schedule.get(index).or(schedule.last()).copied().unwrap_or(Duration::from_mins(1))
}
