//! How often clients and sources may ask, and what becomes of payments when that can no longer be told apart.

use http::Method;
use jiff::SignedDuration;
use serde_json::json;
use tokio::task::JoinSet;
use zahlstelle::http::{Counted, Limits, Rate, Rates};

use crate::{
    client::{Portal, Reply},
    house::{House, limits, new_payment},
};

/// No test waits long enough for this many to come back.
const REFUSED_AFTER_MAX: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_its_rate_and_others_have_theirs() {
    let house = open(Rates { reads: rate(1, 3), ..generous() }).await;
    let (portal, other) = (house.portal().await, house.portal().await);
    let (passed, refused) = until_refused(async || portal.get("/v1/payments").await).await;
    assert!(passed >= 3, "{passed}");
    refused.problem(429, "rate_limited");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(house.counts.of(Counted::ReadLimited), 1);
    // Writes have a rate of their own, and so has another client.
    house.create(&portal, "13.00").await;
    other.get("/v1/payments").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_refused_has_done_nothing() {
    let house = open(Rates { writes: rate(1, 1), ..generous() }).await;
    let portal = house.portal().await;
    let once = house.stage.fresh_key();
    house.create(&portal, "1.00").await;
    let refused = loop {
        let reply = portal.post("/v1/payments", &house.stage.fresh_key(), &new_payment("2.00")).await;
        if reply.status == 429 {
            break portal.post("/v1/payments", &once, &new_payment("13.00")).await;
        }
    };
    refused.problem(429, "rate_limited");
    let amounts = portal.get("/v1/payments?limit=100").await.expect(200)["data"].to_string();
    assert!(!amounts.contains("13.00"), "{amounts}");
    // The key is as good as new.
    let met = loop {
        let reply = portal.post("/v1/payments", &once, &new_payment("13.00")).await;
        if reply.status != 429 {
            break reply;
        }
    };
    met.expect(201);
    assert!(!met.is_replayed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_no_key_is_limited_by_its_source() {
    let house = open(Rates { pages: rate(1, 2), hooks: rate(1, 2), open: rate(1, 2), ..generous() }).await;
    let portal = house.portal().await;
    let created = portal.post("/v1/payments", "key", &new_payment("13.00")).await.expect(201);
    let page = created["checkout_url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().to_owned();
    for (method, path, counted) in [
        (Method::GET, page.as_str(), Counted::CheckoutLimited),
        (Method::POST, "/hooks/adyen/adyen-test", Counted::HookLimited),
        (Method::GET, "/wp-login.php", Counted::OpenLimited),
    ] {
        let (passed, refused) = until_refused(async || ask(&house, &method, path, "2001:db8::1").await).await;
        assert!(passed >= 2 && house.counts.of(counted) == 1, "{path}: {passed}");
        assert!(refused.header("retry-after").is_some());
        let words = String::from_utf8_lossy(&refused.body).into_owned();
        if path == page {
            assert_eq!((refused.status, refused.header("content-type")), (429, Some("text/html; charset=utf-8")));
            assert!(words.contains("zu viele Anfragen") && words.contains("Too many requests"), "{words}");
        } else {
            refused.problem(429, "rate_limited");
        }
        // The neighbour in the same /64 is the same subscriber; the next network is not.
        assert_eq!(ask(&house, &method, path, "2001:db8::2").await.status, 429, "{path}");
        assert_ne!(ask(&house, &method, path, "2001:db8:0:1::1").await.status, 429, "{path}");
    }
    for _ in 0..20 {
        assert_eq!(ask(&house, &Method::GET, "/health/live", "2001:db8::1").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_keys_is_stopped_and_known_keys_of_the_same_source_go_on() {
    let house = open(Rates { sign_ins: rate(1, 5), ..generous() }).await;
    let (known, late) = (house.portal().await, house.portal().await);
    assert_eq!(signed_in(&house, &known, "192.0.2.1").await.status, 200);
    let guesser = Portal::new(house.address, Some(format!("zs_test_{}", "0".repeat(64))));
    let (passed, refused) = until_refused(async || signed_in(&house, &guesser, "192.0.2.1").await).await;
    assert!(passed >= 4, "{passed}");
    refused.problem(429, "rate_limited");
    assert_eq!(house.counts.of(Counted::SignInLimited), 1);
    assert_eq!(house.counts.of(Counted::SignInFailed), u64::try_from(passed).unwrap());
    // A key that was good goes on, also after it is no longer taken on trust.
    house.stage.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(signed_in(&house, &known, "192.0.2.1").await.status, 200);
    // A key that nobody has used yet comes in from elsewhere.
    assert_eq!(signed_in(&house, &late, "192.0.2.2").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_waits_for_events_so_often_at_a_time() {
    let house = open(Rates { polls_waiting_max: 1, ..generous() }).await;
    let (portal, other) = (house.portal().await, house.portal().await);
    let mut waiting = JoinSet::new();
    let first = portal.clone();
    // Whichever of the two comes first has the place; the one that waits for long comes again until it has it.
    waiting.spawn(async move {
        loop {
            let reply = first.get("/v1/events?wait_seconds=30").await;
            if reply.status != 429 {
                return reply;
            }
        }
    });
    let (_, refused) = until_refused(async || portal.get("/v1/events").await).await;
    refused.problem(429, "rate_limited");
    other.get("/v1/events").await.expect(200);
    house.create(&other, "13.00").await;
    waiting.join_next().await.unwrap().unwrap().expect(200);
    portal.get("/v1/events").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_losing_the_table_of_the_limiter_neither_opens_nor_stops_payments() {
    // Every rate can tell two apart; then its table is of no more use.
    let house = open(Rates { pages: rate(1, 1), open: rate(1, 1), keys_max: 2, ..generous() }).await;
    let portal = house.portal().await;
    let created = portal.post("/v1/payments", "key", &new_payment("13.00")).await.expect(201);
    let page = created["checkout_url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().to_owned();
    let nobody = Portal::new(house.address, None);
    let asked =
        async |path: &str, source: &str| nobody.send(Method::GET, path, &[("x-forwarded-for", source)], "").await;
    // Two attackers fill the tables and keep them full.
    let attack = async |path: &str| {
        for attacker in ["198.51.100.1", "198.51.100.2"] {
            let (_, refused) = until_refused(async || asked(path, attacker).await).await;
            assert_eq!(refused.status, 429, "whoever is known keeps his account");
        }
    };
    attack(&page).await;
    assert_eq!(house.counts.of(Counted::RateTableFull), 0);
    // A citizen whom it does not know sees the page all the same: the fault has fired, and nothing has stopped.
    while house.counts.of(Counted::RateTableFull) == 0 {
        assert_eq!(asked(&page, "192.0.2.1").await.status, 200);
        attack(&page).await;
    }
    // Clients are told apart by tables of their own that are just as full, and go on as well.
    for number in 0..4 {
        let portal = house.portal().await;
        let id = house.create(&portal, "13.00").await;
        portal.get(&format!("/v1/payments/{id}")).await.expect(200);
        let path = format!("/v1/payments/{id}/attempts");
        let started = portal.post(&path, &format!("start-{number}"), &json!({"method": "card"})).await.expect(201);
        house.stage.decide(started["next_action"]["url"].as_str().unwrap(), "approve");
        house.stage.settle().await;
        assert_eq!(portal.get(&format!("/v1/payments/{id}")).await.expect(200)["state"], "paid");
    }
    // Nor has it opened: strangers together have an end, though each of them comes from a new address.
    attack("/wp-login.php").await;
    let mut stranger = 0_u32;
    let (passed, refused) = until_refused(async || {
        stranger += 1;
        asked("/wp-login.php", &format!("203.0.{}.{}", 113 + stranger / 256, stranger % 256)).await
    })
    .await;
    refused.problem(429, "rate_limited");
    assert!(passed >= 32, "they have had more than one of them alone would have: {passed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rates_nothing_is_refused() {
    let house = House::open(1).await;
    let portal = Portal::new(house.address, None);
    for _ in 0..200 {
        portal.get("/wp-login.php").await.problem(404, "not_found");
    }
}

/// A house behind a proxy of this machine, so that a test can come from anywhere.
async fn open(rates: Rates) -> House {
    let proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let bounds = Limits { rates: Some(rates), ..limits() };
    House::open_arranged(1, bounds, |tenant| tenant, |server| server.behind(proxies)).await
}

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second: per_second.try_into().unwrap(), burst: burst.try_into().unwrap() }
}

/// Rates that no test meets by accident.
fn generous() -> Rates {
    let many = rate(100_000, 100_000);
    Rates {
        reads: many,
        writes: many,
        polls: many,
        polls_waiting_max: 100,
        hooks: many,
        pages: many,
        open: many,
        sign_ins: many,
        keys_max: 100,
    }
}

async fn ask(house: &House, method: &Method, path: &str, source: &str) -> Reply {
    let portal = Portal::new(house.address, None);
    portal.send(method.clone(), path, &[("x-forwarded-for", source)], "").await
}

async fn signed_in(house: &House, portal: &Portal, source: &str) -> Reply {
    let bearer = portal.bearer().unwrap();
    let headers = [("authorization", bearer.as_str()), ("x-forwarded-for", source)];
    Portal::new(house.address, None).send(Method::GET, "/v1/payments", &headers, "").await
}

/// How many requests were met before one was refused, and how it was.
async fn until_refused(mut ask: impl AsyncFnMut() -> Reply) -> (usize, Reply) {
    for passed in 0..REFUSED_AFTER_MAX {
        let reply = ask().await;
        if reply.status == 429 {
            return (passed, reply);
        }
    }
    panic!("nothing was refused");
}
