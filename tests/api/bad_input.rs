//! What must not be taken, and how it is told.

use http::Method;
use serde_json::{Value, json};

use crate::house::{House, new_payment};

#[tokio::test(flavor = "multi_thread")]
async fn e3_ambiguous_amounts_on_the_wire_are_refused_or_read_exactly() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let create = async |amount: &str| {
        let body = new_payment("AMOUNT").to_string().replace("\"AMOUNT\"", amount);
        portal.post_raw("/v1/payments", &house.stage.fresh_key(), body).await
    };
    for amount in ["13", "13.00", "1e1", "1300", "-0", "0.1", "13.0e0", "true", "{}", "[\"13.00\"]"] {
        let refused = create(amount).await;
        let problem = refused.problem(400, "malformed_request");
        assert_eq!(problem["errors"][0]["pointer"], "/lines/0/unit_amount");
        assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("decimal string"), "{problem}");
    }
    let long = format!("\"{}\"", "9".repeat(30));
    for amount in [
        "\"1e2\"",
        "\"1.005\"",
        "\"-0\"",
        "\"-13.00\"",
        "\"+13.00\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\"13,00\"",
        "\"1.300,00\"",
        "\"1,300.00\"",
        "\" 13.00\"",
        "\"13.00 \"",
        "\"0x10\"",
        "\"013.00\"",
        "\".5\"",
        "\"13.\"",
        "\"\"",
        "\"１３.00\"",
        "\"13 €\"",
        "\"0\"",
        "\"0.00\"",
        "\"92233720368547758.08\"",
        long.as_str(),
    ] {
        let refused = create(amount).await;
        refused.problem(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/lines/0/unit_amount"], "{amount}");
    }
    for (amount, read) in [("\"13\"", "13.00"), ("\"13.5\"", "13.50"), ("\"0.01\"", "0.01"), ("\"21.95\"", "21.95")] {
        assert_eq!(create(amount).await.expect(201)["amount"], read);
    }
    let mut four = new_payment("21.95");
    four["lines"][0]["quantity"] = json!(4);
    four["amount"] = json!("87.80");
    let created = portal.post("/v1/payments", &house.stage.fresh_key(), &four).await.expect(201);
    assert_eq!(created["amount"], "87.80");
    four["amount"] = json!("87.81");
    let refused = portal.post("/v1/payments", &house.stage.fresh_key(), &four).await;
    refused.problem(422, "validation_failed");
    assert_eq!(refused.pointers(), ["/amount"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_a_body_is_told_at_once() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let body = r#"{
        "service": 1, "reference": "", "colour": "red", "return_url": null, "a/b~c": 1,
        "lines": [{"description": "x", "quantity": 1.5, "unit_amount": 13.00, "tax_rate": "19", "unit_amount": "1"}],
        "methods": ["card", "cowrie", 1], "metadata": {"k": 1}, "language": "deutsch", "capture": "later"
    }"#;
    let refused = portal.post_raw("/v1/payments", "key", body).await;
    refused.problem(400, "malformed_request");
    let mut pointers = refused.pointers();
    pointers.sort();
    let mut expected = [
        "/lines/0/unit_amount",
        "/lines/0/unit_amount",
        "/service",
        "/reference",
        "/lines/0/quantity",
        "/return_url",
        "/methods/1",
        "/methods/2",
        "/metadata/k",
        "/language",
        "/capture",
        "/colour",
        "/a~1b~0c",
    ];
    expected.sort_unstable();
    assert_eq!(pointers, expected);
    assert_eq!(portal.get("/v1/payments").await.expect(200)["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_taken_is_told_with_its_place() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let many: Value =
        (0..21).map(|number| (format!("k{number}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    let line = new_payment("1.00")["lines"][0].clone();
    let fee = json!({"fee": "fuehrungszeugnis", "quantity": 1});
    let with = |base: &Value, member: &str, value: Value| {
        let mut changed = base.clone();
        changed[member] = value;
        json!([changed])
    };
    for (member, value, pointer) in [
        ("service", json!("nowhere"), "/service"),
        ("reference", json!("x".repeat(65)), "/reference"),
        ("reference", json!("a\u{7}b"), "/reference"),
        ("lines", json!([]), "/lines"),
        ("lines", json!(vec![line.clone(); 101]), "/lines"),
        ("lines", json!([{"fee": "luftsteuer", "quantity": 1}]), "/lines/0/fee"),
        ("lines", with(&fee, "quantity", json!(0)), "/lines/0/quantity"),
        ("lines", with(&fee, "quantity", json!(-1)), "/lines/0/quantity"),
        ("lines", with(&fee, "fee_date", json!("2026-02-30")), "/lines/0/fee_date"),
        ("lines", with(&line, "description", json!("x".repeat(251))), "/lines/0/description"),
        ("lines", with(&line, "tax_rate", json!("101")), "/lines/0/tax_rate"),
        ("lines", with(&line, "booking", json!({"a b": "c"})), "/lines/0/booking"),
        ("amount", json!("1.01"), "/amount"),
        ("currency", json!("USD"), "/currency"),
        ("methods", json!([]), "/methods"),
        ("methods", json!(["paypal"]), "/methods/0"),
        ("expires_in_seconds", json!(59), "/expires_in_seconds"),
        ("expires_in_seconds", json!(99_999_999_999_u64), "/expires_in_seconds"),
        ("metadata", many, "/metadata"),
        ("metadata", json!({"x".repeat(41): "v"}), &format!("/metadata/{}", "x".repeat(41))),
        ("metadata", json!({"k": "v".repeat(501)}), "/metadata/k"),
    ] {
        let mut request = new_payment("1.00");
        request[member] = value;
        let refused = portal.post("/v1/payments", &house.stage.fresh_key(), &request).await;
        refused.problem(422, "validation_failed");
        assert_eq!(refused.pointers(), [pointer], "{member}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn return_addresses_must_be_on_the_list() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    for address in [
        "https://evil.example/zurueck",
        "http://127.0.0.1:8091/zurueck",
        "http://127.0.0.1:8090@evil.example/",
        "http://evil.example#http://127.0.0.1:8090/",
        "http://user:pass@127.0.0.1:8090/",
        "http://127.0.0.1.evil.example:8090/",
        "//127.0.0.1:8090/",
        "javascript:alert(1)",
        "http:\\\\127.0.0.1:8090\\@evil.example/",
        "/zurueck",
        "http://127.0.0.1:8090/\nset-cookie: x",
    ] {
        let mut request = new_payment("1.00");
        request["return_url"] = json!(address);
        let refused = portal.post("/v1/payments", &house.stage.fresh_key(), &request).await;
        refused.problem(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/return_url"], "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_none_are_told_as_what_they_are() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let good = new_payment("1.00").to_string();
    let deep = format!("{}1{}", "[".repeat(9), "]".repeat(9));
    let cases: [(Vec<u8>, u16, &str); 9] = [
        (b"".to_vec(), 400, "invalid_json"),
        (b"service=buergerportal".to_vec(), 400, "invalid_json"),
        (b"{\"service\": \"a\",}".to_vec(), 400, "invalid_json"),
        (b"\"text\"".to_vec(), 400, "malformed_request"),
        (b"[]".to_vec(), 400, "malformed_request"),
        (b"{\"reference\": \"\xff\"}".to_vec(), 400, "body_not_utf8"),
        (deep.into_bytes(), 400, "body_too_deep"),
        (vec![b'['; 60_000], 400, "invalid_json"),
        (vec![b' '; 65_537], 413, "body_too_large"),
    ];
    for (body, status, code) in cases {
        portal.post_raw("/v1/payments", &house.stage.fresh_key(), body).await.problem(status, code);
    }
    let bearer = portal.bearer().unwrap();
    for kind in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/json; charset=latin1")]
    {
        let mut headers = vec![("authorization", bearer.as_str()), ("idempotency-key", "key")];
        headers.extend(kind.map(|kind| ("content-type", kind)));
        let refused = portal.send(Method::POST, "/v1/payments", &headers, good.clone()).await;
        refused.problem(415, "unsupported_media_type");
    }
    let headers = [
        ("authorization", bearer.as_str()),
        ("idempotency-key", "key"),
        ("content-type", "Application/JSON; charset=\"UTF-8\""),
    ];
    portal.send(Method::POST, "/v1/payments", &headers, good).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_name_one_thing_or_nothing() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.create(&portal, "1.00").await;
    portal.get(&format!("/v1/payments/{id}")).await.expect(200);
    for path in [
        format!("/v1/payments/{}", id.to_uppercase()),
        format!("/v1/payments/{}", id.replace('-', "")),
        format!("/v1/payments/%7B{id}%7D"),
        format!("/v1/payments/urn:uuid:{id}"),
        format!("/v1/payments/{id}%00"),
        format!("/v1/payments/{id}/"),
        format!("/v1/payments/x/../{id}"),
        format!("/v1/payments/%2e%2e/payments/{id}"),
        format!("//v1/payments/{id}"),
        format!("/v1//payments/{id}"),
        format!("/V1/payments/{id}"),
        "/v1/payments/%ff".to_owned(),
        "/v1/payments/..%2f..%2fhealth%2flive".to_owned(),
        "/v1/payments/00000000-0000-0000-0000-000000000000".to_owned(),
        "/v1".to_owned(),
        "/".to_owned(),
    ] {
        portal.get(&path).await.problem(404, "not_found");
    }
    let bearer = portal.bearer().unwrap();
    let headers = [("authorization", bearer.as_str())];
    for method in [Method::DELETE, Method::PUT, Method::PATCH] {
        let refused = portal.send(method, &format!("/v1/payments/{id}"), &headers, "").await;
        refused.problem(405, "method_not_allowed");
        assert!(refused.header("allow").unwrap().contains("GET"));
    }
}
