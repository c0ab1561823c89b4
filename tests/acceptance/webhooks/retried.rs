//! G1, G4, G5: what fails is tried again, ends visibly, and can be sent once more; and what may never be called is not.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use zahlstelle::{
    clock::Clock,
    desk::webhooks::{Delivery, DeliveryState, Replay},
    outbound::hook::AddressPolicy,
};

use super::{
    feed, ids_of_feed, pay_several,
    receiver::{Answer, Hit, Receiver},
    sending::{Sender, deliveries, endpoint, go_to_next_try, in_time, until_deliveries, until_endpoint},
};
use crate::stage::{Stage, TENANT};

#[tokio::test(flavor = "multi_thread")]
async fn g1_an_event_whose_first_try_fails_is_tried_again_and_holds_up_no_other() {
    let stage = Stage::new(41);
    let receiver = Receiver::open().await;
    let refused = Arc::new(AtomicBool::new(true));
    let script = Arc::clone(&refused);
    receiver.answer(move |hit| {
        let fails = hit.json()["type"] == "payment.created" && script.load(Ordering::SeqCst);
        Answer::Status(if fails { 500 } else { 200 })
    });
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let sender = Sender::start(&stage.desk);
    let payment = stage.create("13.00").await.id;
    let failed = until_deliveries(&stage, id, |found| !found.is_empty()).await;
    assert_eq!((failed[0].state, failed[0].tries, failed[0].status), (DeliveryState::Pending, 1, Some(500)));
    assert_eq!(failed[0].error.as_deref(), Some("status"));
    // The others arrive although it has not.
    stage.pay(payment).await;
    let events = feed(&stage).await.len();
    until_deliveries(&stage, id, |found| found.len() == events).await;
    let waits = deliveries(&stage, id).await.iter().filter(|one| one.state == DeliveryState::Pending).count();
    assert_eq!(waits, 1);
    refused.store(false, Ordering::SeqCst);
    go_to_next_try(&stage, id).await;
    let done =
        until_deliveries(&stage, id, |found| found.iter().all(|one| one.state == DeliveryState::Delivered)).await;
    sender.stop().await;
    assert_eq!(done.iter().filter(|one| one.tries == 2).count(), 1);
    let created: Vec<Hit> = receiver.hits().into_iter().filter(|hit| hit.id() == failed[0].id.to_string()).collect();
    assert_eq!(created.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_what_was_tried_for_three_days_is_listed_and_can_be_sent_again() {
    let stage = Stage::new(42);
    let receiver = Receiver::open().await;
    receiver.answer(|_| Answer::Status(503));
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let sender = Sender::start(&stage.desk);
    let began = stage.clock.now();
    stage.create("13.00").await;
    let mut tries = 1;
    let ended = loop {
        let found = until_deliveries(&stage, id, |found| found.first().is_some_and(|one| one.tries == tries)).await;
        if found[0].state == DeliveryState::Failed {
            break found[0].clone();
        }
        go_to_next_try(&stage, id).await;
        tries += 1;
    };
    let hours = stage.clock.now().duration_since(began).as_hours();
    assert!(hours >= 72, "given up after {hours} hours");
    assert_eq!((ended.status, ended.next_try_at, ended.tries), (Some(503), None, 14));
    assert_eq!(receiver.hits().len(), 14, "the fault happened every time");

    receiver.answer(|_| Answer::Status(200));
    stage.desk.replay_delivery(TENANT, id, ended.id, &stage.once()).await.unwrap();
    let again = until_deliveries(&stage, id, |found| found[0].state == DeliveryState::Delivered).await;
    assert_eq!((again[0].tries, again[0].error.clone()), (1, None));
    let hits = receiver.hits();
    assert_eq!((hits.len(), hits[14].id()), (15, hits[0].id()));
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_an_outage_longer_than_every_retry_loses_nothing() {
    let stage = Stage::new(43);
    let receiver = Receiver::open().await;
    receiver.answer(|_| Answer::Status(500));
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let sender = Sender::start(&stage.desk);
    for _ in 0..10 {
        pay_several(&stage, 2).await;
        // Three days pass, and more than once.
        stage.clock.advance(SignedDuration::from_hours(24));
        let hits = receiver.hits().len();
        in_time(&stage, id, |_| receiver.hits().len() > hits).await;
    }
    let failing = until_endpoint(&stage, id, |endpoint| endpoint.progress.failing_since.is_some()).await;
    assert!(
        stage.clock.now().duration_since(failing.progress.failing_since.unwrap()) > SignedDuration::from_hours(200)
    );
    receiver.answer(|_| Answer::Status(200));
    let events = ids_of_feed(&stage).await;
    let done = in_time(&stage, id, |found| {
        found.len() == events.len() && found.iter().all(|one| one.state != DeliveryState::Pending)
    })
    .await;
    sender.stop().await;
    assert_eq!(done.iter().map(|one| one.id.to_string()).collect::<BTreeSet<_>>(), events.into_iter().collect());
    // What had been given up meanwhile is listed, and everything else has arrived.
    let given_up = done.iter().filter(|one| one.state == DeliveryState::Failed).count();
    assert!(given_up < 20, "{given_up} of {} were given up", done.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_part_of_the_log_is_sent_once_more_also_through_a_kill() {
    let stage = Stage::new(44);
    let receiver = Receiver::open().await;
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    pay_several(&stage, 30).await;
    let events = feed(&stage).await;
    let sender = Sender::start(&stage.desk);
    until_deliveries(&stage, id, |found| found.len() == events.len()).await;
    let last = stage.store.last_position(TENANT).await.unwrap();
    let after = events[9]["position"].as_u64().unwrap();
    let range = Replay { after, until: last };
    stage.desk.replay_range(TENANT, stage.client, id, range, &stage.once()).await.unwrap();
    let before = receiver.hits().len();
    receiver.until(|hits| hits.len() > before + 20).await;
    sender.kill().await;
    stage.clock.advance(SignedDuration::from_mins(2));
    let sender = Sender::start(&stage.desk);
    until_endpoint(&stage, id, |endpoint| endpoint.replay.is_none()).await;
    sender.stop().await;
    let again: BTreeSet<String> = receiver.hits()[before..].iter().map(Hit::id).collect();
    let wanted: BTreeSet<String> = events[10..].iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(again, wanted);
}

/// Nothing else happens that would show that the endpoint answers again: the order itself must.
#[tokio::test(flavor = "multi_thread")]
async fn g4_a_part_of_the_log_is_sent_once_more_after_everything_was_given_up() {
    let stage = Stage::new(46);
    let receiver = Receiver::open().await;
    receiver.answer(|_| Answer::Status(500));
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    for _ in 0..6 {
        stage.create("13.00").await;
    }
    let sender = Sender::start(&stage.desk);
    until_deliveries(&stage, id, |found| !found.is_empty()).await;
    loop {
        let tries = |found: &[Delivery]| found.iter().map(|one| one.tries).sum::<u32>();
        let before = deliveries(&stage, id).await;
        if before.len() == 6 && before.iter().all(|one| one.state == DeliveryState::Failed) {
            break;
        }
        go_to_next_try(&stage, id).await;
        until_deliveries(&stage, id, |found| tries(found) > tries(&before)).await;
    }
    receiver.answer(|_| Answer::Status(200));
    let range = Replay { after: 0, until: stage.store.last_position(TENANT).await.unwrap() };
    stage.desk.replay_range(TENANT, stage.client, id, range, &stage.once()).await.unwrap();
    stage.clock.advance(SignedDuration::from_hours(1));
    until_deliveries(&stage, id, |found| found.iter().all(|one| one.state == DeliveryState::Delivered)).await;
    until_endpoint(&stage, id, |endpoint| endpoint.replay.is_none()).await;
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g5_an_address_that_may_not_be_called_is_refused_at_the_connection_and_a_redirect_is_not_followed() {
    let stage = Stage::new(45);
    let receiver = Receiver::open().await;
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    stage.create("13.00").await;
    let sender = Sender::start_with(&stage.desk, AddressPolicy::default(), Duration::from_secs(2));
    let found = until_deliveries(&stage, id, |found| !found.is_empty()).await;
    assert_eq!(found[0].error.as_deref(), Some("address_refused"));
    assert_eq!((found[0].state, found[0].status), (DeliveryState::Pending, None));
    assert!(receiver.hits().is_empty());
    sender.stop().await;

    receiver.answer(|_| Answer::Redirect);
    let sender = Sender::start(&stage.desk);
    go_to_next_try(&stage, id).await;
    let found = until_deliveries(&stage, id, |found| found[0].tries == 2).await;
    assert_eq!((found[0].error.as_deref(), found[0].status), (Some("redirect"), Some(307)));
    sender.stop().await;
    assert_eq!(receiver.hits().len(), 1, "nobody came to the other place");
}
