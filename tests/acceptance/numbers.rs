//! Kassenzeichen for a crowd.

use std::{collections::BTreeSet, sync::Arc};

use zahlstelle::{
    domain::ids::PaymentId,
    store::{commit::StreamKind, sqlite::engine::SqliteStore},
};

use crate::stage::{Stage, TENANT, new_payment};

/// How many payments are created at the same moment; more than any instance tries to lease.
const CROWD: usize = 300;
/// How many numbers a block of the demonstration has.
const BLOCK: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_shares_its_blocks_and_nobody_is_sent_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::migrate(&folder.path().join("stage.db")).unwrap();
    let stage = Stage::on(110, |tenant| tenant, Arc::new(store));
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..CROWD {
        let (desk, client, key) = (Arc::clone(&stage.desk), stage.client, stage.once());
        crowd.spawn(async move { desk.create_payment(TENANT, client, &new_payment("13.00"), &key).await });
    }
    let mut numbers = BTreeSet::new();
    for created in crowd.join_all().await {
        let payment = stage.payment(PaymentId(created.unwrap().answered.holder)).await;
        assert!(numbers.insert(payment.terms.kassenzeichen));
    }
    let log = stage.store.log(TENANT, 0, 10_000).await.unwrap();
    let leases = log.iter().filter(|record| record.kind == StreamKind::Numbers).count();
    // One number in eleven has no check digit, so a block yields fewer than it has.
    assert!(leases <= CROWD.div_ceil(BLOCK * 10 / 11) + 1, "{leases} blocks for {CROWD} payments");
    stage.check().await;
}
