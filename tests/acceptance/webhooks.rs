//! G: outgoing webhooks, over real connections to receivers on this machine.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod down;
mod killed;
mod receiver;
mod retried;
mod sending;
mod signed;
mod verified;

use std::collections::BTreeMap;

use serde_json::Value;

use self::{
    receiver::Hit,
    sending::{Sender, endpoint, until_endpoint},
};
use crate::stage::{Stage, TENANT};

/// The feed of the stage, each event as its bytes would be.
async fn feed(stage: &Stage) -> Vec<Value> {
    let page = serde_json::to_value(stage.desk.feed(TENANT, 0, 10_000).await.unwrap()).unwrap();
    page["data"].as_array().unwrap().clone()
}

async fn ids_of_feed(stage: &Stage) -> Vec<String> {
    feed(stage).await.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

/// Payments whose events lie between each other: five for each.
async fn pay_several(stage: &Stage, count: usize) {
    let mut payments = Vec::new();
    for _ in 0..count {
        payments.push(stage.create("13.00").await.id);
    }
    let mut pages = Vec::new();
    for payment in &payments {
        pages.push(stage.start(*payment).await);
    }
    for page in pages {
        stage.decide(&page, "approve");
    }
    stage.settle().await;
    for payment in payments {
        stage.refund(payment, "3.00").await.unwrap();
    }
    stage.advance(5).await;
}

/// Whether what came first of each event came in the order of the payment it is about.
fn assert_order_per_payment(hits: &[Hit]) {
    let mut seen = std::collections::BTreeSet::new();
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    for hit in hits.iter().filter(|hit| seen.insert(hit.id())) {
        let (payment, version) = hit.payment();
        let before = versions.insert(payment, version);
        assert!(before.is_none_or(|before| before < version), "{before:?} came before {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_what_is_sent_is_what_the_feed_has_and_in_the_state_of_that_event() {
    let stage = Stage::new(21);
    let receiver = receiver::Receiver::open().await;
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    // Everything has happened before the first event is sent, so no object is as it was when its event happened.
    pay_several(&stage, 4).await;
    let events = feed(&stage).await;
    assert!(events.len() >= 20);
    let sender = Sender::start(&stage.desk);
    let hits = receiver.until(|hits| hits.len() >= events.len()).await;
    assert_eq!(hits.len(), events.len());
    for event in &events {
        let hit = hits.iter().find(|hit| hit.id() == event["id"].as_str().unwrap()).unwrap();
        assert_eq!(&hit.json(), event);
        let page = stage.desk.feed(TENANT, event["position"].as_u64().unwrap() - 1, 1).await.unwrap();
        assert_eq!(hit.body, serde_json::to_vec(&page.data[0]).unwrap(), "byte for byte");
    }
    let paid = hits.iter().filter(|hit| hit.json()["type"] == "payment.created");
    assert!(paid.clone().count() == 4 && paid.into_iter().all(|hit| hit.json()["data"]["state"] == "open"));
    assert_order_per_payment(&hits);
    let last = stage.store.last_position(TENANT).await.unwrap();
    until_endpoint(&stage, id, |endpoint| endpoint.progress.position <= last && endpoint.progress.failures == 0).await;
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_gets_what_happens_after_it_was_made_and_only_what_it_asked_for() {
    let stage = Stage::new(22);
    let receiver = receiver::Receiver::open().await;
    pay_several(&stage, 1).await;
    let before = ids_of_feed(&stage).await;
    sending::endpoint_for(&stage, &receiver.url("/paid"), Some(&["payment.paid", "refund.succeeded"])).await;
    let sender = Sender::start(&stage.desk);
    pay_several(&stage, 2).await;
    let hits = receiver.until(|hits| hits.len() >= 4).await;
    sender.stop().await;
    let types: Vec<Value> = hits.iter().map(|hit| hit.json()["type"].clone()).collect();
    assert_eq!(types.iter().filter(|kind| **kind == "payment.paid").count(), 2);
    assert_eq!(types.iter().filter(|kind| **kind == "refund.succeeded").count(), 2);
    assert_eq!(receiver.hits().len(), 4);
    assert!(hits.iter().all(|hit| !before.contains(&hit.id())));
    for (name, value) in [("content-type", "application/json"), ("user-agent", "Zahlstelle/")] {
        assert!(hits[0].header(name).starts_with(value));
    }
}
