//! Money given back, and money taken back by the payer's bank.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zahlstelle_contract::{
    money::{Money, MoneyError},
    reference::{ProviderCode, ProviderReference},
};

use super::{
    apportion,
    attempt::UnknownReason,
    ids::{CaptureId, RefundId},
    line::FeeLine,
};

/// One refund of one capture.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// Counts the refunds of the payment from 1.
    pub number: u32,
    /// The capture that is returned.
    pub capture: CaptureId,
    /// How much.
    pub amount: Money,
    /// How it falls on the lines; empty for an overpayment, which no line explains.
    pub parts: Vec<RefundPart>,
    /// Who asked for it.
    pub origin: RefundOrigin,
    /// Where it stands.
    pub state: RefundState,
    /// How much of what earlier refunds left owed by coming back this one stands for, since its approval.
    pub took_up: Money,
    /// When it was requested.
    pub created_at: Timestamp,
    /// When it was first sent, and from its acceptance on when the provider took it.
    pub submitted_at: Option<Timestamp>,
}

impl Refund {
    /// What of a refund that came back is owed and not taken up by a later one; nothing in every other state.
    pub fn left_owed(&self) -> Money {
        match &self.state {
            RefundState::Returned { taken_up, .. } => self.amount.checked_sub(*taken_up).unwrap_or(self.amount),
            RefundState::Requested
            | RefundState::Approved
            | RefundState::Rejected
            | RefundState::Submitted { .. }
            | RefundState::Succeeded { .. }
            | RefundState::Failed { .. }
            | RefundState::Unknown { .. } => Money::from_minor(0, self.amount.currency()),
        }
    }
}

/// Who asked for a refund.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOrigin {
    /// A client of the API.
    Client,
    /// We propose it because too much was taken; it moves nothing until somebody approves it.
    Overpayment,
}

/// What a refund takes from one line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RefundPart {
    /// The index of the line, from 0.
    pub line: usize,
    /// How much of its gross total.
    pub gross: Money,
    /// The tax in it.
    pub tax: Money,
    /// How the rest falls on the line's shares, in their order.
    pub shares: Vec<Money>,
}

/// Where a refund stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RefundState {
    /// The approval chain is not complete.
    Requested,
    /// The chain is complete; it waits to be sent, e.g. for the provider's reference of the capture.
    Approved,
    /// A step of the chain said no.
    Rejected,
    /// Being sent to the provider, or taken by it and not yet confirmed.
    Submitted {
        /// The provider's reference, once it answered.
        reference: Option<ProviderReference>,
    },
    /// The provider says the money went back.
    Succeeded {
        /// The provider's reference.
        reference: ProviderReference,
    },
    /// No money went back.
    Failed {
        /// The provider's reason.
        code: ProviderCode,
        /// The provider's reference, if it had taken the refund first.
        reference: Option<ProviderReference>,
    },
    /// It may or may not have gone back.
    Unknown {
        /// Why.
        cause: UnknownReason,
        /// Until when the resolver must know, else a person decides.
        due_at: Timestamp,
    },
    /// The money went back and came back to us.
    Returned {
        /// The provider's reference.
        reference: ProviderReference,
        /// How much of what came back later refunds stand for.
        taken_up: Money,
    },
}

impl RefundState {
    /// The name in the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Submitted { .. } => "submitted",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
            Self::Returned { .. } => "returned",
        }
    }

    /// The provider's reference of the refund, once it is known.
    pub fn reference(&self) -> Option<&ProviderReference> {
        match self {
            Self::Submitted { reference } | Self::Failed { reference, .. } => reference.as_ref(),
            Self::Succeeded { reference } | Self::Returned { reference, .. } => Some(reference),
            Self::Requested | Self::Approved | Self::Rejected | Self::Unknown { .. } => None,
        }
    }

    /// Whether it takes from what can be refunded: all but what was rejected, has failed or came back.
    pub fn reserves(&self) -> bool {
        match self {
            Self::Requested
            | Self::Approved
            | Self::Submitted { .. }
            | Self::Succeeded { .. }
            | Self::Unknown { .. } => true,
            Self::Rejected | Self::Failed { .. } | Self::Returned { .. } => false,
        }
    }
}

/// A dispute raised by the payer's bank.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Dispute {
    /// The provider's reference.
    pub reference: ProviderReference,
    /// The capture in dispute.
    pub capture: CaptureId,
    /// How much of it.
    pub amount: Money,
    /// Where it stands.
    pub state: DisputeState,
    /// How often the bank took the money; a dispute that was won may be debited again.
    pub debits: u32,
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeState {
    /// The bank asks; no money has moved.
    Opened,
    /// The bank took the money.
    Debited,
    /// It came back to us.
    Won,
    /// It stays with the payer.
    Lost,
    /// It ended without money.
    Closed,
}

impl DisputeState {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Debited => "debited",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Closed => "closed",
        }
    }

    /// Whether it takes from what can be refunded.
    pub fn reserves(self) -> bool {
        match self {
            Self::Opened | Self::Debited | Self::Lost => true,
            Self::Won | Self::Closed => false,
        }
    }
}

/// Which part of which returned refund changes hands, from and to how much of it is taken up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TakeUp {
    /// The refund that had come back.
    pub returned: RefundId,
    /// How much of it was taken up before.
    pub from: Money,
    /// How much of it is taken up afterwards.
    pub to: Money,
}

/// What a new refund of `amount` takes up of what came back of its capture, the oldest first. It takes no more than its
/// own amount; the rest stays owed.
pub fn take_up(refunds: &[Refund], capture: CaptureId, amount: Money) -> Vec<TakeUp> {
    let mut left = amount.minor();
    let mut taken = Vec::new();
    for (refund, taken_up) in returned(refunds, capture) {
        let part = refund.left_owed().minor().min(left);
        left = left.saturating_sub(part);
        taken.extend(moved(refund, taken_up, part));
    }
    taken
}

/// What is owed again of what came back of a capture when a refund that had taken up `amount` fails, the last taken
/// first: what is taken up in all is always what the oldest left owed.
pub fn give_back(refunds: &[Refund], capture: CaptureId, amount: Money) -> Vec<TakeUp> {
    let mut left = amount.minor();
    let mut given = Vec::new();
    for (refund, taken_up) in returned(refunds, capture).rev() {
        let part = taken_up.minor().min(left);
        left = left.saturating_sub(part);
        given.extend(moved(refund, taken_up, part.saturating_neg()));
    }
    given
}

fn returned(refunds: &[Refund], capture: CaptureId) -> impl DoubleEndedIterator<Item = (&Refund, Money)> {
    refunds.iter().filter(move |refund| refund.capture == capture).filter_map(|refund| match &refund.state {
        RefundState::Returned { taken_up, .. } => Some((refund, *taken_up)),
        RefundState::Requested
        | RefundState::Approved
        | RefundState::Rejected
        | RefundState::Submitted { .. }
        | RefundState::Succeeded { .. }
        | RefundState::Failed { .. }
        | RefundState::Unknown { .. } => None,
    })
}

fn moved(refund: &Refund, from: Money, by: i64) -> Option<TakeUp> {
    let to = Money::from_minor(from.minor().saturating_add(by), from.currency());
    (by != 0).then_some(TakeUp { returned: refund.id, from, to })
}

/// What is left of each line after the refunds that count.
#[derive(Clone, Debug)]
struct Remaining {
    gross: i64,
    tax: i64,
    shares: Vec<i64>,
}

/// Splits a refund of `amount` over the lines by largest remainder of what remains of each, ties to the earlier line.
pub fn split_by_amount<'a>(
    lines: &[FeeLine],
    earlier: impl Iterator<Item = &'a RefundPart>,
    amount: Money,
) -> Result<Vec<RefundPart>, SplitError> {
    let remaining = remaining(lines, earlier)?;
    let weights: Vec<i64> = remaining.iter().map(|line| line.gross).collect();
    let parts = apportion::by_largest_remainder(amount.minor(), &weights).ok_or(SplitError::ExceedsRemaining)?;
    parts
        .into_iter()
        .enumerate()
        .filter(|(_, part)| *part > 0)
        .map(|(line, part)| cut(&remaining, line, part, amount))
        .collect()
}

/// Takes named amounts from named lines.
pub fn split_by_lines<'a>(
    lines: &[FeeLine],
    earlier: impl Iterator<Item = &'a RefundPart>,
    wanted: &[(usize, Money)],
) -> Result<Vec<RefundPart>, SplitError> {
    let earlier: Vec<&RefundPart> = earlier.collect();
    let mut parts: Vec<RefundPart> = Vec::with_capacity(wanted.len());
    for (line, amount) in wanted {
        // What this very refund has already taken counts as well: a line named twice is not overdrawn.
        let remaining = remaining(lines, earlier.iter().copied().chain(&parts))?;
        parts.push(cut(&remaining, *line, amount.minor(), *amount)?);
    }
    Ok(parts)
}

fn remaining<'a>(
    lines: &[FeeLine],
    earlier: impl Iterator<Item = &'a RefundPart>,
) -> Result<Vec<Remaining>, SplitError> {
    let mut remaining: Vec<Remaining> = lines
        .iter()
        .map(|line| Remaining {
            gross: line.gross.minor(),
            tax: line.tax.minor(),
            shares: line.shares.iter().map(|share| share.amount.minor()).collect(),
        })
        .collect();
    for part in earlier {
        let line = remaining.get_mut(part.line).ok_or(SplitError::NoSuchLine)?;
        line.gross = line.gross.checked_sub(part.gross.minor()).ok_or(MoneyError::Overflow)?;
        line.tax = line.tax.checked_sub(part.tax.minor()).ok_or(MoneyError::Overflow)?;
        for (share, taken) in line.shares.iter_mut().zip(&part.shares) {
            *share = share.checked_sub(taken.minor()).ok_or(MoneyError::Overflow)?;
        }
    }
    Ok(remaining)
}

/// Takes `part` of what remains of a line: its tax in proportion, half up; the last cut takes the rest by itself.
fn cut(remaining: &[Remaining], index: usize, part: i64, unit: Money) -> Result<RefundPart, SplitError> {
    let line = remaining.get(index).ok_or(SplitError::NoSuchLine)?;
    if part <= 0 || part > line.gross {
        return Err(SplitError::ExceedsRemaining);
    }
    let money = |minor| Money::from_minor(minor, unit.currency());
    let tax = money(line.tax).ratio_half_up(part, line.gross)?;
    let net = money(part).checked_sub(tax)?;
    let shares = apportion::by_largest_remainder(net.minor(), &line.shares).ok_or(SplitError::ExceedsRemaining)?;
    Ok(RefundPart { line: index, gross: money(part), tax, shares: shares.into_iter().map(money).collect() })
}

/// Why an amount cannot be taken from the lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// More than remains of the line or of all lines.
    #[error("exceeds what remains to be refunded")]
    ExceedsRemaining,
    /// The payment has no such line.
    #[error("the payment has no such line")]
    NoSuchLine,
    /// The amounts overflow or mix currencies.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]
mod tests {
    use proptest::prelude::*;
    use zahlstelle_contract::money::Currency;

    use super::*;
    use crate::domain::line::{BookingData, ShareKind, ShareRule};

    fn lines(prices: &[(i64, u32)]) -> Vec<FeeLine> {
        let rule = |kind, numerator| ShareRule { kind, booking: BookingData::default(), numerator, denominator: 8 };
        let rules = [rule(ShareKind::Ertrag, 3), rule(ShareKind::Durchlaufend, 5)];
        let line = |(price, tax): &(i64, u32)| {
            let unit = Money::from_minor(*price, Currency::EUR);
            FeeLine::from_gross(None, 1, unit, tax.to_string().parse().unwrap(), &rules).unwrap()
        };
        prices.iter().map(line).collect()
    }

    proptest! {
        #[test]
        fn e2_many_small_refunds_empty_every_line_exactly(
            prices in prop::collection::vec((1_i64..5_000, prop::sample::select(vec![0_u32, 7, 19, 100])), 1..6),
            cuts in prop::collection::vec(1_i64..3_000, 1..12),
        ) {
            let lines = lines(&prices);
            let mut left: i64 = prices.iter().map(|(price, _)| price).sum();
            let mut parts: Vec<RefundPart> = Vec::new();
            for cut in cuts.into_iter().chain([i64::MAX]) {
                let amount = cut.min(left);
                if amount == 0 { continue; }
                left -= amount;
                let new = split_by_amount(&lines, parts.iter(), Money::from_minor(amount, Currency::EUR)).unwrap();
                prop_assert_eq!(new.iter().map(|part| part.gross.minor()).sum::<i64>(), amount);
                parts.extend(new);
            }
            for (index, line) in lines.iter().enumerate() {
                let of_line = || parts.iter().filter(|part| part.line == index);
                prop_assert_eq!(of_line().map(|part| part.gross.minor()).sum::<i64>(), line.gross.minor());
                prop_assert_eq!(of_line().map(|part| part.tax.minor()).sum::<i64>(), line.tax.minor());
                for (share_index, share) in line.shares.iter().enumerate() {
                    prop_assert_eq!(of_line().map(|part| part.shares[share_index].minor()).sum::<i64>(), share.amount.minor());
                }
            }
        }
    }

    #[test]
    fn more_than_remains_is_refused() {
        let lines = lines(&[(1000, 0)]);
        let six = Money::from_minor(600, Currency::EUR);
        let first = split_by_amount(&lines, std::iter::empty(), six).unwrap();
        assert_eq!(split_by_amount(&lines, first.iter(), six), Err(SplitError::ExceedsRemaining));
        assert_eq!(split_by_lines(&lines, first.iter(), &[(1, six)]), Err(SplitError::NoSuchLine));
    }
}
