//! `schemas/events/` as judge of what portals are told: a delivery's body is the event as the feed has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::stage::{Stage, TENANT};

/// One schema for each family of events, by the word before the dot.
const FAMILIES: [&str; 4] = ["payment", "refund", "dispute", "exception"];

static VALIDATORS: LazyLock<BTreeMap<&str, Validator>> = LazyLock::new(|| {
    let compiled = |family| jsonschema::options().should_validate_formats(true).build(&schema(family)).unwrap();
    FAMILIES.into_iter().map(|family| (family, compiled(family))).collect()
});

fn schema(family: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/events/{family}.schema.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Fails unless the schema of the event's family describes it.
pub(crate) fn assert_described(event: &Value) {
    let family = event["type"].as_str().unwrap().split('.').next().unwrap();
    let validator = VALIDATORS.get(family).unwrap_or_else(|| panic!("no schema describes {family}"));
    let wrong: Vec<String> =
        validator.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{} differs from its schema:\n{}\n{event:#}", event["type"], wrong.join("\n"));
}

/// Every type that the schemas describe.
fn described_types() -> BTreeSet<String> {
    let types = |family| schema(family)["properties"]["type"]["oneOf"].as_array().unwrap().clone();
    let all = FAMILIES.into_iter().flat_map(types);
    all.map(|described| described["const"].as_str().unwrap().to_owned()).collect()
}

/// The feed of a journey, every event of which is described; its types are added to those that were seen.
async fn told(stage: &Stage, seen: &mut BTreeSet<String>) {
    let page = serde_json::to_value(stage.desk.feed(TENANT, 0, 10_000).await.unwrap()).unwrap();
    for event in page["data"].as_array().unwrap() {
        assert_described(event);
        seen.insert(event["type"].as_str().unwrap().to_owned());
    }
}

#[tokio::test]
async fn every_event_is_what_its_schema_says() {
    let mut seen = BTreeSet::new();
    told(&successes(401).await, &mut seen).await;
    told(&endings(402).await, &mut seen).await;
    told(&surprises(403).await, &mut seen).await;
    // No rule gives a payment up as failed, and an approval that can be refused comes with persons.
    let unseen: Vec<String> = described_types().difference(&seen).cloned().collect();
    assert_eq!(unseen, ["payment.failed", "refund.rejected"]);
}

/// Paid at once and by command, refunded in part, disputed.
async fn successes(seed: u64) -> Stage {
    let stage = Stage::new(seed);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.refund(paid.id, "5.00").await.unwrap();
    stage.advance(5).await;
    let held = stage.create_manual("7.00").await;
    stage.approve(held.id).await;
    stage.settle().await;
    stage.desk.capture(TENANT, held.id, None, &stage.once()).await.unwrap();
    stage.advance(5).await;
    let held = stage.payment(held.id).await;
    for event in ["notification_of_chargeback", "chargeback", "chargeback_reversed"] {
        stage.event(held.merchant_reference(&held.attempts[0]).as_str(), event);
        stage.advance(5).await;
    }
    stage
}

/// Declined, cancelled, expired, reversed; a refund that failed, and one that came back.
async fn endings(seed: u64) -> Stage {
    let stage = Stage::new(seed);
    let declined = stage.create("13.00").await;
    let page = stage.start(declined.id).await;
    stage.decide(&page, "decline");
    stage.settle().await;
    stage.desk.cancel(TENANT, stage.create("13.00").await.id, &stage.once()).await.unwrap();
    let reversed = stage.pay(stage.create("13.00").await.id).await;
    stage.event(reversed.merchant_reference(&reversed.attempts[0]).as_str(), "capture_failed");
    stage.advance(5).await;
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("fail_modification", "refund", 1);
    stage.refund(paid.id, "5.00").await.unwrap();
    stage.advance(5).await;
    stage.refund(paid.id, "5.00").await.unwrap();
    stage.advance(5).await;
    stage.event(paid.merchant_reference(&paid.attempts[0]).as_str(), "refund_failed");
    for _ in 0..3 {
        stage.advance(24 * 3_600).await;
    }
    stage
}

/// Paid twice, an outcome that nobody knows, and what only a person can settle.
async fn surprises(seed: u64) -> Stage {
    let stage = Stage::new(seed);
    stage.arm("double_approve", "pay", 1);
    stage.pay(stage.create("13.00").await.id).await;
    let unknown = stage.create("13.00").await;
    stage.start(unknown.id).await;
    stage.arm("lose_answer", "close_page", 1);
    stage.arm("refuse_connection", "query", 1);
    stage.desk.cancel(TENANT, unknown.id, &stage.once()).await.unwrap();
    stage.arm("wrong_amount", "open_page", 1);
    let other = stage.create("13.00").await;
    let _ = stage.desk.start_attempt(TENANT, other.id, zahlstelle_contract::method::Method::Card).await;
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("lose_answer", "refund", 1);
    stage.refund(paid.id, "5.00").await.unwrap();
    stage.pass(60).await;
    stage
}

/// The judge itself must be able to refuse.
#[tokio::test]
async fn an_event_that_differs_from_its_schema_is_seen() {
    let stage = Stage::new(404);
    stage.create("13.00").await;
    let page = serde_json::to_value(stage.desk.feed(TENANT, 0, 1).await.unwrap()).unwrap();
    let event = page["data"][0].clone();
    assert_described(&event);
    for (pointer, value) in [
        ("/position", json!(0)),
        ("/data/amount", json!(13)),
        ("/data/state", json!("shiny")),
        ("/type", json!("payment.lost")),
    ] {
        let mut changed = event.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert!(!VALIDATORS["payment"].is_valid(&changed), "{pointer}");
    }
}
