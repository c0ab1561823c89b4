//! The keys of an endpoint: a shared secret, and a pair of which only the public half leaves this service.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString, zeroize::Zeroizing};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The fewest bytes of a shared secret.
pub const HMAC_SECRET_BYTES_MIN: usize = 24;
/// The most bytes of a shared secret: the block of SHA-256, beyond which length adds nothing.
pub const HMAC_SECRET_BYTES_MAX: usize = 64;

const HMAC_SECRET_PREFIX: &str = "whsec_";
const PUBLIC_KEY_PREFIX: &str = "whpk_";

/// Why a text or bytes are no key. Never says what they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The text does not begin as this kind of key does.
    #[error("must begin with {expected}")]
    Prefix {
        /// How it must begin.
        expected: &'static str,
    },
    /// What follows is no base64.
    #[error("must be base64 with padding after its prefix")]
    Base64,
    /// A shared secret is too short to be safe, or too long.
    #[error("must hold {HMAC_SECRET_BYTES_MIN} to {HMAC_SECRET_BYTES_MAX} bytes")]
    Length,
    /// A public key is no usable point of the curve.
    #[error("must be a public key of ed25519")]
    PublicKey,
}

/// A secret that we and the receiver share. Shows nothing, and is wiped when dropped.
#[derive(Clone)]
pub struct HmacSecret(SecretSlice<u8>);

impl HmacSecret {
    /// Takes [`HMAC_SECRET_BYTES_MIN`] to [`HMAC_SECRET_BYTES_MAX`] bytes that nobody can guess.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        if !(HMAC_SECRET_BYTES_MIN..=HMAC_SECRET_BYTES_MAX).contains(&bytes.len()) {
            return Err(KeyError::Length);
        }
        Ok(Self(bytes.to_vec().into()))
    }

    /// Reads `whsec_` and base64.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&decode(HMAC_SECRET_PREFIX, text)?)
    }

    /// The text form, for the one who shares the secret.
    pub fn expose(&self) -> SecretString {
        encode(HMAC_SECRET_PREFIX, self.0.expose_secret()).into()
    }

    pub(super) fn tag(&self, content: &[u8]) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.update(content);
        mac.finalize().into_bytes().into()
    }
}

/// Compares in a time that does not depend on the bytes.
impl PartialEq for HmacSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret().ct_eq(other.0.expose_secret()).into()
    }
}

impl Eq for HmacSecret {}

impl fmt::Debug for HmacSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HmacSecret([REDACTED])")
    }
}

/// A pair of keys of ed25519. The private half is wiped when dropped and has no text form.
#[derive(Clone)]
pub struct SigningPair(SigningKey);

impl SigningPair {
    /// The pair that follows from 32 bytes that nobody can guess (RFC 8032, 5.1.5).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self(SigningKey::from_bytes(&seed))
    }

    /// The public half, with which anybody can verify.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The public half as `whpk_` and base64.
    pub fn public_text(&self) -> String {
        self.public_key().to_string()
    }

    pub(super) fn sign(&self, content: &[u8]) -> [u8; 64] {
        self.0.sign(content).to_bytes()
    }
}

impl fmt::Debug for SigningPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningPair({})", self.public_key())
    }
}

/// The public half of a [`SigningPair`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads `whpk_` and base64. A key under which everybody could sign is refused.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = decode(PUBLIC_KEY_PREFIX, text)?;
        let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyError::PublicKey)?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::PublicKey)?;
        if key.is_weak() { Err(KeyError::PublicKey) } else { Ok(Self(key)) }
    }

    pub(super) fn verifies(&self, content: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(content, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&encode(PUBLIC_KEY_PREFIX, self.0.as_bytes()))
    }
}

fn encode(prefix: &str, bytes: &[u8]) -> String {
    let mut text = prefix.to_owned();
    STANDARD.encode_string(bytes, &mut text);
    text
}

fn decode(prefix: &'static str, text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let encoded = text.strip_prefix(prefix).ok_or(KeyError::Prefix { expected: prefix })?;
    STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| KeyError::Base64)
}
