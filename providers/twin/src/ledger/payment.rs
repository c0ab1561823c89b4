//! A payment at the provider and everything that changed it. Invariant, kept by every check here:
//! refunded ≤ captured ≤ amount.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zahlstelle_contract::money::Money;

use crate::clock::after;

/// How long an authorisation of a card holds, in seconds: 28 days, Adyen's default.
const AUTHORISATION_SECONDS: i64 = 28 * 24 * 3_600;

/// One try to pay, whether it worked or not.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Payment {
    pub(crate) psp: String,
    pub(crate) page: String,
    pub(crate) amount: Money,
    pub(crate) at: Timestamp,
    pub(crate) outcome: Outcome,
    pub(crate) changes: Vec<Change>,
    pub(crate) disputes: Vec<Dispute>,
}

/// What became of a try.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Pending,
    Refused,
    Authorised,
}

/// A capture, refund, cancellation or reversal.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Change {
    pub(crate) psp: String,
    pub(crate) kind: ChangeKind,
    pub(crate) merchant_reference: Option<String>,
    pub(crate) amount: Money,
    /// A fault has decided that it fails.
    pub(crate) doomed: bool,
    pub(crate) progress: Progress,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChangeKind {
    Capture,
    Refund,
    Cancel,
    /// Money back, or an authorisation given up, without a request of the merchant.
    Reversal,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    Received,
    Succeeded,
    Failed,
    /// Succeeded first and was undone later.
    Undone,
}

/// A dispute by the payer's bank.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Dispute {
    pub(crate) psp: String,
    pub(crate) amount: Money,
    pub(crate) stage: DisputeStage,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisputeStage {
    Opened,
    Debited,
    Won,
}

impl Payment {
    /// The sum of the successful changes of a kind, in minor units. It cannot overflow: each was checked against the
    /// amount of the payment before it succeeded.
    fn succeeded(&self, kind: ChangeKind) -> i64 {
        self.changes
            .iter()
            .filter(|change| change.kind == kind && change.progress == Progress::Succeeded)
            .fold(0, |sum: i64, change| sum.saturating_add(change.amount.minor()))
    }

    fn money(&self, minor: i64) -> Money {
        Money::from_minor(minor, self.amount.currency())
    }

    pub(crate) fn captured(&self) -> Money {
        self.money(self.succeeded(ChangeKind::Capture))
    }

    pub(crate) fn refunded(&self) -> Money {
        self.money(self.succeeded(ChangeKind::Refund))
    }

    /// Money that went back without a request of the merchant.
    pub(crate) fn reversed(&self) -> Money {
        if self.is_voided() { self.money(0) } else { self.money(self.succeeded(ChangeKind::Reversal)) }
    }

    /// Money that the payer's bank holds.
    pub(crate) fn disputed(&self) -> Money {
        let debited = self.disputes.iter().filter(|dispute| dispute.stage == DisputeStage::Debited);
        self.money(debited.fold(0, |sum: i64, dispute| sum.saturating_add(dispute.amount.minor())))
    }

    /// What is left of the captured money.
    pub(crate) fn remaining(&self) -> Money {
        let back = [self.refunded(), self.reversed(), self.disputed()];
        self.money(back.iter().fold(self.captured().minor(), |left, part| left.saturating_sub(part.minor())))
    }

    /// Whether the authorisation was given up before any money was taken.
    pub(crate) fn is_voided(&self) -> bool {
        let given_up = self.succeeded_at_all(ChangeKind::Cancel) || self.succeeded_at_all(ChangeKind::Reversal);
        given_up && !self.succeeded_at_all(ChangeKind::Capture)
    }

    pub(crate) fn succeeded_at_all(&self, kind: ChangeKind) -> bool {
        self.changes.iter().any(|change| change.kind == kind && change.progress == Progress::Succeeded)
    }

    /// Why a received change does not take effect now, in the words of the provider.
    pub(crate) fn obstacle(&self, change: &Change, now: Timestamp) -> Option<&'static str> {
        if change.doomed {
            return Some("Declined by the acquirer");
        }
        if self.outcome != Outcome::Authorised {
            return Some("Original transaction not found or not authorised");
        }
        match change.kind {
            ChangeKind::Capture if self.is_voided() => Some("Transaction has been cancelled, capture not possible"),
            ChangeKind::Capture if now >= after(self.at, AUTHORISATION_SECONDS) => Some("Authorisation expired"),
            // What a first capture leaves is given up by the provider, so a second one finds nothing.
            ChangeKind::Capture if self.succeeded_at_all(ChangeKind::Capture) => {
                Some("Transaction already captured, capture not possible")
            }
            ChangeKind::Capture if change.amount.minor() > self.amount.minor() => Some("Capture amount too high"),
            ChangeKind::Refund if !self.succeeded_at_all(ChangeKind::Capture) => {
                Some("Transaction hasn't been captured, refund not possible")
            }
            ChangeKind::Refund if change.amount.minor() > self.remaining().minor() => {
                Some("Insufficient balance on payment")
            }
            ChangeKind::Cancel if self.succeeded_at_all(ChangeKind::Capture) => {
                Some("Transaction already captured, cancellation not possible")
            }
            ChangeKind::Cancel if self.is_voided() => Some("Transaction already cancelled"),
            ChangeKind::Capture | ChangeKind::Refund | ChangeKind::Cancel | ChangeKind::Reversal => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zahlstelle_contract::money::Currency;

    use super::*;

    fn euro(minor: i64) -> Money {
        Money::from_minor(minor, Currency::EUR)
    }

    fn payment(amount: i64) -> Payment {
        Payment {
            psp: "P".to_owned(),
            page: "PL".to_owned(),
            amount: euro(amount),
            at: Timestamp::UNIX_EPOCH,
            outcome: Outcome::Authorised,
            changes: Vec::new(),
            disputes: Vec::new(),
        }
    }

    fn change(kind: ChangeKind, minor: i64) -> Change {
        Change {
            psp: "C".to_owned(),
            kind,
            merchant_reference: None,
            amount: euro(minor),
            doomed: false,
            progress: Progress::Received,
        }
    }

    #[test]
    fn an_authorisation_that_is_too_old_cannot_be_captured() {
        let payment = payment(100);
        let late = after(payment.at, AUTHORISATION_SECONDS);
        assert_eq!(payment.obstacle(&change(ChangeKind::Capture, 100), late), Some("Authorisation expired"));
        assert_eq!(payment.obstacle(&change(ChangeKind::Capture, 100), payment.at), None);
    }

    proptest! {
        #[test]
        fn refunded_never_exceeds_captured_nor_captured_the_amount(
            steps in prop::collection::vec((0..4_u8, 1..200_i64), 1..40)
        ) {
            let mut payment = payment(100);
            for (step, minor) in steps {
                let kind = match step {
                    0 => ChangeKind::Capture,
                    1 => ChangeKind::Cancel,
                    _ => ChangeKind::Refund,
                };
                let mut change = change(kind, minor);
                let obstacle = payment.obstacle(&change, payment.at);
                change.progress = if obstacle.is_none() { Progress::Succeeded } else { Progress::Failed };
                payment.changes.push(change);
                prop_assert!(payment.refunded().minor() <= payment.captured().minor());
                prop_assert!(payment.captured().minor() <= payment.amount.minor());
                prop_assert!(payment.remaining().minor() >= 0);
            }
        }
    }
}
