//! G7: an endpoint that is down, slow or gone is its own problem.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use zahlstelle::{
    clock::Clock,
    desk::webhooks::{DeliveryState, DisabledReason, manage::EndpointChange},
    store::commit::JobKind,
};

use super::{
    assert_order_per_payment, ids_of_feed, pay_several,
    receiver::{Answer, Hit, Receiver},
    sending::{
        PER_ENDPOINT, Sender, deliveries, endpoint, go_to_next_try, loopback, shown, under_way, until_deliveries,
        until_endpoint,
    },
};
use crate::stage::{Stage, TENANT};

#[tokio::test(flavor = "multi_thread")]
async fn g7_endpoints_that_never_answer_hold_up_nobody_else() {
    let stage = Stage::new(71);
    let receiver = Receiver::open().await;
    receiver.answer(|hit| if hit.path.starts_with("/dead") { Answer::Silence } else { Answer::Status(200) });
    for number in 0..4 {
        endpoint(&stage, &receiver.url(&format!("/dead/{number}"))).await;
    }
    endpoint(&stage, &receiver.url("/alive")).await;
    pay_several(&stage, 6).await;
    let events = ids_of_feed(&stage).await;
    // A try may take longer than the whole test.
    let sender = Sender::start_with(&stage.desk, loopback(), std::time::Duration::from_hours(1));
    let count = |hits: &[Hit], path: &str| hits.iter().filter(|hit| hit.path.starts_with(path)).count();
    let hits = receiver.until(|hits| count(hits, "/alive") == events.len() && count(hits, "/dead") > 0).await;
    let alive: BTreeSet<String> = hits.iter().filter(|hit| hit.path == "/alive").map(Hit::id).collect();
    assert_eq!(alive, events.into_iter().collect());
    let each: Vec<usize> = (0..4).map(|number| count(&hits, &format!("/dead/{number}"))).collect();
    assert!(each.iter().all(|count| *count <= 8), "no more at a time than an endpoint may have: {each:?}");
    sender.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g7_an_endpoint_that_is_down_costs_one_try_at_a_time_and_then_gets_everything_in_order() {
    let stage = Stage::new(72);
    let receiver = Receiver::open().await;
    receiver.answer(|_| Answer::Status(500));
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    pay_several(&stage, 20).await;
    let events = ids_of_feed(&stage).await;
    let sender = Sender::start(&stage.desk);
    let down = until_endpoint(&stage, id, |endpoint| endpoint.progress.resume_at.is_some()).await;
    assert!(down.progress.failures >= 5, "{:?}", down.progress);
    let first = receiver.hits().len();
    assert!((5..=13).contains(&first), "{first} tries before it was taken for down");
    for probe in 1..=10 {
        go_to_next_try(&stage, id).await;
        let hits = receiver.until(|hits| hits.len() >= first + probe).await;
        assert_eq!(hits.len(), first + probe, "one at a time");
        until_endpoint(&stage, id, |endpoint| endpoint.progress.resume_at > Some(stage.clock.now())).await;
    }
    assert!(deliveries(&stage, id).await.len() < 20, "the log keeps the rest");
    receiver.answer(|_| Answer::Status(200));
    let silent_until = receiver.hits().len();
    go_to_next_try(&stage, id).await;
    until_deliveries(&stage, id, |found| {
        found.len() == events.len() && found.iter().all(|one| one.state == DeliveryState::Delivered)
    })
    .await;
    sender.stop().await;
    let arrived = &receiver.hits()[silent_until..];
    assert_eq!(arrived.iter().map(Hit::id).collect::<BTreeSet<_>>(), events.into_iter().collect());
    assert_order_per_payment(&receiver.hits());
    let after = shown(&stage, id).await.progress;
    assert_eq!((after.failures, after.failing_since, after.resume_at), (0, None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn g7_gone_disables_an_endpoint_and_enabled_again_it_goes_on_where_it_was() {
    let stage = Stage::new(73);
    let receiver = Receiver::open().await;
    receiver.answer(|_| Answer::Status(410));
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let sender = Sender::start(&stage.desk);
    stage.create("13.00").await;
    let gone = until_endpoint(&stage, id, |endpoint| endpoint.settings.disabled.is_some()).await;
    assert_eq!(gone.settings.disabled, Some(DisabledReason::Gone));
    let failed = deliveries(&stage, id).await;
    assert_eq!((failed[0].state, failed[0].error.as_deref()), (DeliveryState::Failed, Some("gone")));
    pay_several(&stage, 2).await;
    stage.clock.advance(SignedDuration::from_hours(1));
    let events = ids_of_feed(&stage).await;
    assert_eq!(receiver.hits().len(), 1, "nothing more was sent");
    let records = stage.store.stream(TENANT, id).await.unwrap();
    assert_eq!(records.last().unwrap().body, br#"{"type":"endpoint_gone"}"#);

    receiver.answer(|_| Answer::Status(200));
    let change = EndpointChange { enabled: Some(true), ..EndpointChange::default() };
    stage.desk.change_endpoint(TENANT, stage.client, id, &change).await.unwrap();
    until_deliveries(&stage, id, |found| found.len() == events.len()).await;
    sender.stop().await;
    assert!(stage.check().await.findings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn g7_an_endpoint_that_has_too_much_to_do_is_left_alone_as_long_as_it_asks() {
    for (status, asked, expected) in [(429, 600, 600), (502, 86_400, 3_600), (504, 30, 30)] {
        let stage = Stage::new(74);
        let receiver = Receiver::open().await;
        receiver.answer(move |_| Answer::Later(status, asked));
        let id = endpoint(&stage, &receiver.url("/hook")).await;
        let sender = Sender::start(&stage.desk);
        let now = stage.clock.now();
        stage.create("13.00").await;
        let slowed = until_endpoint(&stage, id, |endpoint| endpoint.progress.resume_at.is_some()).await;
        let wait = slowed.progress.resume_at.unwrap().duration_since(now).as_secs();
        assert!((expected..=expected + expected / 4).contains(&wait), "{status}: waits {wait} s of {expected}");
        stage.create("13.00").await;
        stage.clock.advance(SignedDuration::from_secs(expected - 1));
        let other = endpoint(&stage, &receiver.url("/other")).await;
        stage.create("13.00").await;
        // That the other endpoint was served shows that senders had their chance.
        until_endpoint(&stage, other, |endpoint| endpoint.progress.resume_at.is_some()).await;
        assert_eq!(receiver.hits_at("/hook").len(), 1, "{status}");
        receiver.answer(|_| Answer::Status(200));
        go_to_next_try(&stage, id).await;
        receiver.until(|hits| hits.iter().filter(|hit| hit.path == "/hook").count() >= 4).await;
        sender.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g7_a_wish_to_be_left_alone_holds_although_other_deliveries_arrive() {
    let stage = Stage::new(76);
    let receiver = Receiver::open().await;
    let mut is_first = true;
    receiver.answer(move |_| if std::mem::take(&mut is_first) { Answer::Later(429, 600) } else { Answer::Status(200) });
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    for _ in 0..60 {
        stage.create("13.00").await;
    }
    let sender = Sender::start(&stage.desk);
    until_deliveries(&stage, id, |found| !found.is_empty()).await;
    let slowed = shown(&stage, id).await.progress;
    sender.stop().await;
    assert!(deliveries(&stage, id).await.iter().any(|one| one.status == Some(429)), "the fault happened");
    assert!(slowed.resume_at > Some(stage.clock.now()), "{slowed:?}");
    assert!(receiver.hits().len() < 60, "the log keeps the rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_endpoint_is_deleted_nothing_more_is_begun() {
    let stage = Stage::new(77);
    let receiver = Receiver::open().await;
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let (sender, release) = under_way(&stage, &receiver).await;
    stage.desk.delete_endpoint(TENANT, stage.client, id).await.unwrap();
    release.cancel();
    while !stage.store.jobs(TENANT, JobKind::Endpoint, None, 1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    sender.stop().await;
    assert_eq!(receiver.hits().len(), PER_ENDPOINT, "what was under way by then");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_endpoint_gets_nothing_more_and_leaves_nothing_behind() {
    let stage = Stage::new(75);
    let receiver = Receiver::open().await;
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let sender = Sender::start(&stage.desk);
    pay_several(&stage, 2).await;
    let events = ids_of_feed(&stage).await.len();
    until_deliveries(&stage, id, |found| found.len() == events).await;
    stage.desk.delete_endpoint(TENANT, stage.client, id).await.unwrap();
    let all = zahlstelle::desk::webhooks::DeliveryFilter { state: None, before: None, limit: 1 };
    while !stage.store.deliveries(TENANT, id, &all).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let before = receiver.hits().len();
    pay_several(&stage, 1).await;
    let other = endpoint(&stage, &receiver.url("/other")).await;
    stage.create("13.00").await;
    until_deliveries(&stage, other, |found| !found.is_empty()).await;
    sender.stop().await;
    assert_eq!(receiver.hits_at("/hook").len(), before);
    assert!(stage.check().await.findings.is_empty());
}
