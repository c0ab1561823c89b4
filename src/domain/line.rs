//! Fee lines: what is charged, with its tax and with the accounts it is booked to.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use zahlstelle_contract::money::{Currency, Money, MoneyError};

/// The most of one thing a line may charge.
pub const QUANTITY_MAX: u32 = 10_000;

/// One position of a payment. Always net + tax = gross, and the shares add up to net.
///
/// It holds no description: a fee's name comes from the fee schedule, a portal's own text lives in the side table,
/// because the log keeps no free text.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FeeLine {
    /// The fee of the schedule with the first day of the version that priced it; `None` for an explicit amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<FeeVersion>,
    /// How many of it, at least 1.
    pub quantity: u32,
    /// What one costs, tax included.
    pub unit_amount: Money,
    /// The rate of the tax contained in `gross`.
    pub tax_rate: TaxRate,
    /// The total without tax.
    pub net: Money,
    /// The tax contained in the total.
    pub tax: Money,
    /// The total.
    pub gross: Money,
    /// Where the net total is booked.
    pub shares: Vec<Share>,
}

impl FeeLine {
    /// A line of `quantity` units at a gross price; the tax is taken out of the gross total, half up.
    ///
    /// `rules` says how the net total is shared; the last rule takes what rounding leaves.
    pub fn from_gross(
        fee: Option<FeeVersion>,
        quantity: u32,
        unit_amount: Money,
        tax_rate: TaxRate,
        rules: &[ShareRule],
    ) -> Result<Self, LineError> {
        if quantity == 0 || quantity > QUANTITY_MAX {
            return Err(LineError::Quantity);
        }
        let gross = unit_amount.checked_mul(quantity)?;
        let tax = tax_rate.contained_in(gross)?;
        let net = gross.checked_sub(tax)?;
        let shares = share(net, rules)?;
        Ok(Self { fee, quantity, unit_amount, tax_rate, net, tax, gross, shares })
    }
}

/// A fee of the schedule in the version that was valid on the day that counts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FeeVersion {
    /// The key of the fee, e.g. `fuehrungszeugnis`.
    pub key: String,
    /// The first day of the version; `None` where it has no beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Date>,
}

/// A part of a line's net total and the account in the books it goes to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Share {
    /// Whether it is our income or passed on.
    pub kind: ShareKind,
    /// Where it is booked.
    pub booking: BookingData,
    /// How much of the net total.
    pub amount: Money,
}

/// How a net total is shared: `numerator / denominator` of it, half up; the last rule of a list takes the rest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShareRule {
    /// Whether it is our income or passed on.
    pub kind: ShareKind,
    /// Where it is booked.
    pub booking: BookingData,
    /// The part of the net total.
    pub numerator: u32,
    /// What the part is counted in; never 0.
    pub denominator: u32,
}

/// Whose money a share is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareKind {
    /// Income of the authority (`ertrag/...`).
    Ertrag,
    /// Money of a third party that is only passed on (`durchlaufend/...`).
    Durchlaufend,
}

/// Where a line is booked: named parts such as `produktkonto` and `kostenstelle`.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct BookingData(BTreeMap<String, String>);

impl BookingData {
    /// The most parts a booking may have.
    pub const PARTS_MAX: usize = 8;
    /// The most characters of a name or value.
    pub const PART_LENGTH_MAX: usize = 40;

    /// Takes named parts; names and values are letters, digits, `.`, `_` and `-`, because they form account names.
    pub fn parse(parts: BTreeMap<String, String>) -> Result<Self, LineError> {
        let plain = |text: &String| {
            (1..=Self::PART_LENGTH_MAX).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if parts.len() > Self::PARTS_MAX || !parts.iter().all(|(name, value)| plain(name) && plain(value)) {
            return Err(LineError::Booking);
        }
        Ok(Self(parts))
    }

    /// The value of a part.
    pub fn part(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The parts in the order of their names.
    pub fn parts(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Whether no part is given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The name of the account in the books: the values in the order of their names, e.g. `kst-12:1220.4311`.
impl fmt::Display for BookingData {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("unzugeordnet");
        }
        for (index, value) in self.0.values().enumerate() {
            if index > 0 {
                formatter.write_str(":")?;
            }
            formatter.write_str(value)?;
        }
        Ok(())
    }
}

impl TryFrom<BTreeMap<String, String>> for BookingData {
    type Error = LineError;

    fn try_from(parts: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        Self::parse(parts)
    }
}

impl From<BookingData> for BTreeMap<String, String> {
    fn from(booking: BookingData) -> Self {
        booking.0
    }
}

/// A tax rate in hundredths of a percent, e.g. 1900 for 19 %.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaxRate(u16);

impl TaxRate {
    /// No tax.
    pub const NONE: Self = Self(0);
    const WHOLE: i64 = 10_000;

    /// The tax contained in a gross total, half up.
    pub fn contained_in(self, gross: Money) -> Result<Money, MoneyError> {
        let rate = i64::from(self.0);
        gross.ratio_half_up(rate, Self::WHOLE.saturating_add(rate))
    }
}

/// Reads percent such as `19` or `7.5`, from 0 to 100 with at most two decimals.
impl FromStr for TaxRate {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A percentage has the shape of an amount with two decimals, so one strict reader serves both.
        let hundredths = Money::parse(text, Currency::EUR).map_err(|_| LineError::TaxRate)?.minor();
        u16::try_from(hundredths)
            .ok()
            .filter(|rate| i64::from(*rate) <= Self::WHOLE)
            .map(Self)
            .ok_or(LineError::TaxRate)
    }
}

impl fmt::Display for TaxRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Money::from_minor(i64::from(self.0), Currency::EUR).decimal();
        formatter.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl TryFrom<String> for TaxRate {
    type Error = LineError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TaxRate> for String {
    fn from(rate: TaxRate) -> Self {
        rate.to_string()
    }
}

/// Why there is no such line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LineError {
    /// The quantity is 0 or too large.
    #[error("must be from 1 to {QUANTITY_MAX}")]
    Quantity,
    /// The tax rate is no percentage.
    #[error("must be a percentage such as \"19\" or \"7.5\"")]
    TaxRate,
    /// The booking data has a part that cannot be an account name, or too many parts.
    #[error("must be at most 8 parts of letters, digits, '.', '_' and '-'")]
    Booking,
    /// The line has no share rule.
    #[error("must say where it is booked")]
    NoShare,
    /// The amounts overflow or mix currencies.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

fn share(net: Money, rules: &[ShareRule]) -> Result<Vec<Share>, LineError> {
    let (last, others) = rules.split_last().ok_or(LineError::NoShare)?;
    let mut rest = net;
    let mut shares = Vec::with_capacity(rules.len());
    for rule in others {
        let amount = net.ratio_half_up(i64::from(rule.numerator), i64::from(rule.denominator))?;
        rest = rest.checked_sub(amount)?;
        shares.push(Share { kind: rule.kind, booking: rule.booking.clone(), amount });
    }
    shares.push(Share { kind: last.kind, booking: last.booking.clone(), amount: rest });
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::EUR)
    }

    fn rule(kind: ShareKind, name: &str, numerator: u32, denominator: u32) -> ShareRule {
        let booking = BookingData::parse(BTreeMap::from([("konto".to_owned(), name.to_owned())])).unwrap();
        ShareRule { kind, booking, numerator, denominator }
    }

    #[test]
    fn e2_net_tax_and_shares_add_up_to_gross() {
        let rules = [rule(ShareKind::Ertrag, "a", 3, 8), rule(ShareKind::Durchlaufend, "b", 5, 8)];
        let line = FeeLine::from_gross(None, 4, eur(2195), "19".parse().unwrap(), &rules).unwrap();
        assert_eq!((line.gross, line.tax, line.net), (eur(8780), eur(1402), eur(7378)));
        assert_eq!(line.shares.iter().map(|share| share.amount.minor()).sum::<i64>(), line.net.minor());
    }

    #[test]
    fn tax_rates_are_percentages() {
        for (text, written) in [("19", "19"), ("7.5", "7.5"), ("0", "0"), ("10", "10"), ("100", "100")] {
            assert_eq!(text.parse::<TaxRate>().map(|rate| rate.to_string()), Ok(written.to_owned()));
        }
        for text in ["101", "-1", "19%", "0.005", ""] {
            assert_eq!(text.parse::<TaxRate>(), Err(LineError::TaxRate), "{text:?}");
        }
    }

    #[test]
    fn a_line_needs_a_quantity_and_a_booking() {
        assert_eq!(FeeLine::from_gross(None, 0, eur(1), TaxRate::NONE, &[]), Err(LineError::Quantity));
        assert_eq!(FeeLine::from_gross(None, 1, eur(1), TaxRate::NONE, &[]), Err(LineError::NoShare));
        let bad = BTreeMap::from([("konto".to_owned(), "a/b".to_owned())]);
        assert_eq!(BookingData::parse(bad), Err(LineError::Booking));
    }
}
