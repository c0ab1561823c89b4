//! Exact money: integer minor units with the exponent of ISO 4217, checked arithmetic only.
//!
//! There are no operators and no `Sum`: every addition names its possible overflow or mix of currencies.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most digits an amount may have in all; more cannot fit into the minor units anyway.
const AMOUNT_DIGITS_MAX: usize = 18;

/// An amount in minor units of one currency, e.g. 1300 cents for 13.00 EUR.
///
/// Negative values occur in books and reports; input of our API is never negative ([`Money::parse`]).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount of `minor` units, e.g. cents.
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in the given currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads a plain decimal without sign, exponent, blank or thousands separator: `13`, `13.5`, `13.50`.
    ///
    /// At most as many decimals as the currency has; zero is an amount, `-0` is not.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(MoneyError::NotADecimal),
            None => (text, ""),
        };
        let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) {
            return Err(MoneyError::NotADecimal);
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(MoneyError::NotADecimal);
        }
        let exponent = currency.exponent();
        if fraction.len() > exponent {
            return Err(MoneyError::TooPrecise { decimals_max: exponent });
        }
        if whole.len().saturating_add(exponent) > AMOUNT_DIGITS_MAX {
            return Err(MoneyError::Overflow);
        }
        let digits = format!("{whole}{fraction:0<exponent$}");
        let minor = digits.parse().map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor, currency })
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency the minor units are of.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether the amount is greater than zero.
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// Whether the amount is zero.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum, unless the currencies differ or it overflows.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The difference, unless the currencies differ or it overflows.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The amount with the other sign.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The amount taken `times` times.
    pub fn checked_mul(self, times: u32) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(i64::from(times)).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// How the amounts compare, unless the currencies differ.
    pub fn checked_cmp(self, other: Self) -> Result<Ordering, MoneyError> {
        self.same_currency(other)?;
        Ok(self.minor.cmp(&other.minor))
    }

    /// The sum of amounts of one currency; zero when there are none.
    pub fn total(amounts: impl IntoIterator<Item = Self>, currency: Currency) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// This amount times `numerator` / `denominator`, rounded half up (away from zero).
    pub fn ratio_half_up(self, numerator: i64, denominator: i64) -> Result<Self, MoneyError> {
        let product = i128::from(self.minor).checked_mul(i128::from(numerator)).ok_or(MoneyError::Overflow)?;
        let denominator = i128::from(denominator);
        let half = denominator.checked_div(2).ok_or(MoneyError::Overflow)?;
        let adjusted = if product < 0 { product.checked_sub(half) } else { product.checked_add(half) };
        let rounded = adjusted.and_then(|sum| sum.checked_div(denominator)).ok_or(MoneyError::Overflow)?;
        let minor = i64::try_from(rounded).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMix { left: self.currency, right: other.currency })
        }
    }

    /// The bare decimal as our API and most providers write it, e.g. `13.00`, without the currency.
    pub fn decimal(self) -> String {
        let exponent = self.currency.exponent();
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = exponent.saturating_add(1));
        if exponent == 0 {
            return format!("{sign}{digits}");
        }
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(exponent));
        format!("{sign}{whole}.{fraction}")
    }
}

/// `13.00 EUR`: the form of log records, exact and readable.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.decimal(), self.currency)
    }
}

/// Reads what [`fmt::Display`] wrote, sign included.
impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (decimal, code) = text.split_once(' ').ok_or(MoneyError::NotADecimal)?;
        let currency = Currency::from_code(code)?;
        match decimal.strip_prefix('-') {
            Some(unsigned) => Self::parse(unsigned, currency)?.checked_neg(),
            None => Self::parse(decimal, currency),
        }
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A currency of ISO 4217 that has minor units.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The euro, the currency of the first release.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);

    /// The currency of an upper-case ISO 4217 code; funds and metals without minor units are refused.
    pub fn from_code(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or(MoneyError::UnknownCurrency)
    }

    /// The upper-case ISO 4217 code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The number of decimals, e.g. 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> usize {
        self.0.exponent().map_or(0, usize::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// Why a text or an operation yields no amount.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MoneyError {
    /// The text is no plain decimal (sign, exponent, blank, comma, leading zero, empty).
    #[error("is not a plain decimal such as 13.00")]
    NotADecimal,
    /// More decimals than the currency has.
    #[error("has more than {decimals_max} decimals")]
    TooPrecise {
        /// What the currency allows.
        decimals_max: usize,
    },
    /// The result does not fit into 64 bits of minor units.
    #[error("is too large")]
    Overflow,
    /// Two currencies met in one operation.
    #[error("mixes {left} and {right}")]
    CurrencyMix {
        /// The currency of the left operand.
        left: Currency,
        /// The currency of the right operand.
        right: Currency,
    },
    /// No currency with minor units has this code.
    #[error("is not a known currency code")]
    UnknownCurrency,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn e3_ambiguous_decimals_are_refused() {
        let refused = [
            "1e2",
            "+1",
            "1,00",
            " 1",
            "1 ",
            "1.005",
            "-0",
            "-1",
            "",
            "NaN",
            ".5",
            "1.",
            "01",
            "1.0.0",
            "0x10",
            "١٢",
            "1_000",
            "123456789012345678901234567890",
            "99999999999999999",
        ];
        for text in refused {
            assert!(Money::parse(text, Currency::EUR).is_err(), "{text:?} was read as money");
        }
        for (text, minor) in
            [("0", 0), ("13", 1300), ("13.5", 1350), ("0.05", 5), ("9999999999999999.99", 999_999_999_999_999_999)]
        {
            assert_eq!(Money::parse(text, Currency::EUR).map(Money::minor), Ok(minor));
        }
    }

    #[test]
    fn e1_exponents_of_other_currencies_hold() {
        for (code, text, minor, written) in
            [("JPY", "1200", 1200, "1200"), ("KWD", "1.234", 1234, "1.234"), ("EUR", "0.07", 7, "0.07")]
        {
            let currency = Currency::from_code(code).unwrap();
            let money = Money::parse(text, currency).unwrap();
            assert_eq!((money.minor(), money.decimal().as_str()), (minor, written));
        }
        assert_eq!(
            Money::parse("1.5", Currency::from_code("JPY").unwrap()),
            Err(MoneyError::TooPrecise { decimals_max: 0 })
        );
    }

    #[test]
    fn e5_overflow_and_mixing_are_errors() {
        let most = Money::from_minor(i64::MAX, Currency::EUR);
        let cent = Money::from_minor(1, Currency::EUR);
        assert_eq!(most.checked_add(cent), Err(MoneyError::Overflow));
        assert_eq!(most.checked_mul(2), Err(MoneyError::Overflow));
        assert_eq!(Money::from_minor(i64::MIN, Currency::EUR).checked_neg(), Err(MoneyError::Overflow));
        let yen = Money::from_minor(1, Currency::from_code("JPY").unwrap());
        assert!(matches!(cent.checked_add(yen), Err(MoneyError::CurrencyMix { .. })));
    }

    #[test]
    fn ratio_rounds_half_away_from_zero() {
        let money = |minor| Money::from_minor(minor, Currency::EUR);
        assert_eq!(money(2400).ratio_half_up(1900, 11900), Ok(money(383)));
        assert_eq!(money(1).ratio_half_up(1, 2), Ok(money(1)));
        assert_eq!(money(-1).ratio_half_up(1, 2), Ok(money(-1)));
        assert_eq!(money(1).ratio_half_up(1, 0), Err(MoneyError::Overflow));
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(minor in -999_999_999_999_i64..999_999_999_999, code in prop::sample::select(vec!["EUR", "JPY", "KWD"])) {
            let money = Money::from_minor(minor, Currency::from_code(code).unwrap());
            prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
            let json = serde_json::to_string(&money).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
        }
    }
}
