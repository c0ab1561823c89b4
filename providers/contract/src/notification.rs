//! What providers tell us unasked, and the proof that it is really they who tell it.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{
    fact::ProviderFact,
    reference::{AccountName, MerchantReference, NotificationId},
};

/// A value whose sender was proved. It can be built only with the [`Proof`] that a verifier of this crate hands out.
#[derive(Clone, Debug)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// Marks `value` as coming from whoever holds the key that `proof` was checked with.
    pub fn new(value: T, _proof: Proof) -> Self {
        Self(value)
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The value, by value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Evidence of one successful signature check; it cannot be copied, stored or made otherwise.
#[derive(Debug)]
pub struct Proof(());

/// Keys for HMAC-SHA256, newest first: the old one is still accepted while a rotation is under way.
#[derive(Debug)]
pub struct HmacKeys(Vec<SecretSlice<u8>>);

impl HmacKeys {
    /// Keys of at least one byte each; none at all verifies nothing.
    pub fn new(keys: Vec<SecretSlice<u8>>) -> Self {
        Self(keys)
    }

    /// Whether there is a key at all and none is empty: a MAC under an empty key can be made by anyone.
    pub fn is_usable(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|key| !key.expose_secret().is_empty())
    }

    /// Checks `tag` over `signed_bytes` in constant time against every key.
    pub fn verify(&self, signed_bytes: &[u8], tag: &[u8]) -> Result<Proof, BadSignature> {
        for key in &self.0 {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret()) else { continue };
            mac.update(signed_bytes);
            if mac.verify_slice(tag).is_ok() {
                return Ok(Proof(()));
            }
        }
        Err(BadSignature)
    }
}

/// No key of the account made this signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the signature does not match")]
pub struct BadSignature;

/// A delivery as it came in, before anything in it is believed.
#[derive(Clone, Copy, Debug)]
pub struct RawDelivery<'a> {
    /// Header names in lower case with their values.
    pub headers: &'a [(String, String)],
    /// The exact bytes.
    pub body: &'a [u8],
    /// When it arrived; freshness is judged by this and not by the time of processing.
    pub received_at: Timestamp,
}

/// One thing a provider told us, in our words.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Notification {
    /// The key under which a second delivery of the same is recognised.
    pub id: NotificationId,
    /// Our name of the account it belongs to.
    pub account: AccountName,
    /// What we had called the attempt or operation, when the provider repeats it.
    pub merchant_reference: Option<MerchantReference>,
    /// When it happened, by the provider's clock; shown to people, never used for order.
    pub occurred_at: Option<Timestamp>,
    /// What happened.
    pub fact: ProviderFact,
}

/// Why one item of a delivery was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotificationError {
    /// The signature is missing or wrong.
    #[error("signature missing or wrong")]
    BadSignature,
    /// It is for another merchant account or another environment (test or live).
    #[error("meant for another account")]
    WrongAccount,
    /// A member that the deduplication or the signature needs is missing or malformed.
    #[error("malformed")]
    Malformed,
    /// The delivery as a whole is no such message, or has more items than allowed.
    #[error("not a delivery of this provider")]
    NotADelivery,
}

impl From<BadSignature> for NotificationError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}
