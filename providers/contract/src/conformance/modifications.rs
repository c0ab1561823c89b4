//! Captures, cancellations and refunds: once per key, whatever became of the answer.

use super::{
    Fault, Peer,
    scene::{
        amount, arm, assert_executed, assert_met, assert_not_sent, assert_server_error, assert_unknown, must,
        must_succeed, ready_for, told,
    },
};
use crate::{
    fact::ProviderFact,
    outcome::CallError,
    provider::{Acceptance, Effect, Mismatch, ModifyPayment, Operation, Provider},
};

/// B2: the answer is lost, the call is repeated under its key, and the provider has acted once.
pub async fn a_change_is_executed_once_per_key(provider: &dyn Provider, peer: &dyn Peer, operation: Operation) {
    let scenario = &format!("{operation:?}_once_per_key");
    let Some(request) = prepared(provider, peer, operation, scenario).await else { return };
    let before = peer.executed(operation).await;
    let met = arm(peer, Fault::AnswerLost, operation).await;
    assert_unknown(&call(provider, operation, &request, scenario).await, scenario);
    assert_met(peer, met, scenario).await;
    assert_executed(before, peer.executed(operation).await, 1, scenario);
    let first = accepted(provider, operation, &request, scenario).await;
    let second = accepted(provider, operation, &request, scenario).await;
    assert_eq!(first.reference, second.reference, "{scenario}: one key, two changes");
    assert_executed(before, peer.executed(operation).await, 1, scenario);
}

/// A 5xx of a change is an unknown outcome, and no second change comes of repeating it.
pub async fn a_change_answered_with_a_server_error_is_unknown(
    provider: &dyn Provider,
    peer: &dyn Peer,
    operation: Operation,
) {
    let scenario = &format!("{operation:?}_server_error");
    let Some(request) = prepared(provider, peer, operation, scenario).await else { return };
    let before = peer.executed(operation).await;
    let met = arm(peer, Fault::ServerError, operation).await;
    assert_server_error(&call(provider, operation, &request, scenario).await, scenario);
    assert_met(peer, met, scenario).await;
    // A provider may answer the key with the stored error for ever; what it must not do is act twice.
    drop(call(provider, operation, &request, scenario).await);
    let acted = peer.executed(operation).await.checked_sub(before);
    assert!(acted <= Some(1), "{scenario}: the provider acted {acted:?} times");
}

/// B5: without a connection there is no change.
pub async fn a_change_not_sent_is_not_executed(provider: &dyn Provider, peer: &dyn Peer, operation: Operation) {
    let scenario = &format!("{operation:?}_not_sent");
    let Some(request) = prepared(provider, peer, operation, scenario).await else { return };
    let before = peer.executed(operation).await;
    let met = arm(peer, Fault::NoConnection, operation).await;
    assert_not_sent(&call(provider, operation, &request, scenario).await, scenario);
    assert_met(peer, met, scenario).await;
    assert_executed(before, peer.executed(operation).await, 0, scenario);
    accepted(provider, operation, &request, scenario).await;
    assert_executed(before, peer.executed(operation).await, 1, scenario);
}

/// An answer about another payment than the one asked for is told as such, where answers name the payment at all.
pub async fn a_change_of_another_payment_is_seen(provider: &dyn Provider, peer: &dyn Peer, operation: Operation) {
    let scenario = &format!("{operation:?}_of_another_payment");
    let Some(request) = prepared(provider, peer, operation, scenario).await else { return };
    let met = arm(peer, Fault::WrongPayment, operation).await;
    let answer = must_succeed(call(provider, operation, &request, scenario).await, scenario, "no answer");
    assert_met(peer, met, scenario).await;
    if answer.echo.payment_matches.is_none() {
        return;
    }
    let compared = answer.echo.compare(request.amount, &request.reference);
    assert_eq!(compared, Err(Mismatch::Payment), "{scenario}: the other payment was not told");
}

/// A4: the amount asked for is the amount that the provider says it moved, in captures and in refunds.
pub async fn the_amount_asked_is_the_amount_moved(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "the_amount_asked_is_the_amount_moved";
    let (Some(notifications), Some(refunds)) = (provider.notifications(), provider.refund()) else { return };
    let Some(request) = ready_for(provider, peer, Operation::Refund, scenario, 1).await else { return };
    let part = crate::money::Money::from_minor(100, amount().currency());
    let request = ModifyPayment { amount: part, ..request };
    let answer = must_succeed(refunds.refund(&request).await, scenario, "the refund was refused");
    assert_eq!(answer.echo.compare(part, &request.reference), Ok(()), "{scenario}: another refund came back");
    if answer.effect == Effect::Done {
        return;
    }
    let told = told(notifications, peer, scenario).await;
    let moved = told.iter().find_map(|one| {
        let ProviderFact::Refunded { payment, refund, amount, .. } = &one.fact else { return None };
        (*payment == request.payment).then(|| (refund.clone(), *amount))
    });
    let (refund, moved) = must(moved, scenario, "the refund was not told");
    assert_eq!(moved, part, "{scenario}: another amount was moved");
    assert_eq!(refund, answer.reference, "{scenario}: the refund told is not the refund asked for");
}

async fn prepared(
    provider: &dyn Provider,
    peer: &dyn Peer,
    operation: Operation,
    scenario: &str,
) -> Option<ModifyPayment> {
    let offered = match operation {
        Operation::Capture => provider.capture().is_some(),
        Operation::Cancel => provider.cancel().is_some(),
        Operation::Refund => provider.refund().is_some(),
        Operation::OpenPage | Operation::ClosePage | Operation::ChargeToken => false,
    };
    if offered { ready_for(provider, peer, operation, scenario, 1).await } else { None }
}

async fn call(
    provider: &dyn Provider,
    operation: Operation,
    request: &ModifyPayment,
    scenario: &str,
) -> Result<Acceptance, CallError> {
    match operation {
        Operation::Capture => must(provider.capture(), scenario, "not offered").capture(request).await,
        Operation::Cancel => must(provider.cancel(), scenario, "not offered").cancel(request).await,
        Operation::Refund => must(provider.refund(), scenario, "not offered").refund(request).await,
        Operation::OpenPage | Operation::ClosePage | Operation::ChargeToken => {
            panic!("{scenario}: {operation:?} changes no payment")
        }
    }
}

async fn accepted(
    provider: &dyn Provider,
    operation: Operation,
    request: &ModifyPayment,
    scenario: &str,
) -> Acceptance {
    let answer = must_succeed(call(provider, operation, request, scenario).await, scenario, "not accepted");
    let compared = answer.echo.compare(request.amount, &request.reference);
    assert_eq!(compared, Ok(()), "{scenario}: another change came back");
    answer
}
