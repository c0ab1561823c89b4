//! The secret part of a checkout's address. It opens one payment and nothing else.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::ids::PaymentId;

/// How many bytes of the Mandant's hash a token carries, so that a guess costs one look-up and not one a Mandant.
const TAG_BYTES: usize = 2;
/// How many bytes nobody can guess: 112 bits.
const SECRET_BYTES: usize = 14;
/// How many bytes a token has in all.
const TOKEN_BYTES: usize = 16 + TAG_BYTES + SECRET_BYTES;

/// What a token says before anybody has compared its secret.
pub(super) struct Named {
    pub(super) payment: PaymentId,
    tag: [u8; TAG_BYTES],
}

impl Named {
    /// Whether the token can be one of this Mandant.
    pub(super) fn fits(&self, tenant: &str) -> bool {
        self.tag == tag(tenant)
    }
}

/// A new token of a payment.
pub(super) fn new(payment: PaymentId, tenant: &str, random: &[u8; 32]) -> String {
    let secret = random.split_at(SECRET_BYTES).0;
    URL_SAFE_NO_PAD.encode([payment.0.as_bytes().as_slice(), &tag(tenant), secret].concat())
}

/// The payment that a token names. Whether the token is right is for the caller to compare.
pub(super) fn read(token: &str) -> Option<Named> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == TOKEN_BYTES)?;
    let (payment, rest) = bytes.split_at(16);
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(rest.split_at(TAG_BYTES).0);
    Some(Named { payment: PaymentId(Uuid::from_slice(payment).ok()?), tag })
}

fn tag(tenant: &str) -> [u8; TAG_BYTES] {
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(Sha256::digest(tenant.as_bytes()).split_at(TAG_BYTES).0);
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_payment_and_its_mandant() {
        let payment = PaymentId(Uuid::from_u128(7));
        let token = new(payment, "stadt", &[1; 32]);
        let named = read(&token).unwrap();
        assert_eq!(named.payment, payment);
        assert!(named.fits("stadt") && !named.fits("dorf"));
        assert_ne!(token, new(payment, "stadt", &[2; 32]));
        for wrong in ["", "x", &token[1..], &format!("{token}A"), "ÄÖÜ", &token.replace('A', "+")] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
