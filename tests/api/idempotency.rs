//! The same key is the same request, whoever is in a hurry.

use std::{collections::BTreeSet, sync::Arc};

use http::Method;
use jiff::SignedDuration;
use serde_json::json;
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    client::Reply,
    house::{House, new_payment},
    stage::TENANT,
};

/// How many connections a crowd has.
const CROWD: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn f1_the_same_key_shows_the_first_answer_and_another_body_is_refused() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let first = portal.post("/v1/payments", "key", &new_payment("13.00")).await;
    let id = first.expect(201)["id"].as_str().unwrap().to_owned();
    assert!(!first.is_replayed());
    // What has become of the payment since does not change what was answered.
    let path = format!("/v1/payments/{id}/attempts");
    let started = portal.post(&path, "start", &json!({"method": "card"})).await;
    house.stage.decide(started.expect(201)["next_action"]["url"].as_str().unwrap(), "approve");
    house.stage.settle().await;
    let again = portal.post("/v1/payments", "key", &new_payment("13.00")).await;
    assert_eq!((again.status, &again.body, again.is_replayed()), (201, &first.body, true));
    assert_eq!(again.header("location"), first.header("location"));
    let again = portal.post(&path, "start", &json!({"method": "card"})).await;
    assert_eq!((again.status, &again.body, again.is_replayed()), (201, &started.body, true));
    portal.post("/v1/payments", "key", &new_payment("13.01")).await.problem(422, "idempotency_key_reused");
    portal.post(&path, "key", &json!({"method": "card"})).await.problem(422, "idempotency_key_reused");
    // Another client may use the same words.
    let other = house.portal().await.post("/v1/payments", "key", &new_payment("1.00")).await;
    assert_ne!(other.expect(201)["id"], id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_refusal_that_was_an_answer_is_shown_again() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.create(&portal, "13.00").await;
    let started = portal.post(&format!("/v1/payments/{id}/attempts"), "start", &json!({"method": "card"})).await;
    house.stage.decide(started.expect(201)["next_action"]["url"].as_str().unwrap(), "approve");
    // The page was paid before the provider's word arrived, so closing it finds the money.
    let path = format!("/v1/payments/{id}/cancel");
    let first = portal.post(&path, "cancel", &json!({})).await;
    let first = first.problem(409, "payment_not_cancellable");
    assert_eq!(first["state"], "paid");
    let again = portal.post(&path, "cancel", &json!({})).await;
    assert!(again.is_replayed());
    assert_eq!(again.problem(409, "payment_not_cancellable")["state"], "paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_a_key_whose_first_request_still_runs_is_refused() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "13.00").await;
    let (path, order) = (format!("/v1/payments/{id}/refunds"), json!({"amount": "5.00", "reason": "zu viel"}));
    // The intent is written, the call to the provider is not marked as sent yet.
    house.gate.hold_after(1);
    let mut first = JoinSet::new();
    let (slow, slow_path, slow_order) = (portal.clone(), path.clone(), order.clone());
    first.spawn(async move { slow.post(&slow_path, "key", &slow_order).await });
    house.gate.until_held().await;
    let refused = portal.post(&path, "key", &order).await;
    refused.problem(409, "idempotency_key_in_flight");
    assert_eq!(refused.header("retry-after"), Some("1"));
    house.gate.release();
    let first = first.join_next().await.unwrap().unwrap();
    let again = portal.post(&path, "key", &order).await;
    assert_eq!((first.status, again.status, again.is_replayed()), (201, 201, true));
    assert_eq!(first.body, again.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_failure_of_ours_is_not_frozen() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    house.gate.fail_after(0);
    let failed = portal.post("/v1/payments", "key", &new_payment("13.00")).await;
    failed.problem(503, "storage_full");
    assert!(house.gate.is_idle() && failed.header("retry-after").is_some());
    let made = portal.post("/v1/payments", "key", &new_payment("13.00")).await;
    made.expect(201);
    assert!(!made.is_replayed());
    assert!(portal.post("/v1/payments", "key", &new_payment("13.00")).await.is_replayed());
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_refund_that_broke_half_way_goes_on_under_its_key() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "13.00").await;
    let (path, order) = (format!("/v1/payments/{id}/refunds"), json!({"amount": "5.00", "reason": "zu viel"}));
    // The intent is written, then the disk is full.
    house.gate.fail_after(1);
    portal.post(&path, "key", &order).await.problem(503, "storage_full");
    assert!(house.gate.is_idle());
    portal.post(&path, "key", &order).await.problem(409, "idempotency_key_in_flight");
    house.stage.clock.advance(SignedDuration::from_secs(31));
    let made = portal.post(&path, "key", &order).await.expect(201);
    assert!(portal.post(&path, "key", &order).await.is_replayed());
    let payment = portal.get(&format!("/v1/payments/{id}")).await.expect(200);
    assert_eq!(payment["refunds"].as_array().unwrap().len(), 1);
    assert_eq!(payment["refunds"][0]["id"], made["id"]);
    assert_eq!(house.stage.transactions()[0]["calls"]["refund"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_a_key_must_be_a_key() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let bearer = portal.bearer().unwrap();
    let body = new_payment("13.00").to_string();
    let base = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    portal.send(Method::POST, "/v1/payments", &base, body.clone()).await.problem(400, "idempotency_key_missing");
    let long = "k".repeat(256);
    for key in ["", " ", "two words", "schlüssel", "tab\there", long.as_str()] {
        let headers = [base[0], base[1], ("idempotency-key", key)];
        let refused = portal.send(Method::POST, "/v1/payments", &headers, body.clone()).await;
        refused.problem(400, "idempotency_key_invalid");
    }
    let twice = [base[0], base[1], ("idempotency-key", "a"), ("idempotency-key", "a")];
    portal.send(Method::POST, "/v1/payments", &twice, body.clone()).await.problem(400, "idempotency_key_invalid");
    let listed = portal.get("/v1/payments").await.expect(200);
    assert_eq!(listed["data"], json!([]), "nothing was written");
    portal.post("/v1/payments", &long[..255], &new_payment("13.00")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_a_late_repetition_never_is_a_second_payment() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let first = portal.post("/v1/payments", "key", &new_payment("13.00")).await;
    for days in [1, 30, 400] {
        house.stage.advance(days * 86_400).await;
        let again = portal.post("/v1/payments", "key", &new_payment("13.00")).await;
        assert_eq!((again.status, &again.body, again.is_replayed()), (201, &first.body, true));
    }
    let listed = portal.get("/v1/payments").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(listed["data"][0]["state"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn f5_first_requests_of_the_same_instant_make_one_payment() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let replies = crowd(&portal, "/v1/payments", &new_payment("13.00")).await;
    let ids: BTreeSet<String> = replies.iter().map(|reply| reply.expect(201)["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(replies.iter().filter(|reply| !reply.is_replayed()).count(), 1);
    let listed = portal.get("/v1/payments?reference=antrag-1").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(house.stage.feed_types().await, ["payment.created"]);
    house.stage.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f5_first_requests_of_the_same_instant_make_one_refund() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "13.00").await;
    let (path, order) = (format!("/v1/payments/{id}/refunds"), json!({"amount": "5.00", "reason": "zu viel"}));
    let replies = crowd(&portal, &path, &order).await;
    let made: BTreeSet<String> =
        replies.iter().filter(|reply| reply.status == 201).map(|reply| reply.json()["id"].to_string()).collect();
    assert_eq!(made.len(), 1);
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        refused.problem(409, "idempotency_key_in_flight");
    }
    assert!(portal.post(&path, "key", &order).await.is_replayed());
    assert_eq!(house.stage.transactions()[0]["calls"]["refund"], 1);
    house.stage.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_a_double_click_sends_its_key_twice_and_makes_one_payment() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let request = new_payment("13.00");
    let (one, two) =
        tokio::join!(portal.post("/v1/payments", "form-1", &request), portal.post("/v1/payments", "form-1", &request));
    assert_eq!(one.expect(201), two.expect(201));
    assert!(one.is_replayed() != two.is_replayed());
    // The form that is loaded anew has another key and means another payment.
    let another = portal.post("/v1/payments", "form-2", &request).await.expect(201);
    assert_ne!(another["id"], one.json()["id"]);
    assert_ne!(another["kassenzeichen"], one.json()["kassenzeichen"]);
    assert_eq!(house.stage.desk.tenant(TENANT).unwrap().tenant.id.as_str(), TENANT);
}

/// The same command on many connections at once, each of which stands before the command leaves.
async fn crowd(portal: &crate::client::Portal, path: &str, body: &serde_json::Value) -> Vec<Reply> {
    let together = Arc::new(Barrier::new(CROWD));
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let (portal, together) = (portal.clone(), Arc::clone(&together));
        let (path, body) = (path.to_owned(), body.clone());
        crowd.spawn(async move {
            portal.get("/health/live").await;
            together.wait().await;
            portal.post(&path, "key", &body).await
        });
    }
    crowd.join_all().await
}
