//! Calls to providers as data: what we are about to ask is written down before it is asked.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zahlstelle_contract::{
    provider::Operation,
    reference::{ProviderKey, ProviderReference},
};

use super::ids::{AttemptId, CallId, RefundId};

/// One call whose outcome is not settled. At any instant a killed process leaves none, or one that the resolver settles.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// What is asked.
    pub purpose: Purpose,
    /// When it was intended.
    pub intended_at: Timestamp,
    /// When it was first marked as sent; before that nothing can have happened at the provider.
    pub first_sent_at: Option<Timestamp>,
    /// The last try that is known not to have left, if no later one may have.
    pub not_sent: Option<NotSent>,
    /// When the provider took it.
    pub accepted_at: Option<Timestamp>,
    /// The provider's reference of the change, once it took the call and will tell the end by notification.
    pub accepted: Option<ProviderReference>,
}

impl Call {
    /// The provider's idempotency key. It follows from the id alone, so that every repetition carries the same one.
    pub fn key(&self) -> ProviderKey {
        provider_key(self.id)
    }
}

/// Tries of a call that are known not to have left, e.g. because no connection could be made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NotSent {
    /// When the last one was found not to have left.
    pub at: Timestamp,
    /// How many there were.
    pub tries: u32,
}

/// The provider key of a call.
pub fn provider_key(call: CallId) -> ProviderKey {
    // Thirty-three visible ASCII characters always form a key, whatever the id.
    ProviderKey::parse(format!("z{}", call.0.simple())).unwrap_or_else(|_| unreachable!("a simple UUID is a valid key"))
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum Purpose {
    /// Make the hosted page of an attempt.
    OpenPage {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Make the page of an attempt unpayable.
    ClosePage {
        /// The attempt.
        attempt: AttemptId,
        /// What is to follow.
        why: CloseReason,
    },
    /// Take the authorised money.
    Capture {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Give up the authorisation.
    Void {
        /// The attempt.
        attempt: AttemptId,
        /// What is to follow.
        why: CloseReason,
    },
    /// Give money back.
    Refund {
        /// The refund.
        refund: RefundId,
    },
}

impl Purpose {
    /// The attempt it belongs to; a refund belongs to a capture instead.
    pub fn attempt(self) -> Option<AttemptId> {
        match self {
            Self::OpenPage { attempt }
            | Self::ClosePage { attempt, .. }
            | Self::Capture { attempt }
            | Self::Void { attempt, .. } => Some(attempt),
            Self::Refund { .. } => None,
        }
    }

    /// The contract's name of the operation.
    pub fn operation(self) -> Operation {
        match self {
            Self::OpenPage { .. } => Operation::OpenPage,
            Self::ClosePage { .. } => Operation::ClosePage,
            Self::Capture { .. } => Operation::Capture,
            Self::Void { .. } => Operation::Cancel,
            Self::Refund { .. } => Operation::Refund,
        }
    }
}

/// Why an attempt is closed at the provider, and so what follows once it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The citizen chose another method: the payment is open again.
    Switch,
    /// The portal or the citizen cancels the payment.
    Cancel,
    /// The time to pay is over.
    Expire,
    /// The authorisation would lapse: it is voided and the payment cancelled.
    Lapse,
    /// The payment has ended or was paid otherwise, and this attempt must not take money any more.
    Late,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn b6_a_provider_key_follows_from_its_call_and_from_nothing_else() {
        let key = |id| provider_key(CallId(Uuid::from_u128(id)));
        assert_eq!(key(7), key(7));
        assert_ne!(key(7), key(8));
        assert!(key(u128::MAX).as_str().len() <= ProviderKey::LENGTH_MAX);
    }
}
