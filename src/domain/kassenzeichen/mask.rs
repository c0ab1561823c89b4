//! How a Kassenzeichen is printed, so that people can read and type it.

use std::{fmt, str::FromStr};

/// How a Kassenzeichen is printed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PrintMask {
    /// As it is.
    Plain,
    /// In groups of so many characters from the left, with blanks between them.
    Groups(u8),
    /// With its characters in the places `#` of a pattern such as `####.####.#`.
    Pattern(String),
}

impl PrintMask {
    const GROUPS: &str = "groups of ";
    const PATTERN_LENGTH_MAX: usize = 60;
    const SEPARATORS: [char; 4] = [' ', '.', '/', '-'];

    /// How many characters a pattern has places for; `None` where any number fits.
    pub(super) fn places(&self) -> Option<usize> {
        match self {
            Self::Plain | Self::Groups(_) => None,
            Self::Pattern(pattern) => Some(pattern.matches('#').count()),
        }
    }

    pub(super) fn apply(&self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Groups(size) => {
                let characters: Vec<char> = text.chars().collect();
                let groups = characters.chunks(usize::from(*size).max(1)).map(String::from_iter);
                groups.collect::<Vec<_>>().join(" ")
            }
            Self::Pattern(_) if self.places() != Some(text.chars().count()) => text.to_owned(),
            Self::Pattern(pattern) => {
                let mut rest = text.chars();
                pattern.chars().filter_map(|place| if place == '#' { rest.next() } else { Some(place) }).collect()
            }
        }
    }
}

/// Groups of four, as on bank cards and in IBANs.
impl Default for PrintMask {
    fn default() -> Self {
        Self::Groups(4)
    }
}

/// Reads `plain`, `groups of 4` or a pattern such as `####.####.#`.
impl FromStr for PrintMask {
    type Err = MaskError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "plain" {
            return Ok(Self::Plain);
        }
        if let Some(size) = text.strip_prefix(Self::GROUPS) {
            return match size.as_bytes() {
                [digit @ b'2'..=b'9'] => Ok(Self::Groups(digit.saturating_sub(b'0'))),
                _ => Err(MaskError),
            };
        }
        let known = |place: char| place == '#' || Self::SEPARATORS.contains(&place);
        let fits = text.len() <= Self::PATTERN_LENGTH_MAX
            && text.starts_with('#')
            && text.ends_with('#')
            && text.chars().all(known);
        if fits { Ok(Self::Pattern(text.to_owned())) } else { Err(MaskError) }
    }
}

impl fmt::Display for PrintMask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => formatter.write_str("plain"),
            Self::Groups(size) => write!(formatter, "{}{size}", Self::GROUPS),
            Self::Pattern(pattern) => formatter.write_str(pattern),
        }
    }
}

/// Why a text is no print mask.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "must be \"plain\", \"groups of 2\" to \"groups of 9\", or a pattern of '#' with ' ', '.', '/' and '-' between, such as \"####.####.#\""
)]
pub struct MaskError;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kassenzeichen::Kassenzeichen;

    #[test]
    fn masks_print() {
        let number = Kassenzeichen::parse("100845456").unwrap();
        for (mask, printed) in [
            ("plain", "100845456"),
            ("groups of 4", "1008 4545 6"),
            ("groups of 3", "100 845 456"),
            ("####.####.#", "1008.4545.6"),
            ("##-## ##/##.#", "10-08 45/45.6"),
            ("####.####", "100845456"),
        ] {
            let mask: PrintMask = mask.parse().unwrap();
            assert_eq!(number.printed(&mask), printed, "{mask}");
            assert_eq!(mask.to_string().parse(), Ok(mask));
        }
    }

    #[test]
    fn other_texts_are_no_masks() {
        for text in
            ["", "Plain", "groups of 1", "groups of 10", "groups of", ".#", "#.", "#x#", "9999", &"#".repeat(61)]
        {
            assert_eq!(text.parse::<PrintMask>(), Err(MaskError), "{text:?}");
        }
    }
}
