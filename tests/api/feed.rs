//! The event feed, and lists.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::house::{House, new_payment};

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_is_read_page_by_page_without_a_gap() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    assert_eq!(portal.get("/v1/events").await.expect(200), json!({"data": [], "next_after": 0}));
    for _ in 0..3 {
        house.paid(&portal, "13.00").await;
    }
    let whole = portal.get("/v1/events?limit=100").await.expect(200);
    let mut after = 0;
    let mut collected = Vec::new();
    loop {
        let page = portal.get(&format!("/v1/events?limit=2&after={after}")).await.expect(200);
        let events = page["data"].as_array().unwrap();
        assert!(events.len() <= 2);
        if events.is_empty() {
            assert_eq!(page["next_after"], after);
            break;
        }
        collected.extend(events.clone());
        after = page["next_after"].as_u64().unwrap();
    }
    assert_eq!(Value::from(collected.clone()), whole["data"]);
    let positions: Vec<u64> = collected.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert!(positions.is_sorted_by(|one, two| one < two));
    let paid = collected.iter().filter(|event| event["type"] == "payment.paid").count();
    assert_eq!(paid, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_the_feed_is_woken_by_a_commit_of_this_instance() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let mut waiting = JoinSet::new();
    for _ in 0..4 {
        let portal = portal.clone();
        waiting.spawn(async move { portal.get("/v1/events?wait_seconds=30").await.expect(200) });
    }
    while house.drain.running() < 4 {
        tokio::task::yield_now().await;
    }
    house.create(&portal, "13.00").await;
    for page in waiting.join_all().await {
        assert_eq!(page["data"][0]["type"], "payment.created");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_where_the_page_ended() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let mut made = Vec::new();
    for number in 0..5 {
        let mut request = new_payment("13.00");
        request["reference"] = json!(if number == 4 { "anders" } else { "gleich" });
        let created = portal.post("/v1/payments", &house.stage.fresh_key(), &request).await.expect(201);
        made.insert(0, created["id"].clone());
        house.stage.clock.advance(jiff::SignedDuration::from_secs(1));
    }
    let mut path = "/v1/payments?limit=2".to_owned();
    let mut listed = Vec::new();
    for _ in 0..3 {
        let page = portal.get(&path).await.expect(200);
        listed.extend(page["data"].as_array().unwrap().iter().map(|payment| payment["id"].clone()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/payments?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(listed, made);
    let count = async |query: &str| {
        portal.get(&format!("/v1/payments?{query}")).await.expect(200)["data"].as_array().unwrap().len()
    };
    assert_eq!(count("reference=gleich").await, 4);
    assert_eq!(count("reference=gleich&state=open").await, 4);
    assert_eq!(count("state=paid").await, 0);
    assert_eq!(count("created_after=2026-11-24T08:00:03Z").await, 2);
    assert_eq!(count("created_before=2026-11-24T08:00:03Z").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_read_strictly() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    for (path, parameter) in [
        ("/v1/payments?colour=red", "colour"),
        ("/v1/payments?limit=0", "limit"),
        ("/v1/payments?limit=101", "limit"),
        ("/v1/payments?limit=+1", "limit"),
        ("/v1/payments?limit=1&limit=1", "limit"),
        ("/v1/payments?cursor=abc", "cursor"),
        ("/v1/payments?state=shiny", "state"),
        ("/v1/payments?created_after=yesterday", "created_after"),
        ("/v1/payments?reference=%ff", "reference"),
        ("/v1/payments?kassenzeichen=%3Cscript%3E", "kassenzeichen"),
        ("/v1/events?after=-1", "after"),
        ("/v1/events?wait_seconds=31", "wait_seconds"),
        ("/v1/fees?on=24.11.2026", "on"),
        ("/v1/payment-methods", "service"),
    ] {
        let problem = portal.get(path).await.problem(400, "query_invalid");
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{path}");
    }
    portal.get("/v1/fees?service=nowhere").await.problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_and_methods_are_what_the_settings_say() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let fees = portal.get("/v1/fees?service=buergerbuero&on=2026-02-06&language=en").await.expect(200);
    let card = fees["data"].as_array().unwrap().iter().find(|fee| fee["fee"] == "personalausweis_ab_24").unwrap();
    assert_eq!((&card["amount"], &card["name"]), (&json!("37.00"), &json!("Identity card, aged 24 and over")));
    let methods = portal.get("/v1/payment-methods?service=buergerportal").await.expect(200);
    assert_eq!(methods["data"], json!([{"method": "card", "provider": "adyen"}]));
}
