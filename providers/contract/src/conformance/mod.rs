//! The tests every provider passes, whatever its protocol: run by the provider's crate against a world it supplies.
//!
//! A scenario only asserts what the traits promise. It counts what the world did before and after, so that all of them
//! can run one after the other in one world, and it first asks whether its fault fired, so that a fault that was never
//! met cannot pass for one that was survived. What a provider does not offer is left out; `capabilities_match_methods`
//! sees to it that something remains.
#![expect(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "these are tests: a broken promise ends the run and names the scenario"
)]

mod capabilities;
mod modifications;
mod notifications;
mod pages;
mod scene;

use async_trait::async_trait;
use jiff::Timestamp;

pub use self::{
    capabilities::capabilities_match_methods,
    modifications::{
        a_change_answered_with_a_server_error_is_unknown, a_change_is_executed_once_per_key,
        a_change_not_sent_is_not_executed, a_change_of_another_payment_is_seen, the_amount_asked_is_the_amount_moved,
    },
    notifications::{
        every_notification_verifies_and_tampered_does_not, garbage_is_refused, missing_event_id_is_refused,
        notification_of_another_account_is_refused, one_bad_item_does_not_lose_the_others,
        the_same_event_has_the_same_id,
    },
    pages::{
        a_declined_page_stays_payable, another_amount_is_seen_in_the_echo, another_key_opens_another_page,
        closing_a_paid_page_tells_paid, closing_then_asking_tells_closed, connection_refused_is_not_sent,
        lost_answer_is_unknown_and_replay_finds_the_page, lost_answer_of_closing_is_found_by_asking,
        same_key_opens_one_page, server_error_is_unknown, unreadable_answer_is_unknown,
    },
};
use crate::provider::{OpenedPage, Operation, Provider};

/// The other side, as the harness of a provider plays it: payers, the provider's books, and bad luck.
#[async_trait]
pub trait Peer: Send + Sync {
    /// The time in this world; pages expire by it.
    fn now(&self) -> Timestamp;
    /// A payer pays on the page.
    async fn approve(&self, page: &OpenedPage);
    /// A payer tries to pay on the page and is refused.
    async fn decline(&self, page: &OpenedPage);
    /// Lets the next call of `operation` meet `fault`, once.
    async fn arm(&self, fault: Fault, operation: Operation);
    /// How many armed faults have been met so far.
    async fn faults_met(&self) -> usize;
    /// How often the provider has done `operation`; a replay under a known key and a refusal do nothing.
    async fn executed(&self, operation: Operation) -> usize;
    /// What the provider has to tell and has not told yet, in its order, after enough time for all of it.
    async fn deliveries(&self) -> Vec<Delivery>;
    /// Deliveries made from a good one of a single item by `damage`. Empty where the protocol cannot show it.
    fn damaged(&self, good: &Delivery, damage: Damage) -> Vec<Delivery>;
}

/// Bad luck between us and a provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The call takes effect and its answer is lost.
    AnswerLost,
    /// No connection is made.
    NoConnection,
    /// A 5xx is answered; whether the call took effect is the world's choice.
    ServerError,
    /// A success is answered that is no answer of this operation.
    Garbage,
    /// The call takes effect and its answer names another amount.
    WrongAmount,
    /// The call takes effect and its answer names another payment.
    WrongPayment,
}

/// What can be wrong with a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Damage {
    /// One copy for each signed byte and each byte of the signature, that byte being another.
    EachSignedByte,
    /// The signature is left out.
    NoSignature,
    /// What identifies the event is left out, in one copy, and empty, in another; both correctly signed.
    NoEventId,
    /// It names another account of the provider, correctly signed with our key.
    OtherAccount,
    /// It says it comes from the other environment, correctly signed with our key.
    OtherEnvironment,
    /// The good item stands first and last, one with a wrong signature and one that is no item between them.
    BadItemsBetween,
}

/// A notification on its way, as the service would receive it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Header names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The exact bytes.
    pub body: Vec<u8>,
}

/// Every scenario, in one world.
pub async fn all(provider: &dyn Provider, peer: &dyn Peer) {
    capabilities_match_methods(provider, peer).await;

    same_key_opens_one_page(provider, peer).await;
    another_key_opens_another_page(provider, peer).await;
    lost_answer_is_unknown_and_replay_finds_the_page(provider, peer).await;
    server_error_is_unknown(provider, peer).await;
    unreadable_answer_is_unknown(provider, peer).await;
    connection_refused_is_not_sent(provider, peer).await;
    another_amount_is_seen_in_the_echo(provider, peer).await;
    closing_then_asking_tells_closed(provider, peer).await;
    lost_answer_of_closing_is_found_by_asking(provider, peer).await;
    closing_a_paid_page_tells_paid(provider, peer).await;
    a_declined_page_stays_payable(provider, peer).await;

    for operation in [Operation::Capture, Operation::Cancel, Operation::Refund] {
        a_change_is_executed_once_per_key(provider, peer, operation).await;
        a_change_answered_with_a_server_error_is_unknown(provider, peer, operation).await;
        a_change_not_sent_is_not_executed(provider, peer, operation).await;
        a_change_of_another_payment_is_seen(provider, peer, operation).await;
    }
    the_amount_asked_is_the_amount_moved(provider, peer).await;

    every_notification_verifies_and_tampered_does_not(provider, peer).await;
    the_same_event_has_the_same_id(provider, peer).await;
    one_bad_item_does_not_lose_the_others(provider, peer).await;
    missing_event_id_is_refused(provider, peer).await;
    notification_of_another_account_is_refused(provider, peer).await;
    garbage_is_refused(provider, peer);
}
