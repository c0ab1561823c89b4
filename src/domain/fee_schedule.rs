//! The fee schedule (Gebührenverzeichnis): what each fee costs on which day, and whose money it is.

use std::collections::BTreeMap;

use jiff::civil::Date;
use zahlstelle_contract::money::Money;

use super::{
    language::LocalizedText,
    line::{FeeLine, FeeVersion, LineError, ShareRule, TaxRate},
    names::FeeKey,
};

/// The most versions a fee may have.
pub const VERSIONS_MAX: usize = 100;

/// The most shares a version may have.
pub const SHARES_MAX: usize = 8;

/// All fees of a Mandant by their keys.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FeeSchedule {
    fees: BTreeMap<FeeKey, Fee>,
}

impl FeeSchedule {
    /// Takes fees whose keys differ.
    pub fn new(fees: impl IntoIterator<Item = Fee>) -> Result<Self, DuplicateFee> {
        let mut schedule = Self::default();
        for fee in fees {
            if let Some(earlier) = schedule.fees.insert(fee.key.clone(), fee) {
                return Err(DuplicateFee { key: earlier.key });
            }
        }
        Ok(schedule)
    }

    /// A fee by its key.
    pub fn fee(&self, key: &str) -> Option<&Fee> {
        self.fees.get(key)
    }

    /// Every fee in the order of the keys.
    pub fn fees(&self) -> impl Iterator<Item = &Fee> {
        self.fees.values()
    }

    /// Every fee that has a version on this day, with that version, in the order of the keys.
    pub fn valid_on(&self, day: Date) -> impl Iterator<Item = (&Fee, &FeeVersionRule)> {
        self.fees.values().filter_map(move |fee| Some((fee, fee.versions.on(day)?)))
    }

    /// Prices `quantity` of a fee by the version of `fee_date`, or of the day of the request where none is given.
    pub fn price(
        &self,
        key: &str,
        quantity: u32,
        fee_date: Option<Date>,
        requested_on: Date,
    ) -> Result<FeeLine, PriceError> {
        let day = fee_date.unwrap_or(requested_on);
        let fee = self.fee(key).ok_or(PriceError::UnknownFee)?;
        let version = fee.versions.on(day).ok_or(PriceError::NotValid { day })?;
        let named = FeeVersion { key: fee.key.to_string(), valid_from: version.valid_from };
        Ok(FeeLine::from_gross(Some(named), quantity, version.amount, version.tax_rate, &version.shares)?)
    }
}

/// Two fees of a schedule have the same key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("fee {key:?} is there twice", key = key.as_str())]
pub struct DuplicateFee {
    /// The key.
    pub key: FeeKey,
}

/// Why a fee has no price.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PriceError {
    /// The schedule has no such fee.
    #[error("is not a fee of the schedule")]
    UnknownFee,
    /// No version of the fee is valid on that day.
    #[error("has no price on {day}")]
    NotValid {
        /// The day that was asked for.
        day: Date,
    },
    /// The line cannot be made.
    #[error(transparent)]
    Line(#[from] LineError),
}

/// One fee with everything it has cost and will cost.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fee {
    /// Its key in the API.
    pub key: FeeKey,
    /// What citizens read.
    pub names: LocalizedText,
    /// The law or statute it stands on.
    pub legal_basis: Option<String>,
    /// Whether the amount is made up; a live Mandant refuses such fees.
    pub example: bool,
    /// Its prices over time.
    pub versions: FeeVersions,
}

/// The versions of a fee in the order of time; none overlaps another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeeVersions(Vec<FeeVersionRule>);

impl FeeVersions {
    /// Takes versions in any order; gaps between them are days without a price.
    pub fn new(versions: Vec<FeeVersionRule>) -> Result<Self, VersionsError> {
        if versions.is_empty() || versions.len() > VERSIONS_MAX {
            return Err(VersionsError::Count);
        }
        let mut numbered: Vec<(usize, FeeVersionRule)> = versions.into_iter().enumerate().collect();
        numbered.sort_by_key(|(_, version)| version.first_day());
        for pair in numbered.windows(2) {
            if let [(earlier, before), (later, after)] = pair
                && before.last_day() >= after.first_day()
            {
                return Err(VersionsError::Overlap { earlier: *earlier, later: *later });
            }
        }
        Ok(Self(numbered.into_iter().map(|(_, version)| version).collect()))
    }

    /// The version of a day.
    pub fn on(&self, day: Date) -> Option<&FeeVersionRule> {
        self.0.iter().find(|version| (version.first_day()..=version.last_day()).contains(&day))
    }

    /// All versions, oldest first.
    pub fn all(&self) -> &[FeeVersionRule] {
        &self.0
    }
}

/// Why versions do not make a fee.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VersionsError {
    /// There are none, or too many.
    #[error("must have from 1 to {VERSIONS_MAX} versions")]
    Count,
    /// Two of them are valid on the same day.
    #[error("overlap: versions {} and {} are valid on the same day", earlier.saturating_add(1), later.saturating_add(1))]
    Overlap {
        /// The place in the given list, from 0, of the one that begins first.
        earlier: usize,
        /// The place of the other.
        later: usize,
    },
}

/// What a fee costs between two days, both included.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeeVersionRule {
    valid_from: Option<Date>,
    valid_to: Option<Date>,
    amount: Money,
    tax_rate: TaxRate,
    shares: Vec<ShareRule>,
}

impl FeeVersionRule {
    /// Takes a gross amount and shares of its net that add up to the whole.
    pub fn new(
        valid_from: Option<Date>,
        valid_to: Option<Date>,
        amount: Money,
        tax_rate: TaxRate,
        shares: Vec<ShareRule>,
    ) -> Result<Self, VersionError> {
        if let (Some(from), Some(to)) = (valid_from, valid_to)
            && to < from
        {
            return Err(VersionError::Period);
        }
        if !amount.is_positive() {
            return Err(VersionError::Amount);
        }
        if shares.is_empty() || shares.len() > SHARES_MAX {
            return Err(VersionError::ShareCount);
        }
        if !make_a_whole(&shares) {
            return Err(VersionError::ShareSum);
        }
        Ok(Self { valid_from, valid_to, amount, tax_rate, shares })
    }

    /// The first day it is valid on; `None` where it has no beginning.
    pub fn valid_from(&self) -> Option<Date> {
        self.valid_from
    }

    /// The last day it is valid on, included; `None` where it has no end.
    pub fn valid_to(&self) -> Option<Date> {
        self.valid_to
    }

    /// What one costs, tax included.
    pub fn amount(&self) -> Money {
        self.amount
    }

    /// The tax contained in the amount.
    pub fn tax_rate(&self) -> TaxRate {
        self.tax_rate
    }

    /// How the net is shared.
    pub fn shares(&self) -> &[ShareRule] {
        &self.shares
    }

    fn first_day(&self) -> Date {
        self.valid_from.unwrap_or(Date::MIN)
    }

    fn last_day(&self) -> Date {
        self.valid_to.unwrap_or(Date::MAX)
    }
}

/// Why there is no such version.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VersionError {
    /// It ends before it begins.
    #[error("must not be before valid_from")]
    Period,
    /// It costs nothing.
    #[error("must be greater than zero")]
    Amount,
    /// There are no shares, or too many.
    #[error("must be from 1 to {SHARES_MAX} shares")]
    ShareCount,
    /// The parts are not the whole.
    #[error("must have parts that are greater than zero and add up to exactly 1")]
    ShareSum,
}

/// Whether the parts, each greater than zero, add up to 1.
fn make_a_whole(shares: &[ShareRule]) -> bool {
    let mut sum = Some((0_u128, 1_u128));
    for share in shares {
        if share.numerator == 0 || share.denominator == 0 {
            return false;
        }
        sum = sum.and_then(|sum| add_fractions(sum, (share.numerator.into(), share.denominator.into())));
    }
    sum.is_some_and(|(numerator, denominator)| numerator == denominator)
}

/// `None` where the sum leaves 128 bits, which no share of a fee has reason to.
fn add_fractions(left: (u128, u128), right: (u128, u128)) -> Option<(u128, u128)> {
    let numerator = left.0.checked_mul(right.1)?.checked_add(right.0.checked_mul(left.1)?)?;
    let denominator = left.1.checked_mul(right.1)?;
    let divisor = greatest_common_divisor(numerator, denominator);
    Some((numerator.checked_div(divisor)?, denominator.checked_div(divisor)?))
}

fn greatest_common_divisor(mut left: u128, mut right: u128) -> u128 {
    while let Some(remainder) = left.checked_rem(right) {
        (left, right) = (right, remainder);
    }
    left
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use zahlstelle_contract::money::Currency;

    use super::*;
    use crate::domain::{
        language::Language,
        line::{BookingData, QUANTITY_MAX, ShareKind},
    };

    fn eur(text: &str) -> Money {
        Money::parse(text, Currency::EUR).unwrap()
    }

    fn share(kind: ShareKind, numerator: u32, denominator: u32) -> ShareRule {
        let booking = BookingData::parse(BTreeMap::from([("konto".to_owned(), "4311".to_owned())])).unwrap();
        ShareRule { kind, booking, numerator, denominator }
    }

    fn version(from: Option<Date>, to: Option<Date>, amount: &str) -> FeeVersionRule {
        FeeVersionRule::new(from, to, eur(amount), TaxRate::NONE, vec![share(ShareKind::Ertrag, 1, 1)]).unwrap()
    }

    fn fee(key: &str, versions: Vec<FeeVersionRule>) -> Fee {
        Fee {
            key: FeeKey::parse(key).unwrap(),
            names: LocalizedText::new(BTreeMap::from([(Language::german(), key.to_owned())])).unwrap(),
            legal_basis: None,
            example: false,
            versions: FeeVersions::new(versions).unwrap(),
        }
    }

    fn schedule() -> FeeSchedule {
        let old = version(None, Some(date(2026, 2, 6)), "37.00");
        let new = version(Some(date(2026, 2, 7)), None, "46.00");
        let tax = "19".parse().unwrap();
        let hour = FeeVersionRule::new(None, None, eur("24.00"), tax, vec![share(ShareKind::Ertrag, 1, 1)]).unwrap();
        let shares = vec![share(ShareKind::Ertrag, 2, 5), share(ShareKind::Durchlaufend, 3, 5)];
        let record = FeeVersionRule::new(None, None, eur("13.00"), TaxRate::NONE, shares).unwrap();
        FeeSchedule::new([
            fee("personalausweis_ab_24", vec![new, old]),
            fee("sporthalle_stunde", vec![hour]),
            fee("fuehrungszeugnis", vec![record]),
            fee("frueher", vec![version(None, Some(date(2020, 1, 1)), "1.00")]),
        ])
        .unwrap()
    }

    #[test]
    fn the_day_that_counts_picks_the_version() {
        let schedule = schedule();
        let today = date(2026, 2, 7);
        for (fee_date, gross, valid_from) in [
            (None, "46.00", Some(date(2026, 2, 7))),
            (Some(date(2026, 2, 6)), "37.00", None),
            (Some(date(2030, 1, 1)), "46.00", Some(date(2026, 2, 7))),
        ] {
            let line = schedule.price("personalausweis_ab_24", 1, fee_date, today).unwrap();
            assert_eq!(line.gross, eur(gross));
            assert_eq!(line.fee, Some(FeeVersion { key: "personalausweis_ab_24".to_owned(), valid_from }));
        }
    }

    #[test]
    fn tax_and_shares_come_from_the_version() {
        let schedule = schedule();
        let day = date(2026, 7, 1);
        let hours = schedule.price("sporthalle_stunde", 1, None, day).unwrap();
        assert_eq!((hours.net, hours.tax, hours.gross), (eur("20.17"), eur("3.83"), eur("24.00")));
        let record = schedule.price("fuehrungszeugnis", 1, None, day).unwrap();
        let amounts: Vec<Money> = record.shares.iter().map(|share| share.amount).collect();
        assert_eq!(amounts, [eur("5.20"), eur("7.80")]);
    }

    #[test]
    fn what_cannot_be_priced_says_why() {
        let schedule = schedule();
        let day = date(2026, 7, 1);
        let price = |key, quantity| schedule.price(key, quantity, None, day).map(|_| ());
        assert_eq!(price("nichts", 1), Err(PriceError::UnknownFee));
        assert_eq!(price("frueher", 1), Err(PriceError::NotValid { day }));
        assert_eq!(price("fuehrungszeugnis", 0), Err(PriceError::Line(LineError::Quantity)));
        assert_eq!(price("fuehrungszeugnis", QUANTITY_MAX + 1), Err(PriceError::Line(LineError::Quantity)));
    }

    #[test]
    fn the_list_of_a_day_leaves_out_what_is_not_valid() {
        let schedule = schedule();
        let keys = |day| schedule.valid_on(day).map(|(fee, _)| fee.key.to_string()).collect::<Vec<_>>();
        assert_eq!(keys(date(2026, 7, 1)), ["fuehrungszeugnis", "personalausweis_ab_24", "sporthalle_stunde"]);
        assert!(keys(date(2020, 1, 1)).contains(&"frueher".to_owned()));
    }

    #[test]
    fn versions_must_not_overlap() {
        let a = version(None, Some(date(2026, 2, 7)), "1.00");
        let b = version(Some(date(2026, 2, 7)), None, "2.00");
        let overlap = VersionsError::Overlap { earlier: 1, later: 0 };
        assert_eq!(FeeVersions::new(vec![b.clone(), a]), Err(overlap));
        assert_eq!(overlap.to_string(), "overlap: versions 2 and 1 are valid on the same day");
        assert_eq!(FeeVersions::new(vec![b.clone(), b]), Err(VersionsError::Overlap { earlier: 0, later: 1 }));
        assert_eq!(FeeVersions::new(Vec::new()), Err(VersionsError::Count));
        // A version that encloses two later ones is caught although it ends after both.
        let long = version(None, None, "1.00");
        let short = version(Some(date(2026, 1, 1)), Some(date(2026, 1, 2)), "1.00");
        assert!(FeeVersions::new(vec![short, long]).is_err());
    }

    #[test]
    fn versions_that_cannot_work_are_refused() {
        let one = || vec![share(ShareKind::Ertrag, 1, 1)];
        let new =
            |from, to, amount, shares| FeeVersionRule::new(from, to, eur(amount), TaxRate::NONE, shares).map(|_| ());
        let (first, second) = (Some(date(2026, 1, 1)), Some(date(2026, 1, 2)));
        assert_eq!(new(second, first, "1", one()), Err(VersionError::Period));
        assert_eq!(new(first, first, "1", one()), Ok(()));
        assert_eq!(new(None, None, "0", one()), Err(VersionError::Amount));
        assert_eq!(new(None, None, "1", Vec::new()), Err(VersionError::ShareCount));
        for parts in [[(1, 2), (1, 3)], [(1, 2), (1, 0)], [(0, 1), (1, 1)], [(2, 3), (2, 3)]] {
            let shares =
                parts.map(|(numerator, denominator)| share(ShareKind::Ertrag, numerator, denominator)).to_vec();
            assert_eq!(new(None, None, "1", shares), Err(VersionError::ShareSum), "{parts:?}");
        }
        let huge = vec![share(ShareKind::Ertrag, 1, u32::MAX); SHARES_MAX];
        assert_eq!(new(None, None, "1", huge), Err(VersionError::ShareSum));
    }

    #[test]
    fn keys_of_a_schedule_differ() {
        let one = || fee("a", vec![version(None, None, "1.00")]);
        assert_eq!(FeeSchedule::new([one(), one()]), Err(DuplicateFee { key: FeeKey::parse("a").unwrap() }));
    }
}
