//! The event feed: each page replays a payment once, and still every event has the object as it was then.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use serde_json::Value;
use zahlstelle::{
    desk::feed::{EVENT_TYPES, FeedEvent},
    domain::ids::PaymentId,
    store::commit::StreamKind,
};

use crate::stage::{Stage, TENANT};

/// Payments whose events lie between each other, with refunds, a refusal, a cancellation and a reversal.
async fn busy_stage() -> Stage {
    let stage = Stage::new(11);
    let first = stage.create("13.00").await.id;
    let second = stage.create_manual("20.00").await.id;
    let third = stage.create("7.00").await.id;
    stage.approve(first).await;
    let page = stage.start(second).await;
    stage.decide(&page, "decline");
    stage.settle().await;
    stage.refund(first, "5.00").await.unwrap();
    stage.decide(&page, "approve");
    stage.desk.cancel(TENANT, third, &stage.once()).await.unwrap();
    stage.settle().await;
    stage.desk.capture(TENANT, second, None, &stage.once()).await.unwrap();
    stage.advance(5).await;
    stage.refund(first, "1.00").await.unwrap();
    stage.advance(5).await;
    stage
}

#[tokio::test]
async fn g2_every_event_has_the_object_of_its_own_version_however_the_log_is_cut_into_pages() {
    let stage = busy_stage().await;
    let whole = serde_json::to_value(stage.desk.feed(TENANT, 0, 10_000).await.unwrap()).unwrap();
    let events = whole["data"].as_array().unwrap();
    assert!(events.len() > 12, "{events:#?}");
    for limit in [1, 2, 5] {
        let mut after = 0;
        let mut collected = Vec::new();
        loop {
            let page = stage.desk.feed(TENANT, after, limit).await.unwrap();
            if page.is_empty() {
                break;
            }
            after = page.next_after;
            collected.extend(serde_json::to_value(&page).unwrap()["data"].as_array().unwrap().clone());
        }
        assert_eq!(&collected, events, "pages of {limit}");
    }
    // The other way to the same object: what GET showed at that version.
    let log = stage.store.log(TENANT, 0, 10_000).await.unwrap();
    let mut versions: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for event in events {
        let record = log.iter().find(|record| Some(record.position) == event["position"].as_u64()).unwrap();
        assert_eq!(event["data"]["version"], record.version, "the state is that of the event, not of now");
        let shown = stage.desk.view_at(TENANT, PaymentId(record.stream), record.version).await.unwrap();
        let shown = serde_json::to_value(shown).unwrap();
        let same = |data: &Value| match data["object"].as_str() {
            Some("refund") => shown["refunds"].as_array().unwrap().contains(data),
            _ => shown == *data,
        };
        assert!(same(&event["data"]), "{event:#}\n{shown:#}");
        let before = versions.insert(record.stream.to_string(), record.version);
        assert!(before.is_none_or(|before| before < record.version), "versions of a payment only grow");
    }
}

#[tokio::test]
async fn only_wanted_types_are_made_and_the_rest_is_passed_over() {
    let stage = busy_stage().await;
    let paid = |kind: &str| kind == "payment.paid";
    let page = stage.desk.events(TENANT, 0, 100, &paid).await.unwrap();
    assert_eq!(page.data.iter().map(FeedEvent::kind).collect::<Vec<_>>(), ["payment.paid"; 2]);
    assert_eq!(page.next_after, stage.store.last_position(TENANT).await.unwrap());
    let cut = stage.desk.events(TENANT, 0, 1, &paid).await.unwrap();
    assert_eq!((cut.data.len(), cut.next_after), (1, cut.data[0].position()));
    let payments = stage.store.log(TENANT, 0, 1_000).await.unwrap();
    assert!(payments.iter().any(|record| record.kind != StreamKind::Payment), "other records are passed over");
}

#[tokio::test]
async fn every_type_of_the_feed_is_listed() {
    let stage = busy_stage().await;
    let types: BTreeSet<String> = stage.feed_types().await.into_iter().collect();
    let unknown: Vec<_> = types.iter().filter(|kind| !EVENT_TYPES.contains(&kind.as_str())).collect();
    assert_eq!(unknown, Vec::<&String>::new());
    let source = include_str!("../../src/desk/feed.rs");
    let (_, made) = source.split_once("pub fn public_type").unwrap();
    for kind in EVENT_TYPES {
        assert!(made.contains(&format!("\"{kind}\"")), "nothing makes {kind}");
    }
    let quoted = made.split('"').skip(1).step_by(2).filter(|text| text.contains('.'));
    let unlisted: Vec<_> = quoted.filter(|kind| !EVENT_TYPES.contains(kind)).collect();
    assert_eq!(unlisted, Vec::<&str>::new());
}
