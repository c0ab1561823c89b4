//! Where a payment stands from the citizen's point of view.

use jiff::Timestamp;

use crate::domain::{
    attempt::{AttemptState, CaptureRole},
    call::Purpose,
    payment::{Payment, State},
    refund::{DisputeState, RefundState},
};

/// What a citizen can do about a payment, and what must be said about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// It can be paid.
    Payable,
    /// A page of the provider waits for the citizen.
    PageOpen {
        /// Its address.
        url: String,
    },
    /// A page is being closed; what became of it is not known yet.
    Closing,
    /// The provider waits for something of its own.
    Pending,
    /// The money is held for the authority.
    Held,
    /// Nobody may assume that it is paid, or that it is not.
    Checking {
        /// Until when it must be known.
        due_at: Timestamp,
    },
    Paid,
    Reversed,
    Cancelled,
    Expired,
    Failed,
}

impl Standing {
    /// Where the payment stands. A payment whose time is over is not offered any more, even where no job has ended it.
    pub(super) fn of(payment: &Payment, now: Timestamp) -> Self {
        let is_over = payment.time_limit.is_over(now);
        match &payment.state {
            State::Open if is_over => Self::Expired,
            State::Open => Self::Payable,
            State::Processing { .. } => Self::of_live(payment, is_over, now),
            State::Authorised { .. } => Self::Held,
            State::OutcomeUnknown { due_at, .. } => Self::Checking { due_at: *due_at },
            State::Paid { .. } => Self::Paid,
            State::Reversed { .. } => Self::Reversed,
            State::Cancelled => Self::Cancelled,
            State::Expired => Self::Expired,
            State::Failed => Self::Failed,
        }
    }

    fn of_live(payment: &Payment, is_over: bool, now: Timestamp) -> Self {
        let Some(live) = payment.live() else { return Self::Closing };
        let is_closing = payment.calls_of(live.id).any(|call| match call.purpose {
            Purpose::ClosePage { .. } | Purpose::Void { .. } => true,
            Purpose::OpenPage { .. } | Purpose::Capture { .. } | Purpose::Refund { .. } => false,
        });
        match (&live.state, &live.page) {
            _ if is_closing || is_over => Self::Closing,
            // A lapsed page leads nowhere; a new try asks what became of it and opens another.
            (AttemptState::Waiting, Some(_)) if live.has_lapsed(now) => Self::Payable,
            (AttemptState::Waiting, Some(page)) => Self::PageOpen { url: page.url.clone() },
            // Nobody has the address of the page yet, so a new try asks the provider for the same page again.
            (AttemptState::Started, _) => Self::Payable,
            (AttemptState::Pending, _) => Self::Pending,
            (
                AttemptState::Waiting
                | AttemptState::Authorised { .. }
                | AttemptState::Captured { .. }
                | AttemptState::Declined { .. }
                | AttemptState::Cancelled
                | AttemptState::Abandoned
                | AttemptState::Voided
                | AttemptState::Unknown { .. }
                | AttemptState::Reversed,
                _,
            ) => Self::Closing,
        }
    }

    /// Whether the citizen may choose a way to pay.
    pub(super) fn can_be_paid(&self) -> bool {
        match self {
            Self::Payable | Self::PageOpen { .. } => true,
            Self::Closing
            | Self::Pending
            | Self::Held
            | Self::Checking { .. }
            | Self::Paid
            | Self::Reversed
            | Self::Cancelled
            | Self::Expired
            | Self::Failed => false,
        }
    }
}

/// Whether the provider refused what the citizen tried last. An attempt whose page never came to be was no try.
pub(super) fn was_declined(payment: &Payment) -> bool {
    let tried = payment.attempts.iter().rev().find(|attempt| attempt.page.is_some());
    tried.is_some_and(|attempt| !attempt.tries.is_empty())
}

/// What was taken on top of what is owed and has not gone back, in minor units.
pub(super) fn surplus_minor(payment: &Payment) -> i64 {
    let surplus = payment.captures.iter().filter(|capture| capture.role == CaptureRole::Surplus);
    surplus.fold(0, |sum: i64, capture| {
        let returned = payment
            .refunds
            .iter()
            .filter(|refund| refund.capture == capture.id && matches!(refund.state, RefundState::Succeeded { .. }))
            .map(|refund| refund.amount)
            .chain(capture.reversed)
            .fold(0_i64, |sum, amount| sum.saturating_add(amount.minor()));
        sum.saturating_add(capture.amount.minor().saturating_sub(returned))
    })
}

/// What the citizen's bank has taken back of what had paid, in minor units.
pub(super) fn charged_back_minor(payment: &Payment) -> i64 {
    let paying = payment.paying_capture().map(|capture| capture.id);
    let taken = payment.disputes.iter().filter(|dispute| match dispute.state {
        DisputeState::Debited | DisputeState::Lost => Some(dispute.capture) == paying,
        DisputeState::Opened | DisputeState::Won | DisputeState::Closed => false,
    });
    taken.fold(0, |sum: i64, dispute| sum.saturating_add(dispute.amount.minor()))
}
