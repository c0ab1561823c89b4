//! Notifications of providers over the wire.

use http::Method;
use serde_json::json;

use crate::{client::Portal, house::House};

const HOOK: &str = "/hooks/adyen/adyen-test";

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_kept_and_acknowledged_and_its_repetition_too() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let (id, body) = paid_but_not_told(&house, &portal).await;
    for _ in 0..2 {
        let reply = deliver(&portal, HOOK, body.clone()).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/plain; charset=utf-8")));
        assert_eq!(reply.body.as_ref(), b"[accepted]");
    }
    while house.stage.attend().await > 0 {}
    assert_eq!(portal.get(&format!("/v1/payments/{id}")).await.expect(200)["state"], "paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_or_not_for_us_is_not_taken() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let (id, body) = paid_but_not_told(&house, &portal).await;
    let forged = String::from_utf8(body.clone()).unwrap().replace("1300", "1");
    assert_ne!(forged.as_bytes(), body);
    deliver(&portal, HOOK, forged.into_bytes()).await.problem(401, "signature_invalid");
    for path in
        ["/hooks/adyen/unknown", "/hooks/stripe/adyen-test", "/hooks/adyen/%ff", "/hooks/adyen/..", "/hooks/adyen"]
    {
        deliver(&portal, path, body.clone()).await.problem(404, "not_found");
    }
    deliver(&portal, "/hooks/adyen/adyen-nachbar", body.clone()).await.problem(401, "signature_invalid");
    for nonsense in ["", "{}", "no json", "[]"] {
        deliver(&portal, HOOK, nonsense.as_bytes().to_vec()).await.problem(400, "not_a_delivery");
    }
    let large = vec![b' '; (256 << 10) + 1];
    deliver(&portal, HOOK, large).await.problem(413, "body_too_large");
    while house.stage.attend().await > 0 {}
    assert_eq!(portal.get(&format!("/v1/payments/{id}")).await.expect(200)["state"], "processing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_kept_is_asked_for_again() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let (_, body) = paid_but_not_told(&house, &portal).await;
    house.gate.fail_after(0);
    deliver(&portal, HOOK, body.clone()).await.problem(503, "storage_full");
    assert!(house.gate.is_idle());
    assert_eq!(deliver(&portal, HOOK, body).await.status, 200);
}

/// A payment whose page was paid, and the bytes that the provider has to say about it.
async fn paid_but_not_told(house: &House, portal: &Portal) -> (String, Vec<u8>) {
    let id = house.create(portal, "13.00").await;
    let path = format!("/v1/payments/{id}/attempts");
    let started = portal.post(&path, "start", &json!({"method": "card"})).await.expect(201);
    house.stage.decide(started["next_action"]["url"].as_str().unwrap(), "approve");
    let due = house.stage.world.lock().unwrap().due_notifications(house.stage.desk.now());
    (id, due[0].body.clone())
}

async fn deliver(portal: &Portal, path: &str, body: Vec<u8>) -> crate::client::Reply {
    portal.send(Method::POST, path, &[("content-type", "application/json")], body).await
}
