//! Notifications: what the provider signed is taken, anything else is not, item by item.

use super::{
    Damage, Delivery, Peer,
    scene::{must, must_succeed, open, page_request, verify},
};
use crate::{
    notification::{Notification, NotificationError},
    provider::{Environment, Notifications, Provider},
};

/// C14: what the provider signed verifies; with any signed byte changed, or without signature, it does not.
pub async fn every_notification_verifies_and_tampered_does_not(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "every_notification_verifies_and_tampered_does_not";
    let Some((notifications, good)) = delivered(provider, peer, scenario).await else { return };
    let one = the_one(notifications, peer, &good, scenario);
    assert_eq!(&one.account, provider.account(), "{scenario}: the item is not of this account");
    for damage in [Damage::EachSignedByte, Damage::NoSignature] {
        let damaged = peer.damaged(&good, damage);
        assert!(!damaged.is_empty(), "{scenario}: the world shows no {damage:?}");
        for delivery in damaged {
            assert_nothing_taken(notifications, peer, &delivery, scenario);
        }
    }
}

/// C4: a second delivery of the same event carries the same id, which is how it is recognised.
pub async fn the_same_event_has_the_same_id(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "the_same_event_has_the_same_id";
    let Some((notifications, good)) = delivered(provider, peer, scenario).await else { return };
    let first = the_one(notifications, peer, &good, scenario);
    let second = the_one(notifications, peer, &good, scenario);
    assert_eq!(first.id, second.id, "{scenario}");
    let Some((_, other)) = delivered_again(provider, peer, scenario).await else { return };
    let other = the_one(notifications, peer, &other, scenario);
    assert_ne!(first.id, other.id, "{scenario}: two events share an id");
}

/// C17: items beside a bad one are taken, and the bad one is told.
pub async fn one_bad_item_does_not_lose_the_others(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "one_bad_item_does_not_lose_the_others";
    let Some((notifications, good)) = delivered(provider, peer, scenario).await else { return };
    let alone = the_one(notifications, peer, &good, scenario);
    for delivery in peer.damaged(&good, Damage::BadItemsBetween) {
        let items = must_succeed(verify(notifications, peer, &delivery), scenario, "all items were lost");
        let taken: Vec<_> = items.iter().filter_map(|item| item.as_ref().ok()).collect();
        assert_eq!(taken, [&alone, &alone], "{scenario}: the good items");
        assert_eq!(items.len().checked_sub(taken.len()), Some(2), "{scenario}: the bad items");
    }
}

/// C15: an event that cannot be told from another is refused, since it would hide the next one like it.
pub async fn missing_event_id_is_refused(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "missing_event_id_is_refused";
    let Some((notifications, good)) = delivered(provider, peer, scenario).await else { return };
    let damaged = peer.damaged(&good, Damage::NoEventId);
    assert!(!damaged.is_empty(), "{scenario}: the world shows none");
    for delivery in damaged {
        for error in assert_nothing_taken(notifications, peer, &delivery, scenario) {
            assert_eq!(error, NotificationError::Malformed, "{scenario}: refused for another reason");
        }
    }
}

/// A message for another account or from another environment is not ours, even under our key.
pub async fn notification_of_another_account_is_refused(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "notification_of_another_account_is_refused";
    let Some((notifications, good)) = delivered(provider, peer, scenario).await else { return };
    assert_eq!(provider.environment(), Environment::Test, "{scenario}: the suite must never run on a live account");
    for damage in [Damage::OtherAccount, Damage::OtherEnvironment] {
        for delivery in peer.damaged(&good, damage) {
            for error in assert_nothing_taken(notifications, peer, &delivery, scenario) {
                assert_eq!(error, NotificationError::WrongAccount, "{scenario}: {damage:?}");
            }
        }
    }
}

/// What is no delivery at all is refused as a whole.
pub fn garbage_is_refused(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "garbage_is_refused";
    let Some(notifications) = provider.notifications() else { return };
    for body in ["", "{}", "[]", "null", "0", "\u{0}", "<html></html>", "{\"a\":[", "a=b&c=d"] {
        let delivery = Delivery { headers: Vec::new(), body: body.as_bytes().to_vec() };
        assert_nothing_taken(notifications, peer, &delivery, scenario);
    }
}

/// The first delivery about a page that was paid on for this scenario.
async fn delivered<'a>(
    provider: &'a dyn Provider,
    peer: &dyn Peer,
    scenario: &str,
) -> Option<(&'a dyn Notifications, Delivery)> {
    delivered_of_page(provider, peer, scenario, 1).await
}

async fn delivered_again<'a>(
    provider: &'a dyn Provider,
    peer: &dyn Peer,
    scenario: &str,
) -> Option<(&'a dyn Notifications, Delivery)> {
    delivered_of_page(provider, peer, scenario, 2).await
}

async fn delivered_of_page<'a>(
    provider: &'a dyn Provider,
    peer: &dyn Peer,
    scenario: &str,
    number: u32,
) -> Option<(&'a dyn Notifications, Delivery)> {
    let (pages, notifications) = (provider.hosted_page()?, provider.notifications()?);
    let request = page_request(provider, peer, scenario, number);
    // What earlier scenarios left is none of this one.
    drop(peer.deliveries().await);
    let page = open(pages, &request, scenario).await;
    peer.approve(&page).await;
    let delivery = peer.deliveries().await.into_iter().next();
    Some((notifications, must(delivery, scenario, "nothing was told of a paid page")))
}

fn the_one(notifications: &dyn Notifications, peer: &dyn Peer, good: &Delivery, scenario: &str) -> Notification {
    let items = must_succeed(verify(notifications, peer, good), scenario, "a good delivery was refused");
    assert_eq!(items.len(), 1, "{scenario}: a delivery must have one item here");
    let item = must(items.into_iter().next(), scenario, "no item");
    must_succeed(item, scenario, "a good item was refused")
}

/// No item of the delivery may verify; tells why each did not.
fn assert_nothing_taken(
    notifications: &dyn Notifications,
    peer: &dyn Peer,
    delivery: &Delivery,
    scenario: &str,
) -> Vec<NotificationError> {
    match verify(notifications, peer, delivery) {
        Err(error) => vec![error],
        Ok(items) => items
            .into_iter()
            .map(|item| match item {
                Ok(taken) => panic!("{scenario}: taken: {taken:?} of {}", String::from_utf8_lossy(&delivery.body)),
                Err(error) => error,
            })
            .collect(),
    }
}
