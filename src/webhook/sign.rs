//! Signing a delivery.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use super::{
    ED25519_VERSION, HMAC_VERSION, ID_HEADER, MessageId, SIGNATURE_HEADER, TIMESTAMP_HEADER,
    secret::{HmacSecret, SigningPair},
    signed_content,
};

/// The most pairs of keys that a delivery is signed with.
pub const KEY_PAIRS_MAX: usize = 4;

/// What an endpoint's deliveries are signed with at one time.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// For receivers that share a secret.
    pub hmac: HmacSecret,
    /// For receivers that only know a public key.
    pub ed25519: SigningPair,
}

/// Signs with every pair that is in force: while keys are rotated, receivers with the old and with the new one verify.
#[derive(Clone, Debug)]
pub struct Signer {
    pairs: Vec<KeyPair>,
}

/// There is no pair to sign with, or there are too many.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a delivery is signed with 1 to {KEY_PAIRS_MAX} pairs of keys")]
pub struct WrongNumberOfPairs;

/// The three headers of a delivery. They belong to the bytes that were signed and to no others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// The id of the message.
    pub id: String,
    /// When it was signed, in whole seconds since 1970.
    pub timestamp: i64,
    /// Every signature, separated by blanks.
    pub signature: String,
}

impl Signer {
    /// Takes 1 to [`KEY_PAIRS_MAX`] pairs, newest first.
    pub fn new(pairs: Vec<KeyPair>) -> Result<Self, WrongNumberOfPairs> {
        if (1..=KEY_PAIRS_MAX).contains(&pairs.len()) { Ok(Self { pairs }) } else { Err(WrongNumberOfPairs) }
    }

    /// Signs a body for a moment. A repeated delivery is signed anew under the same id, since its time is another.
    ///
    /// Receivers that know one scheme only take the first signature of it, so the newest key's comes first in each.
    pub fn sign(&self, id: &MessageId, at: Timestamp, body: &[u8]) -> Signed {
        let timestamp = at.as_second();
        let content = signed_content(id.as_str(), timestamp, body);
        let hmac = self.pairs.iter().map(|pair| entry(HMAC_VERSION, &pair.hmac.tag(&content)));
        let ed25519 = self.pairs.iter().map(|pair| entry(ED25519_VERSION, &pair.ed25519.sign(&content)));
        let signature = hmac.chain(ed25519).collect::<Vec<_>>().join(" ");
        Signed { id: id.as_str().to_owned(), timestamp, signature }
    }
}

impl Signed {
    /// The headers by name, as they are sent.
    pub fn headers(&self) -> [(&'static str, String); 3] {
        [
            (ID_HEADER, self.id.clone()),
            (TIMESTAMP_HEADER, self.timestamp.to_string()),
            (SIGNATURE_HEADER, self.signature.clone()),
        ]
    }
}

fn entry(version: &str, signature: &[u8]) -> String {
    format!("{version},{}", STANDARD.encode(signature))
}
