//! Outgoing webhooks by the Standard Webhooks specification: what is signed, with what, and how a receiver checks it.
//!
//! Pure: time comes as an argument and nothing is sent. Jobs sign with it; the commands for portal developers and the
//! demonstration's portal verify with it, so that both sides of the wire are ours to test against each other.
//!
//! The signed bytes are `{id}.{timestamp}.{body}`. They can be read in one way only: an id holds no dot ([`MessageId`]),
//! and a timestamp is nothing but digits.

pub mod secret;
pub mod seen;
pub mod sign;
pub mod verify;

use uuid::Uuid;

/// The header with the id of a message; a repeated delivery carries the same one.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of signing, in whole seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// The most characters of a message's id.
pub const ID_LENGTH_MAX: usize = 64;

/// How a signature by HMAC-SHA256 begins.
const HMAC_VERSION: &str = "v1";
/// How a signature by ed25519 begins.
const ED25519_VERSION: &str = "v1a";

/// The id of a message: 1 to [`ID_LENGTH_MAX`] letters, digits, `-` and `_`. No dot, because dots separate what is signed.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageId(String);

/// A text is no id of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be 1 to {ID_LENGTH_MAX} letters, digits, '-' and '_'")]
pub struct InvalidMessageId;

impl MessageId {
    /// Takes only what cannot be read in two ways.
    pub fn parse(text: &str) -> Result<Self, InvalidMessageId> {
        if is_message_id(text) { Ok(Self(text.to_owned())) } else { Err(InvalidMessageId) }
    }

    /// The id as it stands in the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for MessageId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

fn is_message_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=ID_LENGTH_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// The bytes that are signed. Both callers have checked the id.
fn signed_content(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    content
}

#[cfg(test)]
mod tests;
