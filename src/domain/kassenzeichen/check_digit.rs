//! Check digits that German treasuries and banks use.

/// How the end (or for ISO 11649 the beginning) of a number guards it against wrong digits.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CheckDigit {
    /// None.
    None,
    /// Luhn: weights 2, 1 from the right with digit sums (Deutsche Bundesbank, method 00).
    Mod10,
    /// Weights 2 to 9 from the right modulo 11 (Deutsche Bundesbank, method 02); a number whose remainder is 1 has no
    /// single check digit and is skipped.
    Mod11,
    /// ISO 7064 MOD 11,10, as on the credit transfer forms of the BZÜ procedure.
    Mod11_10,
    /// The creditor reference of ISO 11649: `RF`, two check digits, at most 21 characters.
    Iso11649,
}

impl CheckDigit {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::None, Self::Mod10, Self::Mod11, Self::Mod11_10, Self::Iso11649];

    /// The most characters of a creditor reference (ISO 11649).
    const RF_LENGTH_MAX: usize = 25;
    const RF: &str = "RF";

    /// The name in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Mod10 => "mod10",
            Self::Mod11 => "mod11",
            Self::Mod11_10 => "mod11_10",
            Self::Iso11649 => "iso11649",
        }
    }

    /// The kind of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether a whole number, as [`Self::complete`] makes it, is free of wrong digits as far as this kind can tell.
    pub fn holds(self, text: &str) -> bool {
        self.strip(text).and_then(|payload| self.complete(payload)).is_some_and(|made| made == text)
    }

    /// The number with its check digits; `None` where the rule has none for it, or a character it cannot cover.
    pub(super) fn complete(self, payload: &str) -> Option<String> {
        match self {
            Self::None => Some(payload.to_owned()),
            Self::Mod10 => Some(format!("{payload}{}", luhn(payload)?)),
            Self::Mod11 => Some(format!("{payload}{}", mod11(payload)?)),
            Self::Mod11_10 => Some(format!("{payload}{}", mod11_10(payload)?)),
            Self::Iso11649 => Some(format!("{}{:02}{payload}", Self::RF, mod97(payload)?)),
        }
    }

    /// The first and the last text, in the order of characters, that a payload may become whatever its check digits are.
    pub(super) fn bounds(self, payload: &str) -> (String, String) {
        match self {
            Self::None => (payload.to_owned(), payload.to_owned()),
            Self::Mod10 | Self::Mod11 | Self::Mod11_10 => (format!("{payload}0"), format!("{payload}9")),
            Self::Iso11649 => (format!("{}00{payload}", Self::RF), format!("{}99{payload}", Self::RF)),
        }
    }

    /// The number without its check digits; `None` where it cannot have any.
    pub(super) fn strip(self, text: &str) -> Option<&str> {
        match self {
            Self::None => Some(text),
            Self::Mod10 | Self::Mod11 | Self::Mod11_10 => text.get(..text.len().checked_sub(1)?),
            Self::Iso11649 => text.strip_prefix(Self::RF)?.get(2..),
        }
    }

    /// The characters it adds.
    pub(super) fn length(self) -> usize {
        match self {
            Self::None => 0,
            Self::Mod10 | Self::Mod11 | Self::Mod11_10 => 1,
            Self::Iso11649 => 4,
        }
    }

    /// The most characters of a whole number.
    pub(super) fn length_max(self) -> usize {
        match self {
            Self::None | Self::Mod10 | Self::Mod11 | Self::Mod11_10 => super::Kassenzeichen::LENGTH_MAX,
            Self::Iso11649 => Self::RF_LENGTH_MAX,
        }
    }

    /// Whether numbers may begin with this text.
    pub(super) fn takes_prefix(self, prefix: &str) -> bool {
        match self {
            Self::None => {
                !prefix.starts_with('-') && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            }
            Self::Mod10 | Self::Mod11 | Self::Mod11_10 => prefix.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Iso11649 => prefix.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()),
        }
    }

    /// What [`Self::takes_prefix`] asks for, in words.
    pub(super) fn prefix_rule(self) -> &'static str {
        match self {
            Self::None => "letters, digits and hyphens, not beginning with a hyphen,",
            Self::Mod10 | Self::Mod11 | Self::Mod11_10 => "digits",
            Self::Iso11649 => "digits and upper-case letters",
        }
    }
}

fn luhn(payload: &str) -> Option<u32> {
    let mut sum = 0_u32;
    for (index, digit) in digits_from_the_right(payload)?.enumerate() {
        let doubled = digit.saturating_mul(2);
        let counted = if index % 2 == 1 { digit } else { (doubled / 10).saturating_add(doubled % 10) };
        sum = sum.saturating_add(counted);
    }
    Some(10_u32.saturating_sub(sum % 10) % 10)
}

fn mod11(payload: &str) -> Option<u32> {
    let weights = (2_u32..=9).cycle();
    let sum = digits_from_the_right(payload)?
        .zip(weights)
        .fold(0_u32, |sum, (digit, weight)| sum.saturating_add(digit.saturating_mul(weight)));
    match sum % 11 {
        0 => Some(0),
        1 => None,
        remainder => Some(11_u32.saturating_sub(remainder)),
    }
}

fn mod11_10(payload: &str) -> Option<u32> {
    let mut product = 10_u32;
    for character in payload.chars() {
        let sum = product.saturating_add(character.to_digit(10)?) % 10;
        let sum = if sum == 0 { 10 } else { sum };
        product = sum.saturating_mul(2) % 11;
    }
    Some(11_u32.saturating_sub(product) % 10)
}

/// The check digits of ISO 7064 MOD 97-10 over the payload followed by `RF00`.
fn mod97(payload: &str) -> Option<u32> {
    let mut remainder = 0_u32;
    for character in payload.chars().chain("RF00".chars()) {
        if character.is_ascii_lowercase() {
            return None;
        }
        // Letters count as 10 to 35, which is their value in base 36.
        let value = character.to_digit(36)?;
        let shift = if value < 10 { 10 } else { 100 };
        remainder = remainder.saturating_mul(shift).saturating_add(value) % 97;
    }
    Some(98_u32.saturating_sub(remainder))
}

fn digits_from_the_right(payload: &str) -> Option<impl Iterator<Item = u32>> {
    let digits: Option<Vec<u32>> = payload.chars().map(|character| character.to_digit(10)).collect();
    Some(digits?.into_iter().rev())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf};

    use super::*;

    #[test]
    fn own_vectors_hold() {
        // The first four are printed in the Bundesbank's description of method 00, the next on a BZÜ form, the last two
        // are examples of RF references.
        for (kind, valid) in [
            (CheckDigit::Mod10, "9290701"),
            (CheckDigit::Mod10, "539290858"),
            (CheckDigit::Mod10, "1501824"),
            (CheckDigit::Mod10, "1501832"),
            (CheckDigit::Mod11_10, "1008454561158"),
            (CheckDigit::Iso11649, "RF18539007547034"),
            (CheckDigit::Iso11649, "RF87KA20201234"),
            // 2x9 + 3x8 + 4x7 + 5x6 = 100 = 9x11 + 1 has no digit, 2x8 + 3x8 + 4x7 + 5x6 = 98 = 8x11 + 10 has 1.
            (CheckDigit::Mod11, "67881"),
        ] {
            assert!(kind.holds(valid), "{kind:?} {valid}");
        }
        assert_eq!(CheckDigit::Mod11.complete("6789"), None);
        for (kind, invalid) in [
            (CheckDigit::Mod10, "9290702"),
            (CheckDigit::Mod10, ""),
            (CheckDigit::Mod11, "67891"),
            (CheckDigit::Mod11_10, "100845456115"),
            (CheckDigit::Mod11_10, "10084545611é"),
            (CheckDigit::Iso11649, "RF19539007547034"),
            (CheckDigit::Iso11649, "rf18539007547034"),
            (CheckDigit::Iso11649, "RF87ka20201234"),
            (CheckDigit::Iso11649, "RF"),
        ] {
            assert!(!kind.holds(invalid), "{kind:?} {invalid}");
        }
    }

    #[test]
    fn names_lead_back_to_their_kind() {
        for kind in CheckDigit::ALL {
            assert_eq!(CheckDigit::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(CheckDigit::from_name("Mod10"), None);
    }

    #[test]
    fn published_vectors_hold() {
        let Some(vectors) = vectors() else { return };
        for (kind, family) in [
            (CheckDigit::Mod11_10, "bzue_iso7064_mod11_10"),
            (CheckDigit::Mod10, "bundesbank_00_mod10_luhn"),
            (CheckDigit::Mod11, "bundesbank_02_mod11_2to9"),
            (CheckDigit::Iso11649, "iso11649_rf"),
        ] {
            let computed = vectors[family]["computed"].as_object().expect(family);
            assert!(!computed.is_empty());
            for (payload, check) in computed {
                let rf = check.as_str().map(|digits| format!("RF{digits}{payload}"));
                let expected = rf.or_else(|| check.as_u64().map(|digit| format!("{payload}{digit}")));
                assert_eq!(kind.complete(payload), expected, "{family} {payload}");
            }
        }
    }

    fn vectors() -> Option<serde_json::Value> {
        let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
        let folder = env::var_os("ZAHLSTELLE_VECTORS").map_or_else(beside, PathBuf::from);
        let path = folder.join("xbezahldienste/check-digit-vectors.json");
        match fs::read_to_string(&path) {
            Ok(text) => Some(serde_json::from_str(&text).unwrap()),
            Err(error) => {
                // Written past the test's captured output, so that a skip is seen even when all is green.
                std::io::Write::write_all(
                    &mut std::io::stderr(),
                    format!("SKIPPED published check digit vectors: {}: {error}\n", path.display()).as_bytes(),
                )
                .unwrap();
                None
            }
        }
    }
}
