//! Checking a delivery, as a receiver does.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use subtle::ConstantTimeEq;

use super::{
    ED25519_VERSION, HMAC_VERSION, ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, is_message_id,
    secret::{HmacSecret, PublicKey},
    signed_content,
};

/// How far the time of signing may lie before or after the time of receipt. Seconds.
pub const TOLERANCE_SECONDS: i64 = 300;
/// The most keys that are tried.
pub const KEYS_MAX: usize = 8;
/// The most signatures that are tried; a sender in rotation sends a handful.
pub const SIGNATURES_MAX: usize = 16;
/// The most digits of a time; more than this service outlives.
const TIMESTAMP_DIGITS_MAX: usize = 12;

/// What a delivery says about itself.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryHeaders<'a> {
    /// The id of the message.
    pub id: &'a str,
    /// The time of signing.
    pub timestamp: &'a str,
    /// The signatures.
    pub signature: &'a str,
}

impl<'a> DeliveryHeaders<'a> {
    /// Takes the three headers from wherever they are; one that is missing or empty is told.
    pub fn find(header: impl Fn(&'static str) -> Option<&'a str>) -> Result<Self, VerifyError> {
        let present =
            |name| header(name).filter(|value| !value.is_empty()).ok_or(VerifyError::Missing { header: name });
        Ok(Self {
            id: present(ID_HEADER)?,
            timestamp: present(TIMESTAMP_HEADER)?,
            signature: present(SIGNATURE_HEADER)?,
        })
    }
}

/// A delivery whose signature was checked. Only a [`Verifier`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    id: &'a str,
    signed_at: Timestamp,
    body: &'a [u8],
}

impl<'a> Verified<'a> {
    /// The id of the message.
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// When it was signed.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// The bytes that were signed.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Why a delivery is refused. Says nothing about keys, nor what the right signature would have been.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VerifyError {
    /// A header is not there.
    #[error("the header {header} is missing")]
    Missing {
        /// Its name.
        header: &'static str,
    },
    /// The id could be read in two ways, or is none.
    #[error("{ID_HEADER} is no id of a message")]
    Id,
    /// The time is no number of seconds.
    #[error("{TIMESTAMP_HEADER} is no time in whole seconds")]
    Timestamp,
    /// It was signed too long ago; it may be an old delivery that somebody sends again.
    #[error("signed {seconds} seconds before it was received, more than {TOLERANCE_SECONDS}")]
    TooOld {
        /// How long ago.
        seconds: i64,
    },
    /// It claims to be signed in the future; one of the two clocks is wrong.
    #[error("signed {seconds} seconds after it was received, more than {TOLERANCE_SECONDS}")]
    TooNew {
        /// How far ahead.
        seconds: i64,
    },
    /// There are more signatures than any sender has keys for.
    #[error("{SIGNATURE_HEADER} holds more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// None of the signatures is of a kind that the given keys can check.
    #[error("{SIGNATURE_HEADER} holds no signature of a kind that the given keys can check")]
    NoUsableSignature,
    /// The signatures were made with other keys, or over another id, time or body.
    #[error("no signature fits: another key, or the id, the time or the body was changed")]
    Mismatch,
}

/// There is no key to verify with, or there are too many.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a delivery is verified with 1 to {KEYS_MAX} keys")]
pub struct WrongNumberOfKeys;

/// Accepts what was signed with any of its keys; during a rotation a receiver has two.
#[derive(Clone, Debug)]
pub struct Verifier {
    secrets: Vec<HmacSecret>,
    public_keys: Vec<PublicKey>,
}

impl Verifier {
    /// Takes 1 to [`KEYS_MAX`] keys of either kind.
    pub fn new(secrets: Vec<HmacSecret>, public_keys: Vec<PublicKey>) -> Result<Self, WrongNumberOfKeys> {
        let count = secrets.len().saturating_add(public_keys.len());
        if (1..=KEYS_MAX).contains(&count) { Ok(Self { secrets, public_keys }) } else { Err(WrongNumberOfKeys) }
    }

    /// Checks a delivery against the bytes that came, before anything has parsed them.
    ///
    /// `received_at` is when they came, not when somebody gets round to them: what waited in a queue is not old for it.
    pub fn verify<'a>(
        &self,
        headers: &DeliveryHeaders<'a>,
        body: &'a [u8],
        received_at: Timestamp,
    ) -> Result<Verified<'a>, VerifyError> {
        if !is_message_id(headers.id) {
            return Err(VerifyError::Id);
        }
        let signed_at = parse_timestamp(headers.timestamp).ok_or(VerifyError::Timestamp)?;
        // The signature comes before the age, so that only a sender with a key learns anything about our clock.
        self.check_signatures(headers.signature, &signed_content(headers.id, signed_at.as_second(), body))?;
        let age_seconds = received_at.as_second().saturating_sub(signed_at.as_second());
        if age_seconds > TOLERANCE_SECONDS {
            return Err(VerifyError::TooOld { seconds: age_seconds });
        }
        if age_seconds < -TOLERANCE_SECONDS {
            return Err(VerifyError::TooNew { seconds: age_seconds.saturating_neg() });
        }
        Ok(Verified { id: headers.id, signed_at, body })
    }

    fn check_signatures(&self, header: &str, content: &[u8]) -> Result<(), VerifyError> {
        let entries: Vec<&str> = header.split_ascii_whitespace().take(SIGNATURES_MAX.saturating_add(1)).collect();
        if entries.len() > SIGNATURES_MAX {
            return Err(VerifyError::TooManySignatures);
        }
        let tags: Vec<[u8; 32]> = self.secrets.iter().map(|secret| secret.tag(content)).collect();
        let mut usable = false;
        for entry in entries {
            // A version that is not known may be one that is still to come, beside one that is.
            let fits = match entry.split_once(',') {
                Some((HMAC_VERSION, encoded)) if !tags.is_empty() => {
                    decode::<32>(encoded).is_some_and(|tag| tags.iter().any(|own| own.ct_eq(&tag).into()))
                }
                Some((ED25519_VERSION, encoded)) if !self.public_keys.is_empty() => decode::<64>(encoded)
                    .is_some_and(|signature| self.public_keys.iter().any(|key| key.verifies(content, &signature))),
                _ => continue,
            };
            if fits {
                return Ok(());
            }
            usable = true;
        }
        Err(if usable { VerifyError::Mismatch } else { VerifyError::NoUsableSignature })
    }
}

/// Whole seconds since 1970, written in one way only: no sign, no leading zero.
fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let digits = (1..=TIMESTAMP_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok())).flatten()
}

fn decode<const LENGTH: usize>(encoded: &str) -> Option<[u8; LENGTH]> {
    STANDARD.decode(encoded).ok()?.try_into().ok()
}
