//! Reads that go over everything, in pages.

use std::sync::Arc;

use uuid::Uuid;
use zahlstelle::store::{
    Store,
    commit::{ClaimKey, Commit, JobChange, JobKind, NewClaim, Space},
    read::HeldKey,
};

use crate::support::{TENANT, appending, commit, committed, id, start};

pub(crate) async fn claims_are_read_in_pages(store: Arc<dyn Store>) {
    let key = |space, number: u8| ClaimKey { space, key: [number; 16] };
    // A key of nothing but zeros in the first space is the first of all.
    let keys =
        [key(Space::Idempotency, 0), key(Space::OpenClaim, 1), key(Space::OpenClaim, 255), key(Space::Refund, 0)];
    let claims = (1..).zip(keys).map(|(number, key)| NewClaim::of(key, id(number))).collect();
    committed(&store, Commit { claims, ..commit(1) }).await;
    let elsewhere = Commit { claims: vec![NewClaim::of(keys[0], id(9))], ..Commit::new(id(2), "kreis", start()) };
    committed(&store, elsewhere).await;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.claims(TENANT, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        found.extend(page);
    }
    let held: Vec<HeldKey> = (1..).zip(keys).map(|(number, key)| HeldKey { key, holder: id(number) }).collect();
    assert_eq!(found, held);
}

pub(crate) async fn jobs_are_read_in_pages(store: Arc<dyn Store>) {
    let set = |kind, number| JobChange::Set { kind, subject: id(number), due_at: start() };
    let jobs = vec![
        set(JobKind::Payment, 3),
        set(JobKind::Payment, 0),
        set(JobKind::Notification, 1),
        set(JobKind::Payment, 2),
    ];
    committed(&store, Commit { jobs, ..commit(1) }).await;
    let first = store.jobs(TENANT, JobKind::Payment, None, 2).await.unwrap();
    assert_eq!(first, [id(0), id(2)]);
    assert_eq!(store.jobs(TENANT, JobKind::Payment, Some(id(2)), 2).await.unwrap(), [id(3)]);
    assert_eq!(store.jobs(TENANT, JobKind::Payment, Some(id(3)), 2).await.unwrap(), Vec::<Uuid>::new());
    assert_eq!(store.jobs(TENANT, JobKind::Notification, None, 2).await.unwrap(), [id(1)]);
    assert_eq!(store.jobs("kreis", JobKind::Payment, None, 2).await.unwrap(), Vec::<Uuid>::new());
}

pub(crate) async fn everybody_who_has_data_is_named(store: Arc<dyn Store>) {
    assert_eq!(store.tenants().await.unwrap(), Vec::<String>::new());
    committed(&store, appending(1, 10, 0, &["a", "b"])).await;
    let key = ClaimKey::new(Space::Refund, &[b"refund"]);
    let only_a_claim = Commit { claims: vec![NewClaim::of(key, id(9))], ..Commit::new(id(2), "kreis", start()) };
    committed(&store, only_a_claim).await;
    assert_eq!(store.tenants().await.unwrap(), ["kreis", TENANT]);
}

pub(crate) async fn what_is_written_is_sealed(store: Arc<dyn Store>) {
    committed(&store, appending(1, 10, 0, &["a", "b"])).await;
    assert_eq!(store.unpaired(TENANT, 10).await.unwrap(), []);
}
