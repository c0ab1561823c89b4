//! What a payment leaves open of its claim.

use zahlstelle_contract::money::Money;

use crate::domain::{event::ClaimPosting, payment::Payment};

/// What the payment contributes to `forderung`, in minor units: what is still owed is positive.
///
/// A claim that stands elsewhere is not ours, so such a payment shows only what was paid for it, as a negative amount.
pub fn open_minor(payment: &Payment) -> i64 {
    let total = payment.terms.total.minor();
    let paying = payment.paying_capture();
    let reversed = paying.and_then(|capture| capture.reversed).map_or(0, Money::minor);
    match payment.terms.claim {
        ClaimPosting::AtCreation if !payment.state.has_ended() => total,
        ClaimPosting::AtCreation | ClaimPosting::AtPayment => reversed,
        ClaimPosting::Elsewhere => {
            let paid = paying.map_or(0, |capture| capture.amount.minor());
            reversed.saturating_sub(paid)
        }
    }
}
