//! The Kassenzeichen: the key under which the treasury knows a claim.
//!
//! There is no national format. Treasuries use a constant prefix, a running number and a check digit of one of a few
//! families, printed in groups; [`Scheme`] is that, and [`Range`] is the part of its numbers that a Mandant may use.

mod check_digit;
mod mask;
mod range;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    check_digit::CheckDigit,
    mask::{MaskError, PrintMask},
    range::{ALARM_PER_MILLE, BLOCK_SIZE_MAX, Block, Exhausted, Range, RangeError},
};

/// A Kassenzeichen without its printed grouping: 2 to 30 letters, digits and inner hyphens.
///
/// The length is that of ePayBL. The characters are those that survive everywhere it travels: in a bank transfer
/// (SEPA), in `transactionReference` of `XBezahldienste` and in a provider's reference.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kassenzeichen(String);

impl Kassenzeichen {
    /// The fewest characters it may have.
    pub const LENGTH_MIN: usize = 2;
    /// The most characters it may have.
    pub const LENGTH_MAX: usize = 30;

    /// Takes a text as it stands; nothing is trimmed or folded, because it must come back as it was given.
    pub fn parse(text: impl Into<String>) -> Result<Self, KassenzeichenError> {
        let text = text.into();
        let fits = (Self::LENGTH_MIN..=Self::LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits { Ok(Self(text)) } else { Err(KassenzeichenError) }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How people read it. A pattern made for another length leaves it as it is.
    pub fn printed(&self, mask: &PrintMask) -> String {
        mask.apply(&self.0)
    }
}

impl TryFrom<String> for Kassenzeichen {
    type Error = KassenzeichenError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

impl From<Kassenzeichen> for String {
    fn from(kassenzeichen: Kassenzeichen) -> Self {
        kassenzeichen.0
    }
}

impl fmt::Display for Kassenzeichen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a text is no Kassenzeichen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be 2 to 30 letters, digits and inner hyphens")]
pub struct KassenzeichenError;

/// How a running number becomes a Kassenzeichen: prefix, the number padded with zeros, check digit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scheme {
    prefix: String,
    digits: u8,
    check_digit: CheckDigit,
    mask: PrintMask,
}

impl Scheme {
    /// The most digits a running number may have; more do not fit into the counter.
    pub const DIGITS_MAX: u8 = 18;

    /// Takes a prefix and the number of digits that the running number is padded to.
    ///
    /// A numeric check digit covers the prefix, so that the prefix must be digits then; for ISO 11649 it may also be
    /// upper-case letters.
    pub fn new(prefix: String, digits: u8, check_digit: CheckDigit, mask: PrintMask) -> Result<Self, SchemeError> {
        if digits == 0 || digits > Self::DIGITS_MAX {
            return Err(SchemeError::Digits);
        }
        if !check_digit.takes_prefix(&prefix) {
            return Err(SchemeError::Prefix { check_digit });
        }
        let scheme = Self { prefix, digits, check_digit, mask };
        if !(Kassenzeichen::LENGTH_MIN..=check_digit.length_max()).contains(&scheme.length()) {
            return Err(SchemeError::Length { length: scheme.length(), length_max: check_digit.length_max() });
        }
        match scheme.mask.places() {
            Some(places) if places != scheme.length() => Err(SchemeError::Mask { places, length: scheme.length() }),
            Some(_) | None => Ok(scheme),
        }
    }

    /// How its numbers are printed.
    pub fn mask(&self) -> &PrintMask {
        &self.mask
    }

    /// The characters of every number of this scheme.
    pub fn length(&self) -> usize {
        self.prefix.len().saturating_add(usize::from(self.digits)).saturating_add(self.check_digit.length())
    }

    /// The largest running number that fits.
    pub fn largest(&self) -> u64 {
        10_u64.saturating_pow(u32::from(self.digits)).saturating_sub(1)
    }

    /// The Kassenzeichen of a running number.
    pub fn number(&self, running: u64) -> Result<Kassenzeichen, NumberError> {
        if running > self.largest() {
            return Err(NumberError::Exhausted);
        }
        let text = self.check_digit.complete(&self.payload(running)).ok_or(NumberError::Unusable)?;
        // The scheme was checked when it was made, so the text always is a Kassenzeichen.
        Kassenzeichen::parse(text).map_err(|_| NumberError::Unusable)
    }

    /// What the check digits cover: prefix and padded number.
    fn payload(&self, running: u64) -> String {
        let width = usize::from(self.digits);
        format!("{}{running:0>width$}", self.prefix)
    }

    /// The running number of a text, if this scheme could have made the text, to the last character.
    pub fn verify(&self, text: &str) -> Option<u64> {
        let body = self.check_digit.strip(text)?;
        let digits = body.strip_prefix(self.prefix.as_str())?;
        if digits.len() != usize::from(self.digits) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let running = digits.parse().ok()?;
        // Making the number again is the one judge of check digits, so making and checking cannot disagree.
        (self.number(running).ok()?.as_str() == text).then_some(running)
    }
}

/// Why there is no such scheme.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SchemeError {
    /// The running number has no digits, or too many.
    #[error("must be from 1 to {} digits", Scheme::DIGITS_MAX)]
    Digits,
    /// The check digit cannot cover the prefix.
    #[error("must be {} for check digit {:?}", check_digit.prefix_rule(), check_digit.as_str())]
    Prefix {
        /// The check digit.
        check_digit: CheckDigit,
    },
    /// The numbers would be too short or too long.
    #[error("make a Kassenzeichen of {length} characters, it must have 2 to {length_max}")]
    Length {
        /// What the parts add up to.
        length: usize,
        /// The most this kind of number may have.
        length_max: usize,
    },
    /// The print mask is made for another length.
    #[error("has {places} places '#' for a Kassenzeichen of {length} characters")]
    Mask {
        /// The places of the mask.
        places: usize,
        /// The characters of the numbers.
        length: usize,
    },
}

/// Why a running number has no Kassenzeichen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NumberError {
    /// The check digit rule has no digit for it: the number is skipped and listed as `unusable`.
    #[error("has no check digit")]
    Unusable,
    /// It has more digits than the scheme.
    #[error("has more digits than the scheme")]
    Exhausted,
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scheme(prefix: &str, digits: u8, check_digit: CheckDigit) -> Scheme {
        Scheme::new(prefix.to_owned(), digits, check_digit, PrintMask::Plain).unwrap()
    }

    #[test]
    fn numbers_are_prefix_padding_and_check_digit() {
        let bzue = scheme("1008", 8, CheckDigit::Mod11_10);
        let made = bzue.number(45_456_115).unwrap();
        assert_eq!(made.as_str(), "1008454561158");
        assert_eq!(bzue.verify("1008454561158"), Some(45_456_115));
        assert_eq!(scheme("KA", 8, CheckDigit::Iso11649).number(20_201_234).unwrap().as_str(), "RF87KA20201234");
        assert_eq!(scheme("DO-", 4, CheckDigit::None).number(7).unwrap().as_str(), "DO-0007");
    }

    #[test]
    fn a_number_of_another_scheme_does_not_verify() {
        let bzue = scheme("1008", 8, CheckDigit::Mod11_10);
        for text in ["", "1008454561159", "10084545611588", "1009454561158", "1008 45456115", "100845456115８", "RF18"]
        {
            assert_eq!(bzue.verify(text), None, "{text:?}");
        }
        let plain = scheme("", 4, CheckDigit::None);
        assert_eq!((plain.verify("0012"), plain.verify("12"), plain.verify("+012")), (Some(12), None, None));
    }

    #[test]
    fn numbers_without_check_digit_are_unusable_and_too_large_ones_exhausted() {
        let mod11 = scheme("2026", 8, CheckDigit::Mod11);
        assert_eq!(mod11.number(17), Err(NumberError::Unusable));
        assert_eq!(mod11.number(100_000_000), Err(NumberError::Exhausted));
        assert!(mod11.number(99_999_999).is_ok());
        assert_eq!(mod11.verify("202600000017X"), None);
    }

    #[test]
    fn schemes_that_cannot_work_are_refused() {
        let new = |prefix: &str, digits, check_digit, mask: &str| {
            Scheme::new(prefix.to_owned(), digits, check_digit, mask.parse().unwrap()).map(|_| ())
        };
        assert_eq!(new("1", 0, CheckDigit::None, "plain"), Err(SchemeError::Digits));
        assert_eq!(new("1", 19, CheckDigit::None, "plain"), Err(SchemeError::Digits));
        assert_eq!(
            new("DO", 8, CheckDigit::Mod10, "plain"),
            Err(SchemeError::Prefix { check_digit: CheckDigit::Mod10 })
        );
        assert_eq!(
            new("do", 8, CheckDigit::Iso11649, "plain"),
            Err(SchemeError::Prefix { check_digit: CheckDigit::Iso11649 })
        );
        assert_eq!(new("", 1, CheckDigit::None, "plain"), Err(SchemeError::Length { length: 1, length_max: 30 }));
        assert_eq!(
            new("1234567890123", 18, CheckDigit::None, "plain"),
            Err(SchemeError::Length { length: 31, length_max: 30 })
        );
        assert_eq!(
            new("ABCDEFGHIJ", 12, CheckDigit::Iso11649, "plain"),
            Err(SchemeError::Length { length: 26, length_max: 25 })
        );
        assert_eq!(new("12", 6, CheckDigit::Mod10, "####.####"), Err(SchemeError::Mask { places: 8, length: 9 }));
        assert_eq!(new("12", 6, CheckDigit::Mod10, "####.####.#"), Ok(()));
    }

    #[test]
    fn texts_that_would_not_survive_their_way_are_refused() {
        for text in ["42", "4200000000061", "DO-2026-1", &"9".repeat(30)] {
            assert!(Kassenzeichen::parse(text).is_ok(), "{text:?}");
        }
        for text in ["", "4", "a b", "a/b", "-1", "1-", "a_b", "ä1", "12\n", &"9".repeat(31)] {
            assert_eq!(Kassenzeichen::parse(text), Err(KassenzeichenError), "{text:?}");
        }
    }

    fn any_scheme() -> impl Strategy<Value = Scheme> {
        (0_u32..100_000, 1_u8..=12, prop::sample::select(CheckDigit::ALL.to_vec()))
            .prop_map(|(prefix, digits, check_digit)| scheme(&prefix.to_string(), digits, check_digit))
    }

    proptest! {
        #[test]
        fn every_number_verifies(scheme in any_scheme(), seed in any::<u64>()) {
            let running = seed % scheme.largest().saturating_add(1);
            match scheme.number(running) {
                Ok(made) => prop_assert_eq!(scheme.verify(made.as_str()), Some(running)),
                Err(NumberError::Unusable) => prop_assert_eq!(scheme.check_digit, CheckDigit::Mod11),
                Err(NumberError::Exhausted) => prop_assert!(false, "{} fits", running),
            }
        }

        #[test]
        fn any_single_wrong_digit_is_detected(
            running in 0_u64..100_000_000,
            check_digit in prop::sample::select(vec![CheckDigit::Mod10, CheckDigit::Mod11_10, CheckDigit::Iso11649]),
            place in any::<prop::sample::Index>(),
            shift in 1_u8..10,
        ) {
            let made = scheme("2026", 8, check_digit).number(running).unwrap();
            let mut wrong = made.as_str().to_owned().into_bytes();
            let digits: Vec<usize> = (0..wrong.len()).filter(|index| wrong[*index].is_ascii_digit()).collect();
            let place = digits[place.index(digits.len())];
            wrong[place] = b'0' + (wrong[place] - b'0' + shift) % 10;
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert!(!check_digit.holds(&wrong), "{} passes for {}", wrong, made);
        }
    }
}
