//! Adyen, as seen from the other side: Checkout API v71, Pay by Link and standard notifications.

pub(crate) mod api;
pub(crate) mod error;
pub(crate) mod hosted;
pub(crate) mod html;
pub(crate) mod idempotency;
pub(crate) mod links;
mod modifications;
pub(crate) mod notice;
pub(crate) mod processing;
pub(crate) mod settlement;

pub(crate) use self::links::page_url;
use crate::world::World;

/// The characters of Adyen's references.
const REFERENCE_ALPHABET: &str = "BCDFGHJKLMNPQRSTVWXZ23456789";
/// The length of Adyen's references.
const REFERENCE_LENGTH: usize = 16;
/// The card brand of every payment: the twin knows no cards.
pub(crate) const PAYMENT_METHOD: &str = "visa";

impl World {
    /// A new reference of the kind that Adyen gives to payments, changes and disputes.
    pub(crate) fn draw_reference(&mut self) -> String {
        self.state.references.text(REFERENCE_ALPHABET, REFERENCE_LENGTH)
    }

    /// A new id of a payment link.
    pub(crate) fn draw_link_id(&mut self) -> String {
        format!("PL{}", self.state.references.text("0123456789ABCDEF", REFERENCE_LENGTH))
    }
}
