//! G6: killed anywhere between commit and send, every event arrives at least once and in its order.

use std::{collections::BTreeSet, sync::Arc};

use jiff::SignedDuration;
use zahlstelle::store::{Store, sqlite::direct::DirectStore};

use super::{
    assert_order_per_payment, ids_of_feed, pay_several,
    receiver::{Hit, Receiver},
    sending::{Sender, endpoint, until_deliveries},
};
use crate::{
    crash::{Death, Fuse, MortalStore},
    stage::{Stage, TENANT},
};

/// More steps than sending takes here: taking the endpoint, and one commit for each of two rounds.
const STEPS_MAX: usize = 4;

/// Whether the sender died at this step, and how often events came twice.
async fn survive(death: Death) -> (bool, usize) {
    let store: Arc<dyn Store> = Arc::new(DirectStore::in_memory().unwrap());
    let stage = Stage::on(61, |tenant| tenant, Arc::clone(&store));
    let receiver = Receiver::open().await;
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    // More than one round holds.
    pay_several(&stage, 14).await;
    let events: BTreeSet<String> = ids_of_feed(&stage).await.into_iter().collect();
    let fuse = Fuse::new(death);
    let mortal: Arc<dyn Store> = Arc::new(MortalStore { store: Arc::clone(&store), fuse: Arc::clone(&fuse) });
    let process = stage.restarted(62, mortal);
    let sender = Sender::start(&process.desk);
    let all_came = |hits: &[Hit]| hits.iter().map(Hit::id).collect::<BTreeSet<_>>() == events;
    tokio::select! {
        () = fuse.until_blown() => {}
        _ = until_deliveries(&stage, id, |found| found.len() == events.len()) => {}
    }
    let died = fuse.is_blown();
    sender.kill().await;

    stage.clock.advance(SignedDuration::from_mins(2));
    let next = stage.restarted(63, store);
    let sender = Sender::start(&next.desk);
    until_deliveries(&stage, id, |found| found.len() == events.len()).await;
    sender.stop().await;
    let hits = receiver.hits();
    assert!(all_came(&hits), "{death:?}: an event never came");
    assert_order_per_payment(&hits);
    assert!(stage.desk.show_endpoint(TENANT, id).await.is_ok());
    (died, hits.len() - events.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn g6_killed_at_any_step_of_sending_every_event_arrives_at_least_once_and_in_order() {
    let mut deaths = 0;
    let mut twice = 0;
    for step in 0..STEPS_MAX {
        for death in [Death::Before(step), Death::After(step)] {
            let (died, repeated) = survive(death).await;
            deaths += usize::from(died);
            if matches!(death, Death::Before(_)) {
                twice += repeated;
            }
        }
    }
    assert!(deaths >= 6, "the sender died {deaths} times");
    assert!(twice > 0, "killed between sending and noting it, events come again under their ids");
}
