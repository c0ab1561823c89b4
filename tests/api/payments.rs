//! The way of a payment over the wire.

use serde_json::json;

use crate::house::{House, new_payment};

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_created_paid_read_and_refunded() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let reply = portal.post("/v1/payments", "key-a", &new_payment("13.00")).await;
    let created = reply.expect(201);
    let path = format!("/v1/payments/{}", created["id"].as_str().unwrap());
    assert_eq!(reply.header("location"), Some(path.as_str()));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!((created["state"].as_str(), created["amount"].as_str()), (Some("open"), Some("13.00")));
    assert_eq!(portal.get(&path).await.expect(200), created);
    let started = portal.post(&format!("{path}/attempts"), "key-b", &json!({"method": "card"})).await.expect(201);
    assert_eq!(started["state"], "processing");
    house.stage.decide(started["next_action"]["url"].as_str().unwrap(), "approve");
    house.stage.settle().await;
    let paid = portal.get(&path).await.expect(200);
    assert_eq!((paid["state"].as_str(), paid["amount_refundable"].as_str()), (Some("paid"), Some("13.00")));
    let order = json!({"amount": "5.00", "reason": "zu viel"});
    let refund = portal.post(&format!("{path}/refunds"), "key-c", &order).await.expect(201);
    assert_eq!((refund["object"].as_str(), refund["amount"].as_str()), (Some("refund"), Some("5.00")));
    house.stage.advance(5).await;
    let path = format!("/v1/refunds/{}", refund["id"].as_str().unwrap());
    assert_eq!(portal.get(&path).await.expect(200)["state"], "succeeded");
    assert_eq!((house.stage.held().await, house.stage.held_at_twin()), (800, 800));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_state_does_not_allow_is_told_with_the_state() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let open = house.create(&portal, "13.00").await;
    let capture = portal.post_raw(&format!("/v1/payments/{open}/capture"), "a", "").await;
    assert_eq!(capture.problem(409, "payment_not_capturable")["state"], "open");
    let order = json!({"amount": "5.00", "reason": "zu viel"});
    let refund = portal.post(&format!("/v1/payments/{open}/refunds"), "b", &order).await;
    assert_eq!(refund.problem(409, "payment_not_refundable")["state"], "open");
    let cancelled = portal.post_raw(&format!("/v1/payments/{open}/cancel"), "c", "").await.expect(200);
    assert_eq!(cancelled["state"], "cancelled");
    let start = portal.post(&format!("/v1/payments/{open}/attempts"), "d", &json!({"method": "card"})).await;
    assert_eq!(start.problem(409, "payment_not_payable")["state"], "cancelled");
    let start = portal.post(&format!("/v1/payments/{open}/attempts"), "e", &json!({"method": "paypal"})).await;
    start.problem(422, "method_unavailable");
    let paid = house.paid(&portal, "13.00").await;
    let cancel = portal.post(&format!("/v1/payments/{paid}/cancel"), "f", &json!({})).await;
    assert_eq!(cancel.problem(409, "payment_not_cancellable")["state"], "paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn authorised_money_is_captured_whole() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let mut request = new_payment("13.00");
    request["capture"] = json!("manual");
    let created = portal.post("/v1/payments", "create", &request).await.expect(201);
    let path = format!("/v1/payments/{}", created["id"].as_str().unwrap());
    let started = portal.post(&format!("{path}/attempts"), "start", &json!({"method": "card"})).await.expect(201);
    house.stage.decide(started["next_action"]["url"].as_str().unwrap(), "approve");
    house.stage.settle().await;
    assert_eq!(portal.get(&path).await.expect(200)["state"], "authorised");
    let part = portal.post(&format!("{path}/capture"), "part", &json!({"amount": "5.00"})).await;
    assert_eq!(part.problem(422, "amount_mismatch")["amount"], "13.00");
    let whole = portal.post(&format!("{path}/capture"), "whole", &json!({"amount": "13.00"})).await;
    assert!(whole.status == 200 || whole.status == 202, "{}", whole.status);
    house.stage.advance(5).await;
    assert_eq!(portal.get(&path).await.expect(200)["state"], "paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_paid_by_one_payment_at_a_time() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let first = portal.post("/v1/payments", "a", &new_payment("13.00")).await.expect(201);
    let mut again = new_payment("13.00");
    again["kassenzeichen"] = first["kassenzeichen"].clone();
    let refused = portal.post("/v1/payments", "b", &again).await.problem(409, "claim_has_open_payment");
    assert_eq!((&refused["payment"], &refused["checkout_url"]), (&first["id"], &first["checkout_url"]));
    again["kassenzeichen"] = json!("4200999999999");
    let unknown = portal.post("/v1/payments", "c", &again).await;
    assert_eq!((unknown.status, unknown.pointers()), (422, vec!["/kassenzeichen".to_owned()]));
    let path = format!("/v1/payments/{}/cancel", first["id"].as_str().unwrap());
    portal.post_raw(&path, "d", "").await.expect(200);
    again["kassenzeichen"] = first["kassenzeichen"].clone();
    let second = portal.post("/v1/payments", "b", &again).await.expect(201);
    assert_eq!(second["kassenzeichen"], first["kassenzeichen"]);
}
