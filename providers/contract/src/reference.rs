//! The names by which we and a provider know the same thing, each a type of its own so that none is mistaken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no reference.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be 1 to {length_max} visible ASCII characters")]
pub struct ReferenceError {
    /// The most characters this kind of reference may have.
    pub length_max: usize,
}

/// Defines one kind of reference: visible ASCII of bounded length, so that a hostile answer can neither bloat nor
/// break a record, a header or a log line.
macro_rules! reference {
    ($(#[$doc:meta])* $name:ident, $length_max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The most characters it may have.
            pub const LENGTH_MAX: usize = $length_max;

            /// Takes a text of 1 to [`Self::LENGTH_MAX`] visible ASCII characters.
            pub fn parse(text: impl Into<String>) -> Result<Self, ReferenceError> {
                let text = text.into();
                if text.is_empty() || text.len() > Self::LENGTH_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(ReferenceError { length_max: Self::LENGTH_MAX });
                }
                Ok(Self(text))
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = ReferenceError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(reference: $name) -> Self {
                reference.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

reference!(
    /// What a provider calls a payment, capture, refund or dispute (Adyen: `pspReference`).
    ProviderReference,
    128
);
reference!(
    /// What a provider calls a hosted page (Adyen: payment link id).
    PageReference,
    128
);
reference!(
    /// What we call an attempt or an operation towards a provider: `<Kassenzeichen>-<attempt number>` and what follows it.
    MerchantReference,
    80
);
reference!(
    /// The idempotency key of one operation; derived from ids, never from a body, so that a retry carries the same one.
    ProviderKey,
    64
);
reference!(
    /// The name of a provider account in our settings; it also names the account `psp/<name>` in the books.
    AccountName,
    48
);
reference!(
    /// What makes a notification the same notification when it comes again; never empty.
    NotificationId,
    200
);
reference!(
    /// A provider's own code for a decline, an error or an event, kept for people, never interpreted by the core.
    ProviderCode,
    100
);
