//! Webhook endpoints over the wire: made, shown, changed, refused, deleted.

use serde_json::{Value, json};
use tokio::task::JoinSet;
use zahlstelle::desk::feed::EVENT_TYPES;

use crate::{
    client::Portal,
    house::{House, NEIGHBOUR},
    stage::TENANT,
};

const ENDPOINTS: &str = "/v1/webhook-endpoints";
const SCOPE: &str = "webhooks:manage";

async fn developer(house: &House) -> Portal {
    house.portal_of(TENANT, &[SCOPE, "payments:read", "payments:write"]).await
}

fn wanted(path: &str) -> Value {
    json!({"url": format!("https://portal.example.org/{path}")})
}

fn id(endpoint: &Value) -> String {
    endpoint["id"].as_str().unwrap().to_owned()
}

fn at(endpoint: &Value) -> String {
    format!("{ENDPOINTS}/{}", id(endpoint))
}

fn without_secret(endpoint: &Value) -> Value {
    let mut plain = endpoint.clone();
    plain.as_object_mut().unwrap().remove("secret");
    plain
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_to_the_request_that_made_it_and_to_its_repetition_alone() {
    let house = House::open(1).await;
    let portal = developer(&house).await;
    let order = json!({"url": "https://portal.example.org/hook", "description": "Portal", "events": ["payment.paid"]});
    let created = portal.post(ENDPOINTS, "own-1", &order).await;
    let endpoint = created.expect(201);
    assert_eq!(created.header("location"), Some(at(&endpoint).as_str()));
    let secret = endpoint["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() > 40, "{secret}");
    assert!(endpoint["secrets"][0]["public_key"].as_str().unwrap().starts_with("whpk_"));
    let again = portal.post(ENDPOINTS, "own-1", &order).await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(201), endpoint);
    let plain = without_secret(&endpoint);
    assert_eq!(portal.get(&at(&endpoint)).await.expect(200), plain);
    assert_eq!(portal.get(ENDPOINTS).await.expect(200), json!({"data": [plain], "next_cursor": null}));
    portal.post(ENDPOINTS, "own-1", &wanted("other")).await.problem(422, "idempotency_key_reused");

    let rotate = format!("{}/rotate-secret", at(&endpoint));
    let rotated = portal.post(&rotate, "own-2", &json!({"expire_old_after_seconds": 60})).await.expect(200);
    assert_ne!(rotated["secret"], endpoint["secret"]);
    let generations: Vec<&Value> =
        rotated["secrets"].as_array().unwrap().iter().map(|one| &one["generation"]).collect();
    assert_eq!(generations, [2, 1]);
    assert!(rotated["secrets"][0]["valid_until"].is_null() && rotated["secrets"][1]["valid_until"].is_string());
    assert_eq!(portal.post(&rotate, "own-2", &json!({"expire_old_after_seconds": 60})).await.expect(200), rotated);
    // The repetition of the first request still shows its own secret, beside what holds now.
    let first = portal.post(ENDPOINTS, "own-1", &order).await.expect(201);
    assert_eq!((&first["secret"], &first["version"]), (&endpoint["secret"], &json!(2)));
    portal.post(&rotate, "own-3", &json!({})).await.expect(200);
    portal.post(&rotate, "own-4", &json!({})).await.problem(409, "webhook_limit_reached");
    portal.post(&rotate, "own-5", &json!({"expire_old_after_seconds": 0})).await.expect(200);
    assert!(house.stage.check().await.findings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_changes_member_by_member_and_tells_who_was_too_late() {
    let house = House::open(2).await;
    let portal = developer(&house).await;
    let endpoint = portal.post(ENDPOINTS, "own-1", &wanted("hook")).await.expect(201);
    assert_eq!((&endpoint["events"], &endpoint["enabled"]), (&Value::Null, &json!(true)));
    let path = at(&endpoint);
    let change = |body: Value| {
        let (portal, path) = (portal.clone(), path.clone());
        async move { portal.patch(&path, &body).await }
    };
    let named = change(json!({"description": "Bürgerportal", "events": ["payment.paid"]})).await.expect(200);
    assert_eq!((&named["description"], &named["version"]), (&json!("Bürgerportal"), &json!(2)));
    let same = change(json!({"description": "Bürgerportal"})).await.expect(200);
    assert_eq!(same["version"], 2, "what changes nothing is no change");
    let opened = change(json!({"description": null, "events": null, "expected_version": 2})).await.expect(200);
    assert_eq!(
        (&opened["description"], &opened["events"], &opened["version"]),
        (&Value::Null, &Value::Null, &json!(3))
    );
    let late = change(json!({"enabled": false, "expected_version": 2})).await.problem(412, "version_mismatch");
    assert_eq!(late["version"], 3);
    let off = change(json!({"enabled": false})).await.expect(200);
    assert_eq!((&off["enabled"], &off["disabled_reason"]), (&json!(false), &json!("client")));
    for order in ["test", "replay"] {
        let body = if order == "test" { json!({}) } else { json!({"after": 0, "until": 1}) };
        let reply = portal.post(&format!("{path}/{order}"), &house.stage.fresh_key(), &body).await;
        reply.problem(409, "webhook_endpoint_disabled");
    }
    change(json!({"enabled": true})).await.expect(200);
    assert_eq!(portal.delete(&path).await.expect(200)["deleted"], true);
    for reply in [portal.get(&path).await, portal.delete(&path).await, change(json!({"enabled": true})).await] {
        reply.problem(404, "not_found");
    }
    assert!(house.stage.check().await.findings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_an_endpoint_is_named() {
    let house = House::open(3).await;
    let portal = developer(&house).await;
    let long = format!("https://portal.example.org/{}", "a".repeat(2_048));
    for (body, pointer) in [
        (json!({}), "/url"),
        (json!({"url": "hook"}), "/url"),
        (json!({"url": "http://portal.example.org/"}), "/url"),
        (json!({"url": "ftp://portal.example.org/"}), "/url"),
        (json!({"url": "https://user:secret@portal.example.org/"}), "/url"),
        (json!({"url": "https://portal.example.org/#top"}), "/url"),
        (json!({"url": "https://10.0.0.1/"}), "/url"),
        (json!({"url": "https://127.0.0.1/"}), "/url"),
        (json!({"url": "https://169.254.169.254/latest/meta-data"}), "/url"),
        (json!({"url": long}), "/url"),
        (json!({"url": "https://a.example/", "events": []}), "/events"),
        (json!({"url": "https://a.example/", "events": ["payment.shiny"]}), "/events/0"),
        (json!({"url": "https://a.example/", "events": ["payment.paid", "payment.paid"]}), "/events/1"),
        (json!({"url": "https://a.example/", "description": ""}), "/description"),
    ] {
        let reply = portal.post(ENDPOINTS, &house.stage.fresh_key(), &body).await;
        reply.problem(422, "validation_failed");
        assert_eq!(reply.pointers(), [pointer], "{body}");
    }
    for (body, pointer) in [
        (json!({"url": "https://a.example/", "secret": "whsec_"}), "/secret"),
        (json!({"url": 7}), "/url"),
        (json!({"url": "https://a.example/", "events": "all"}), "/events"),
    ] {
        let reply = portal.post(ENDPOINTS, &house.stage.fresh_key(), &body).await;
        reply.problem(400, "malformed_request");
        assert_eq!(reply.pointers(), [pointer], "{body}");
    }
    let endpoint = portal.post(ENDPOINTS, "own-1", &wanted("hook")).await.expect(201);
    for (body, status) in
        [(json!({"enabled": null}), 422), (json!({"enabled": "no"}), 400), (json!({"url": null}), 422)]
    {
        assert_eq!(portal.patch(&at(&endpoint), &body).await.status, status, "{body}");
    }
    let all = json!({"url": "https://a.example/", "events": EVENT_TYPES});
    portal.post(ENDPOINTS, "own-2", &all).await.expect(201);
    let key = portal.bearer().unwrap();
    let headers = [("content-type", "application/json"), ("authorization", key.as_str())];
    let keyless = portal.send(http::Method::POST, ENDPOINTS, &headers, wanted("x").to_string()).await;
    keyless.problem(400, "idempotency_key_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_for_whoever_may_manage_them_and_of_one_mandant() {
    let house = House::open(4).await;
    let portal = developer(&house).await;
    let endpoint = portal.post(ENDPOINTS, "own-1", &wanted("hook")).await.expect(201);
    let reader = house.portal_of(TENANT, &["payments:read", "payments:write", "operate"]).await;
    assert_eq!(reader.get(ENDPOINTS).await.problem(403, "scope_missing")["scope"], SCOPE);
    // Events show payments, so who may not read those may not have them sent anywhere.
    let blind = house.portal_of(TENANT, &[SCOPE]).await;
    let refused = blind.post(ENDPOINTS, "blind", &wanted("hook")).await.problem(403, "scope_missing");
    assert_eq!(refused["scope"], "payments:read");
    let neighbour = house.portal_of(NEIGHBOUR, &[SCOPE]).await;
    assert_eq!(neighbour.get(ENDPOINTS).await.expect(200)["data"], json!([]));
    for path in [at(&endpoint), format!("{}/deliveries", at(&endpoint))] {
        neighbour.get(&path).await.problem(404, "not_found");
    }
    neighbour.delete(&at(&endpoint)).await.problem(404, "not_found");
    portal.get(&at(&endpoint)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandant_has_as_many_endpoints_as_it_may_also_when_they_are_made_at_once() {
    let house = House::open(5).await;
    let portal = developer(&house).await;
    let mut making = JoinSet::new();
    for number in 0..60 {
        let portal = portal.clone();
        making.spawn(async move {
            portal.post(ENDPOINTS, &format!("own-{number}"), &wanted(&number.to_string())).await.status
        });
    }
    let statuses = making.join_all().await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!(count(201) + count(409) + count(503), 60, "{statuses:?}");
    // Who gave up because others were always faster may try again; the limit holds all the same.
    for number in 0..60 {
        portal.post(ENDPOINTS, &format!("own-{number}"), &wanted(&number.to_string())).await;
    }
    let listed = portal.get(ENDPOINTS).await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 50);
    portal.post(ENDPOINTS, "own-more", &wanted("more")).await.problem(409, "webhook_limit_reached");
    portal.delete(&at(&listed["data"][7])).await.expect(200);
    portal.post(ENDPOINTS, "own-more", &wanted("more")).await.expect(201);
    assert!(house.stage.check().await.findings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_and_replays_are_ordered_once_and_within_the_log() {
    let house = House::open(6).await;
    let portal = developer(&house).await;
    let endpoint = portal.post(ENDPOINTS, "own-1", &wanted("hook")).await.expect(201);
    let path = at(&endpoint);
    let test = portal.post(&format!("{path}/test"), "own-2", &json!({})).await.expect(202);
    assert_eq!((&test["event_type"], &test["state"]), (&json!("webhook.test"), &json!("pending")));
    let again = portal.post(&format!("{path}/test"), "own-2", &json!({})).await;
    assert!(again.is_replayed() && again.expect(202) == test);
    let listed = portal.get(&format!("{path}/deliveries?state=pending")).await.expect(200);
    assert_eq!(listed, json!({"data": [test], "next_cursor": null}));
    assert_eq!(portal.get(&format!("{path}/deliveries?state=failed")).await.expect(200)["data"], json!([]));
    portal.get(&format!("{path}/deliveries?state=lost")).await.problem(400, "query_invalid");
    let replay_one = format!("{path}/deliveries/{}/replay", id(&test));
    portal.post(&replay_one, "own-3", &json!({})).await.expect(202);
    let unknown = format!("{path}/deliveries/{}/replay", id(&endpoint));
    portal.post(&unknown, "own-4", &json!({})).await.problem(404, "not_found");

    house.create(&portal, "13.00").await;
    let last = portal.get("/v1/events").await.expect(200)["next_after"].as_u64().unwrap();
    let replaying = format!("{path}/replay");
    for body in [json!({"after": 3, "until": 3}), json!({"after": 0, "until": last + 1_000})] {
        let reply = portal.post(&replaying, &house.stage.fresh_key(), &body).await;
        reply.problem(422, "validation_failed");
        assert_eq!(reply.pointers(), ["/until"]);
    }
    let range = json!({"after": 0, "until": last});
    let ordered = portal.post(&replaying, "own-5", &range).await.expect(202);
    assert_eq!(ordered["replay"], range);
    portal.post(&replaying, "own-6", &range).await.problem(409, "replay_under_way");
    assert!(portal.post(&replaying, "own-5", &range).await.is_replayed());
}
