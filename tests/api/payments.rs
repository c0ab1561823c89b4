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
