//! The names that settings give to things, each a type of its own. They stand in addresses, journal accounts and logs,
//! so they are short and plain.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be 1 to {length_max} lower-case letters, digits or {punctuation:?}, beginning with a letter or digit")]
pub struct NameError {
    /// The most characters this kind of name may have.
    pub length_max: usize,
    /// What may stand between letters and digits.
    pub punctuation: char,
}

/// Defines one kind of name.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $length_max:expr, $punctuation:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The most characters it may have.
            pub const LENGTH_MAX: usize = $length_max;

            /// Takes a text of 1 to [`Self::LENGTH_MAX`] plain characters.
            pub fn parse(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
                let fits = text.len() <= Self::LENGTH_MAX
                    && text.starts_with(plain)
                    && text.chars().all(|character| plain(character) || character == $punctuation);
                if fits { Ok(Self(text)) } else { Err(NameError { length_max: Self::LENGTH_MAX, punctuation: $punctuation }) }
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        /// Lets a map that is keyed by the name be asked with a plain text.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A Mandant: the authority whose money it is.
    TenantId,
    40,
    '-'
);
name!(
    /// An online service or counter of a Mandant.
    ServiceId,
    40,
    '-'
);
name!(
    /// A range of Kassenzeichen.
    RangeName,
    40,
    '-'
);
name!(
    /// A step of an approval chain.
    StepName,
    40,
    '-'
);
name!(
    /// A fee of a fee schedule.
    FeeKey,
    60,
    '_'
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for text in ["a", "dortmund-demo", "1-2", &"x".repeat(40)] {
            assert_eq!(TenantId::parse(text).map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "-a", "Dortmund", "a_b", "a b", "a/b", "ä", "a\n", &"x".repeat(41)] {
            assert!(TenantId::parse(text).is_err(), "{text:?} was taken as a name");
        }
        assert!(FeeKey::parse("personalausweis_ab_24").is_ok());
        assert!(FeeKey::parse("personalausweis-ab-24").is_err());
        assert!(serde_json::from_str::<ServiceId>("\"A\"").is_err());
    }
}
