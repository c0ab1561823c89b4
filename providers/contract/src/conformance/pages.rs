//! Hosted pages: opened once per key, closed for good, and never taken for unpaid.

use super::{
    Fault, Peer,
    scene::{
        arm, assert_executed, assert_met, assert_not_sent, assert_server_error, assert_unknown, key, must_succeed,
        open, page_request, told,
    },
};
use crate::{
    fact::ProviderFact,
    provider::{Mismatch, Operation, PageStatus, Provider},
};

/// Repeating a request under its key returns the same page and makes no second one.
pub async fn same_key_opens_one_page(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "same_key_opens_one_page";
    let Some(pages) = provider.hosted_page() else { return };
    let before = peer.executed(Operation::OpenPage).await;
    let request = page_request(provider, peer, scenario, 1);
    let first = open(pages, &request, scenario).await;
    let second = open(pages, &request, scenario).await;
    assert_eq!(first.page, second.page, "{scenario}: two pages for one key");
    assert_eq!(first.url, second.url, "{scenario}: two addresses for one key");
    assert_executed(before, peer.executed(Operation::OpenPage).await, 1, scenario);
}

/// The key decides, not the body: the same wish under another key is another page.
pub async fn another_key_opens_another_page(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "another_key_opens_another_page";
    let Some(pages) = provider.hosted_page() else { return };
    let request = page_request(provider, peer, scenario, 1);
    let first = open(pages, &request, scenario).await;
    let again = crate::provider::OpenPage { key: key(scenario, "page", 2), ..request };
    let second = open(pages, &again, scenario).await;
    assert_ne!(first.page, second.page, "{scenario}: the key was not used");
}

/// B1, B2: an answer that never came is an unknown outcome, and the key finds the page that was made.
pub async fn lost_answer_is_unknown_and_replay_finds_the_page(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "lost_answer_is_unknown";
    let Some(pages) = provider.hosted_page() else { return };
    let before = peer.executed(Operation::OpenPage).await;
    let request = page_request(provider, peer, scenario, 1);
    let met = arm(peer, Fault::AnswerLost, Operation::OpenPage).await;
    assert_unknown(&pages.open_page(&request).await, scenario);
    assert_met(peer, met, scenario).await;
    assert_executed(before, peer.executed(Operation::OpenPage).await, 1, scenario);
    let found = open(pages, &request, scenario).await;
    assert_executed(before, peer.executed(Operation::OpenPage).await, 1, scenario);
    let answer = must_succeed(pages.ask_page(&found.page).await, scenario, "the found page cannot be asked");
    assert_eq!(answer.status, PageStatus::Payable, "{scenario}: the found page is not payable");
}

/// A 5xx says nothing about what happened.
pub async fn server_error_is_unknown(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "server_error_is_unknown";
    let Some(pages) = provider.hosted_page() else { return };
    let request = page_request(provider, peer, scenario, 1);
    let met = arm(peer, Fault::ServerError, Operation::OpenPage).await;
    assert_server_error(&pages.open_page(&request).await, scenario);
    assert_met(peer, met, scenario).await;
}

/// A success that cannot be read is neither a success nor a failure.
pub async fn unreadable_answer_is_unknown(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "unreadable_answer_is_unknown";
    let Some(pages) = provider.hosted_page() else { return };
    let request = page_request(provider, peer, scenario, 1);
    let met = arm(peer, Fault::Garbage, Operation::OpenPage).await;
    assert_unknown(&pages.open_page(&request).await, scenario);
    assert_met(peer, met, scenario).await;
}

/// B5: without a connection nothing was sent, nothing happened, and the call may simply be repeated.
pub async fn connection_refused_is_not_sent(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "connection_refused_is_not_sent";
    let Some(pages) = provider.hosted_page() else { return };
    let before = peer.executed(Operation::OpenPage).await;
    let request = page_request(provider, peer, scenario, 1);
    let met = arm(peer, Fault::NoConnection, Operation::OpenPage).await;
    assert_not_sent(&pages.open_page(&request).await, scenario);
    assert_met(peer, met, scenario).await;
    assert_executed(before, peer.executed(Operation::OpenPage).await, 0, scenario);
    open(pages, &request, scenario).await;
    assert_executed(before, peer.executed(Operation::OpenPage).await, 1, scenario);
}

/// E4: another amount in the answer is told, so that it can be compared; it is not corrected in silence.
pub async fn another_amount_is_seen_in_the_echo(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "another_amount_is_seen_in_the_echo";
    let Some(pages) = provider.hosted_page() else { return };
    let request = page_request(provider, peer, scenario, 1);
    let met = arm(peer, Fault::WrongAmount, Operation::OpenPage).await;
    let opened = must_succeed(pages.open_page(&request).await, scenario, "the page did not open");
    assert_met(peer, met, scenario).await;
    let compared = opened.echo.compare(request.amount, &request.reference);
    assert_eq!(compared, Err(Mismatch::Amount), "{scenario}: the amount that came back was not told");
}

/// A closed page is closed, however often one closes and asks.
pub async fn closing_then_asking_tells_closed(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "closing_then_asking_tells_closed";
    let Some(pages) = provider.hosted_page() else { return };
    let page = open(pages, &page_request(provider, peer, scenario, 1), scenario).await.page;
    for _ in 0..2 {
        let closed = must_succeed(pages.close_page(&page, &key(scenario, "close", 1)).await, scenario, "not closed");
        assert_eq!(closed.status, PageStatus::Closed, "{scenario}: closing");
        let asked = must_succeed(pages.ask_page(&page).await, scenario, "the page cannot be asked");
        assert_eq!(asked.status, PageStatus::Closed, "{scenario}: asking");
    }
    let closed = must_succeed(pages.close_page(&page, &key(scenario, "close", 2)).await, scenario, "not closed");
    assert_eq!(closed.status, PageStatus::Closed, "{scenario}: closing under another key");
}

/// Whether closing took effect is found by asking.
pub async fn lost_answer_of_closing_is_found_by_asking(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "lost_answer_of_closing_is_found_by_asking";
    let Some(pages) = provider.hosted_page() else { return };
    let page = open(pages, &page_request(provider, peer, scenario, 1), scenario).await.page;
    let met = arm(peer, Fault::AnswerLost, Operation::ClosePage).await;
    assert_unknown(&pages.close_page(&page, &key(scenario, "close", 1)).await, scenario);
    assert_met(peer, met, scenario).await;
    let asked = must_succeed(pages.ask_page(&page).await, scenario, "the page cannot be asked");
    assert_eq!(asked.status, PageStatus::Closed, "{scenario}: asking");
}

/// B9: who closes a page that was paid learns that it was paid.
pub async fn closing_a_paid_page_tells_paid(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "closing_a_paid_page_tells_paid";
    let Some(pages) = provider.hosted_page() else { return };
    let page = open(pages, &page_request(provider, peer, scenario, 1), scenario).await;
    peer.approve(&page).await;
    let asked = must_succeed(pages.ask_page(&page.page).await, scenario, "the page cannot be asked");
    assert_eq!(asked.status, PageStatus::Paid, "{scenario}: asking");
    let closing = pages.close_page(&page.page, &key(scenario, "close", 1)).await;
    let closed = must_succeed(closing, scenario, "the truth about a paid page was not told");
    assert_eq!(closed.status, PageStatus::Paid, "{scenario}: closing");
}

/// A refused try is told and leaves the page as it was.
pub async fn a_declined_page_stays_payable(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "a_declined_page_stays_payable";
    let Some(pages) = provider.hosted_page() else { return };
    let request = page_request(provider, peer, scenario, 1);
    let page = open(pages, &request, scenario).await;
    peer.decline(&page).await;
    let asked = must_succeed(pages.ask_page(&page.page).await, scenario, "the page cannot be asked");
    assert_eq!(asked.status, PageStatus::Payable, "{scenario}: asking");
    let Some(notifications) = provider.notifications() else { return };
    let told = told(notifications, peer, scenario).await;
    let refused = told.iter().any(|one| {
        one.merchant_reference.as_ref() == Some(&request.reference) && matches!(one.fact, ProviderFact::Refused { .. })
    });
    assert!(refused, "{scenario}: the refusal was not told");
}
