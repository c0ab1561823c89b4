//! A payment: one way of paying a claim, once, with everything that has happened to it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zahlstelle_contract::{
    money::Money,
    reference::{AccountName, MerchantReference},
};

use super::{
    attempt::{Attempt, Capture, CaptureRole, UnknownReason},
    call::{Call, Purpose},
    event::{ExceptionCause, Terms},
    ids::{AttemptId, CallId, CaptureId, ExceptionId, PaymentId, RefundId},
    language::Language,
    refund::{Dispute, Refund},
    time_limit::TimeLimit,
};

/// A payment as its events left it. It changes only by [`Payment::apply`](super::apply).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Payment {
    /// Its id, and that of its stream.
    pub id: PaymentId,
    /// How many events it has had.
    pub version: u64,
    /// What it was created with.
    pub terms: Terms,
    /// Until when it can be paid.
    pub time_limit: TimeLimit,
    /// When it was created.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// All attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// All captures, oldest first.
    pub captures: Vec<Capture>,
    /// All refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// All disputes, oldest first.
    pub disputes: Vec<Dispute>,
    /// Calls whose outcome is not settled.
    pub calls: Vec<Call>,
    /// What a person must look at.
    pub exceptions: Vec<OpenException>,
    /// Money that moved at a provider and that nothing of ours explains.
    pub unexplained: Vec<Unexplained>,
    /// When it was paid, whatever became of it later.
    pub paid: Option<PaidMark>,
}

/// When a payment was paid.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PaidMark {
    /// When we learned it.
    pub at: Timestamp,
    /// The version that this became true with; its sealed record gives the booking day.
    pub version: u64,
}

/// Money that moved at a provider and that nothing of ours explains.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Unexplained {
    /// The provider account.
    pub account: AccountName,
    /// How much; negative when it left.
    pub amount: Money,
}

/// Something that a person must look at.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OpenException {
    /// Its id.
    pub id: ExceptionId,
    /// Why.
    pub cause: ExceptionCause,
    /// Since when.
    pub at: Timestamp,
}

/// Where a payment stands, with the data that is valid in that state.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nothing is under way; it can be paid.
    Open,
    /// An attempt is under way.
    Processing {
        /// The live attempt.
        attempt: AttemptId,
    },
    /// The money is held for us.
    Authorised {
        /// The live attempt.
        attempt: AttemptId,
        /// When the hold lapses.
        capture_before: Timestamp,
    },
    /// Nobody may assume that it is paid, or that it is not.
    OutcomeUnknown {
        /// The attempt in question.
        attempt: AttemptId,
        /// Why.
        cause: UnknownReason,
        /// Until when the resolver must know, else a person decides.
        due_at: Timestamp,
    },
    /// Paid, once.
    Paid {
        /// The paying capture.
        capture: CaptureId,
    },
    /// Paid, and the money went back without a refund of ours.
    Reversed {
        /// The capture that had paid.
        capture: CaptureId,
    },
    /// Given up.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// Two persons decided that no money was taken.
    Failed,
}

impl State {
    /// Every name, in the order of a payment's life.
    pub const NAMES: [&str; 9] =
        ["open", "processing", "authorised", "outcome_unknown", "paid", "reversed", "cancelled", "expired", "failed"];

    /// The name in the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Processing { .. } => "processing",
            Self::Authorised { .. } => "authorised",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::Paid { .. } => "paid",
            Self::Reversed { .. } => "reversed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    /// The attempt that can take money, if there is one.
    pub fn live_attempt(&self) -> Option<AttemptId> {
        match self {
            Self::Processing { attempt } | Self::Authorised { attempt, .. } | Self::OutcomeUnknown { attempt, .. } => {
                Some(*attempt)
            }
            Self::Open | Self::Paid { .. } | Self::Reversed { .. } | Self::Cancelled | Self::Expired | Self::Failed => {
                None
            }
        }
    }

    /// Whether the payment no longer claims its Kassenzeichen: it has come to an end.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Paid { .. } | Self::Reversed { .. } | Self::Cancelled | Self::Expired | Self::Failed => true,
            Self::Open | Self::Processing { .. } | Self::Authorised { .. } | Self::OutcomeUnknown { .. } => false,
        }
    }
}

impl Payment {
    /// An attempt by its id.
    pub fn attempt(&self, id: AttemptId) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.id == id)
    }

    /// The attempt that can take money, if there is one.
    pub fn live(&self) -> Option<&Attempt> {
        self.state.live_attempt().and_then(|id| self.attempt(id))
    }

    /// A capture by its id.
    pub fn capture(&self, id: CaptureId) -> Option<&Capture> {
        self.captures.iter().find(|capture| capture.id == id)
    }

    /// The capture that pays the claim.
    pub fn paying_capture(&self) -> Option<&Capture> {
        self.captures.iter().find(|capture| capture.role == CaptureRole::Paying)
    }

    /// A refund by its id.
    pub fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    /// An unsettled call by its id.
    pub fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.iter().find(|call| call.id == id)
    }

    /// The unsettled calls of an attempt.
    pub fn calls_of(&self, attempt: AttemptId) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.purpose.attempt() == Some(attempt))
    }

    /// Whether the page of an attempt is being made unpayable, so that nobody may be sent to it.
    pub fn is_closing(&self, attempt: &Attempt) -> bool {
        self.calls_of(attempt.id).any(|call| matches!(call.purpose, Purpose::ClosePage { .. }))
    }

    /// The unsettled call of a refund.
    pub fn call_of_refund(&self, refund: RefundId) -> Option<&Call> {
        self.calls.iter().find(|call| call.purpose == Purpose::Refund { refund })
    }

    /// What can still be refunded of a capture, in minor units: what was taken less what went back, is on its way back
    /// or is in dispute. Never negative in a correct history; a negative value is shown as it is, so that it is noticed.
    pub fn refundable_minor(&self, capture: &Capture) -> i64 {
        let refunds = self.refunds.iter().filter(|refund| refund.capture == capture.id && refund.state.reserves());
        let disputes = self.disputes.iter().filter(|dispute| dispute.capture == capture.id && dispute.state.reserves());
        let gone = refunds
            .map(|refund| refund.amount)
            .chain(disputes.map(|dispute| dispute.amount))
            .chain(capture.reversed)
            .fold(0_i64, |sum, amount| sum.saturating_add(amount.minor()));
        capture.amount.minor().saturating_sub(gone)
    }

    /// What can be refunded of the paying capture; overpayments are left out.
    pub fn amount_refundable(&self) -> Money {
        let minor = self.paying_capture().map_or(0, |capture| self.refundable_minor(capture));
        Money::from_minor(minor.max(0), self.terms.total.currency())
    }

    /// What has gone back of the paying capture by refunds.
    pub fn amount_refunded(&self) -> Money {
        let paying = self.paying_capture().map(|capture| capture.id);
        let minor = self
            .refunds
            .iter()
            .filter(|refund| Some(refund.capture) == paying)
            .filter(|refund| matches!(refund.state, super::refund::RefundState::Succeeded { .. }))
            .fold(0_i64, |sum, refund| sum.saturating_add(refund.amount.minor()));
        Money::from_minor(minor, self.terms.total.currency())
    }

    /// What an attempt is called at the provider: `<Kassenzeichen>-<attempt number>`.
    pub fn merchant_reference(&self, attempt: &Attempt) -> MerchantReference {
        merchant_reference(format!("{}-{}", self.terms.kassenzeichen, attempt.number))
    }

    /// What a capture of an attempt is called at the provider.
    pub fn capture_reference(&self, attempt: &Attempt) -> MerchantReference {
        merchant_reference(format!("{}-{}-c", self.terms.kassenzeichen, attempt.number))
    }

    /// What a refund is called at the provider.
    pub fn refund_reference(&self, attempt: &Attempt, refund: &Refund) -> MerchantReference {
        merchant_reference(format!("{}-{}-r{}", self.terms.kassenzeichen, attempt.number, refund.number))
    }

    /// What the citizen reads: what was read when something was last started at the checkout, else what the portal said,
    /// if it said anything.
    pub fn language(&self) -> Option<&str> {
        let read = self.attempts.iter().rev().find_map(|attempt| attempt.language.as_ref());
        read.map(Language::as_str).or(self.terms.language.as_deref())
    }

    /// The language in which the provider's page of an attempt is to be; [`None`] where nobody has said one.
    pub fn language_of<'a>(&'a self, attempt: &'a Attempt) -> Option<&'a str> {
        attempt.language.as_ref().map(Language::as_str).or(self.terms.language.as_deref())
    }

    /// The number the next attempt gets.
    pub fn next_attempt_number(&self) -> u32 {
        let made = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        self.terms.attempts_before.saturating_add(made).saturating_add(1)
    }
}

/// The attempt's name inside our name of one of its changes: `…-c` of a capture, `…-r<refund number>` of a refund.
pub fn attempt_named_by_change(name: &str) -> Option<&str> {
    let (attempt, suffix) = name.rsplit_once('-')?;
    let numbers = |text: &str| text.parse().is_ok_and(|number: u32| number > 0 && number.to_string() == text);
    (suffix == "c" || suffix.strip_prefix('r').is_some_and(numbers)).then_some(attempt)
}

fn merchant_reference(text: String) -> MerchantReference {
    // A Kassenzeichen has at most 30 visible characters and the suffix at most 24, so the text is always in bounds.
    MerchantReference::parse(text).unwrap_or_else(|_| unreachable!("a Kassenzeichen with its suffix is a reference"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_we_give_to_changes_name_an_attempt() {
        for (name, attempt) in [
            ("DO.000001-1-c", Some("DO.000001-1")),
            ("DO.000001-1-r1", Some("DO.000001-1")),
            ("DO.000001-12-r40", Some("DO.000001-12")),
            ("DO.000001-1", None),
            ("DO.000001-1-r", None),
            ("DO.000001-1-r0", None),
            ("DO.000001-1-r01", None),
            ("DO.000001-1-r+1", None),
            ("DO.000001-1-cc", None),
            ("DO.000001-1-else", None),
            ("c", None),
        ] {
            assert_eq!(attempt_named_by_change(name), attempt, "{name}");
        }
    }
}
