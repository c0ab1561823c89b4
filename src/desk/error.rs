//! Why a use case did not do what was asked.

use uuid::Uuid;
use zahlstelle_contract::reference::AccountName;

use crate::{
    domain::{apply::ReplayError, decide::Refusal},
    ledger::entry::EntryError,
    store::commit::Taken,
};

pub use crate::store::StoreError;

/// Something in a request that cannot be met.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl Problem {
    /// A problem at a place.
    pub fn at(pointer: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self { pointer: pointer.into(), detail: detail.to_string() }
    }
}

/// Why a use case did not do what was asked. Nothing was left half done; what was begun is finished by a job.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such thing for this Mandant; a thing of another Mandant does not exist either.
    #[error("not found")]
    NotFound,
    /// The domain refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The same key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first request under this key is still being worked on.
    #[error("the first request under this idempotency key is still being worked on")]
    KeyInFlight,
    /// Somebody else was always faster; nothing was written.
    #[error("too many changes at once")]
    Contended,
    /// The claim is being paid by another payment.
    #[error("the claim has an open payment")]
    ClaimHasOpenPayment {
        /// That payment.
        payment: Uuid,
    },
    /// The claim was paid.
    #[error("the claim is settled")]
    ClaimSettled {
        /// The payment that paid it.
        payment: Uuid,
    },
    /// The service allows one payment for a reference.
    #[error("the reference has a payment")]
    ReferenceTaken {
        /// That payment.
        payment: Uuid,
    },
    /// The Kassenzeichen is not one of ours.
    #[error("the Kassenzeichen is unknown")]
    UnknownKassenzeichen,
    /// The range of the service has no number left.
    #[error("the range of Kassenzeichen is exhausted")]
    KassenzeichenExhausted,
    /// No provider account of the service takes this method.
    #[error("the method is not offered")]
    MethodUnavailable,
    /// The provider could not be reached, or made no page; the payment can be tried again.
    #[error("the payment provider is not available")]
    ProviderUnavailable,
    /// A provider account is missing from the settings although a payment uses it.
    #[error("provider account {account} is missing from the settings")]
    NoProvider {
        /// The account.
        account: AccountName,
    },
    /// Only a person may do it, and an API key is none.
    #[error("this needs a person")]
    NeedsPerson,
    /// No key is set from which secrets of webhook endpoints could be derived.
    #[error("webhooks are not set up")]
    WebhooksNotSetUp,
    /// There are as many webhook endpoints, or secrets of one, as there may be.
    #[error("no further {of}")]
    WebhookLimit {
        /// What there are enough of.
        of: &'static str,
    },
    /// Nothing is sent to the endpoint.
    #[error("the webhook endpoint is disabled")]
    EndpointDisabled,
    /// A replay of the endpoint is under way.
    #[error("a replay is under way")]
    ReplayUnderWay,
    /// The endpoint was changed since the client has seen it.
    #[error("the endpoint has another version")]
    OtherVersion {
        /// The version it has.
        version: u64,
    },
    /// A key that the command needs is held by somebody else; callers that expect it judge it.
    #[error("a key is taken")]
    Taken(Box<Taken>),
    /// The request is well formed but cannot be met; every problem names its place in the body.
    #[error("the request cannot be met")]
    Invalid(Vec<Problem>),
    /// A stream makes no payment.
    #[error("the records of a payment do not fit together")]
    Replay(#[from] ReplayError),
    /// A record cannot be read.
    #[error("a record cannot be read")]
    Record(#[from] serde_json::Error),
    /// A posting rule made an entry that does not balance.
    #[error("an entry does not balance")]
    Entry(#[from] EntryError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
