//! Streams: who comes too late is told so, and nobody ever leaves half of a commit behind.

use std::sync::Arc;

use zahlstelle::store::{
    Store,
    commit::{Append, ClaimKey, Commit, JobChange, JobKind, NewClaim, Outcome, Row, Space, StreamKind},
    read::{ListedPayment, Side},
};

use crate::support::{TENANT, append, appending, at, commit, committed, id, start, whole_log};

pub(crate) async fn a_version_is_taken_once(store: Arc<dyn Store>) {
    committed(&store, appending(1, 10, 0, &["a"])).await;
    assert_eq!(store.commit(appending(2, 10, 0, &["late"])).await.unwrap(), Outcome::Stale(id(10)));
    committed(&store, appending(3, 10, 1, &["b", "c"])).await;
    // One record would fit behind the version that is expected, but not in place of those that are there.
    assert_eq!(store.commit(appending(4, 10, 2, &["late"])).await.unwrap(), Outcome::Stale(id(10)));
    let versions: Vec<u64> = store.stream(TENANT, id(10)).await.unwrap().iter().map(|record| record.version).collect();
    assert_eq!(versions, [1, 2, 3]);
}

pub(crate) async fn an_expectation_that_runs_ahead_is_stale(store: Arc<dyn Store>) {
    assert_eq!(store.commit(appending(1, 10, 1, &["no first"])).await.unwrap(), Outcome::Stale(id(10)));
    committed(&store, appending(2, 10, 0, &["a"])).await;
    assert_eq!(store.commit(appending(3, 10, 2, &["gap"])).await.unwrap(), Outcome::Stale(id(10)));
    assert_eq!(store.stream(TENANT, id(10)).await.unwrap().len(), 1);
}

pub(crate) async fn the_same_command_finds_itself_committed(store: Arc<dyn Store>) {
    let key = ClaimKey::new(Space::Refund, &[b"refund"]);
    let whole =
        Commit { claims: vec![NewClaim::of(key, id(10))], appends: vec![append(10, 0, &["a", "b"])], ..commit(1) };
    committed(&store, whole.clone()).await;
    // The answer was lost, so the same command comes again, word for word; and once more after others went on.
    assert_eq!(store.commit(whole.clone()).await.unwrap(), Outcome::AlreadyCommitted);
    committed(&store, appending(2, 10, 2, &["c"])).await;
    assert_eq!(store.commit(whole).await.unwrap(), Outcome::AlreadyCommitted);
    assert_eq!(store.stream(TENANT, id(10)).await.unwrap().len(), 3);
}

pub(crate) async fn a_conflict_anywhere_leaves_nothing_behind(store: Arc<dyn Store>) {
    let key = ClaimKey::new(Space::Refund, &[b"taken"]);
    committed(&store, Commit { claims: vec![NewClaim::of(key, id(1))], ..commit(1) }).await;
    let side = Side { id: id(10), reference: None, key: [1; 32], body: b"{}".to_vec() };
    let free = ClaimKey::new(Space::Refund, &[b"free"]);
    let mut whole = appending(2, 10, 0, &["a"]);
    whole.appends.push(append(11, 0, &["b"]));
    whole.claims = vec![NewClaim::of(free, id(10)), NewClaim::of(key, id(10))];
    whole.rows = vec![Row::Side(side), Row::Payment(listed(10))];
    whole.jobs = vec![JobChange::Set { kind: JobKind::Payment, subject: id(10), due_at: start() }];
    assert!(matches!(store.commit(whole.clone()).await.unwrap(), Outcome::Taken(_)));
    // The other order: the first stream would have been fine, the second is taken.
    committed(&store, appending(3, 11, 0, &["other"])).await;
    whole.claims.clear();
    assert_eq!(store.commit(whole).await.unwrap(), Outcome::Stale(id(11)));

    assert_eq!(store.stream(TENANT, id(10)).await.unwrap(), []);
    assert_eq!(store.claim(TENANT, &free).await.unwrap(), None);
    assert_eq!(store.side(TENANT, id(10)).await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(whole_log(store.as_ref(), TENANT).await.len(), 1);
}

pub(crate) async fn records_come_back_as_they_were_written(store: Arc<dyn Store>) {
    let bodies = ["{\"a\":1}", "", "ä \u{0} 🙂"];
    let mut whole = appending(1, 10, 0, &bodies);
    whole.at = at(3);
    whole.appends.push(Append { kind: StreamKind::Client, ..append(11, 0, &["client"]) });
    committed(&store, whole).await;
    let records = store.stream(TENANT, id(10)).await.unwrap();
    let found: Vec<_> = records.iter().map(|record| (record.version, record.at, record.body.as_slice())).collect();
    assert_eq!(
        found,
        [(1, at(3), bodies[0].as_bytes()), (2, at(3), bodies[1].as_bytes()), (3, at(3), bodies[2].as_bytes())]
    );
    let log = whole_log(store.as_ref(), TENANT).await;
    let kinds: Vec<StreamKind> = log.iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [StreamKind::Payment, StreamKind::Payment, StreamKind::Payment, StreamKind::Client]);
}

pub(crate) async fn streams_of_mandanten_are_apart(store: Arc<dyn Store>) {
    committed(&store, appending(1, 10, 0, &["a"])).await;
    let other = Commit { tenant: "kreis".to_owned(), ..appending(2, 10, 0, &["b"]) };
    committed(&store, other).await;
    assert_eq!(store.stream(TENANT, id(10)).await.unwrap()[0].body, b"a");
    assert_eq!(store.stream("kreis", id(10)).await.unwrap()[0].body, b"b");
    assert_eq!(store.stream("land", id(10)).await.unwrap(), []);
    assert_eq!(whole_log(store.as_ref(), "kreis").await[0].position, 1);
}

pub(crate) async fn every_answered_commit_is_seen(store: Arc<dyn Store>) {
    const WRITERS: u128 = 8;
    const COMMITS: u64 = 50;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 1..=WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for version in 0..COMMITS {
                let command = writer * 1_000 + u128::from(version);
                let mut whole = appending(command, writer, version, &["event"]);
                whole.rows.push(Row::Payment(ListedPayment { version: version + 1, ..listed(writer) }));
                committed(&store, whole).await;
                let seen = store.stream(TENANT, id(writer)).await.unwrap().len();
                assert_eq!(u64::try_from(seen).unwrap(), version + 1, "a commit that was answered is not seen");
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
}

fn listed(number: u128) -> ListedPayment {
    ListedPayment {
        id: id(number),
        version: 1,
        state: "open".to_owned(),
        kassenzeichen: format!("K{number}"),
        created_at: start(),
        intent_since: None,
    }
}
