//! Who may ask what.

use http::Method;
use jiff::SignedDuration;
use serde_json::json;
use zahlstelle::{clock::Clock, desk::clients, ids::SystemIds};

use crate::{
    client::Portal,
    house::{House, NEIGHBOUR, new_payment},
    stage::TENANT,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_key_nothing_is_answered() {
    let house = House::open(1).await;
    let good = house.portal().await.bearer().unwrap();
    let as_live = good.replace("zs_test_", "zs_live_");
    let unknown = format!("Bearer zs_test_{}", "0".repeat(64));
    let shouted = good.to_uppercase();
    let basic = good.replace("Bearer", "Basic");
    let bare = good.replace("Bearer ", "");
    let portal = Portal::new(house.address, None);
    let bad = [as_live.as_str(), &unknown, &shouted, &basic, &bare, "Bearer", "Bearer ", "", "Bearer zs_test_"];
    let mut requests: Vec<Vec<(&str, &str)>> = bad.iter().map(|value| vec![("authorization", *value)]).collect();
    requests.push(vec![]);
    requests.push(vec![("authorization", good.as_str()), ("authorization", good.as_str())]);
    for headers in requests {
        let refused = portal.send(Method::GET, "/v1/payments", &headers, "").await;
        refused.problem(401, "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    }
    portal.send(Method::GET, "/v1/payments", &[("authorization", good.as_str())], "").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_ceases_to_work() {
    let house = House::open(1).await;
    let (client, key) = house.key_of(TENANT, &["payments:read"]).await;
    let portal = Portal::new(house.address, Some(key));
    portal.get("/v1/payments").await.expect(200);
    let store = house.stage.store.as_ref();
    clients::revoke(store, &SystemIds, house.stage.clock.now(), TENANT, client).await.unwrap();
    house.stage.clock.advance(SignedDuration::from_secs(2));
    portal.get("/v1/payments").await.problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_do_what_its_scopes_say() {
    let house = House::open(1).await;
    let all = house.portal().await;
    let id = house.paid(&all, "13.00").await;
    let reader = house.portal_of(TENANT, &["payments:read"]).await;
    reader.get(&format!("/v1/payments/{id}")).await.expect(200);
    let order = json!({"amount": "1.00", "reason": "storniert"});
    for (path, body, scope) in [
        ("/v1/payments".to_owned(), new_payment("1.00"), "payments:write"),
        (format!("/v1/payments/{id}/cancel"), json!({}), "payments:write"),
        (format!("/v1/payments/{id}/capture"), json!({}), "payments:write"),
        (format!("/v1/payments/{id}/attempts"), json!({"method": "card"}), "payments:write"),
        (format!("/v1/payments/{id}/refunds"), order, "refunds:request"),
    ] {
        let refused = reader.post(&path, &house.stage.fresh_key(), &body).await.problem(403, "scope_missing");
        assert_eq!(refused["scope"], scope);
    }
    let writer = house.portal_of(TENANT, &["payments:write"]).await;
    writer.get("/v1/events").await.problem(403, "scope_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_mandant_has_does_not_exist() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "13.00").await;
    let order = json!({"amount": "1.00", "reason": "storniert"});
    let refund = portal.post(&format!("/v1/payments/{id}/refunds"), "refund", &order).await.expect(201);
    let refund = refund["id"].as_str().unwrap();
    let neighbour = house.portal_of(NEIGHBOUR, &["payments:write", "payments:read", "refunds:request"]).await;
    neighbour.get(&format!("/v1/payments/{id}")).await.problem(404, "not_found");
    neighbour.get(&format!("/v1/refunds/{refund}")).await.problem(404, "not_found");
    for (path, body) in [
        (format!("/v1/payments/{id}/cancel"), json!({})),
        (format!("/v1/payments/{id}/capture"), json!({})),
        (format!("/v1/payments/{id}/attempts"), json!({"method": "card"})),
        (format!("/v1/payments/{id}/refunds"), order),
        (format!("/v1/refunds/{refund}/approve"), json!({})),
        (format!("/v1/refunds/{refund}/reject"), json!({})),
    ] {
        neighbour.post(&path, &house.stage.fresh_key(), &body).await.problem(404, "not_found");
    }
    let listed = neighbour.get("/v1/payments").await.expect(200);
    assert_eq!((&listed["data"], &listed["next_cursor"]), (&json!([]), &json!(null)));
    assert_eq!(neighbour.get("/v1/events").await.expect(200), json!({"data": [], "next_after": 0}));
    // Its own payments are as good as anybody's, and stay its own.
    let own = house.create(&neighbour, "1.00").await;
    portal.get(&format!("/v1/payments/{own}")).await.problem(404, "not_found");
}
