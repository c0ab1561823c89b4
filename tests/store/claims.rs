//! Keys: what may exist once exists once, whoever else tries at the same moment.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::Barrier;
use zahlstelle::store::{
    Store, StoreError,
    commit::{Answer, ClaimKey, Commit, NewClaim, Outcome, Space, Taken, Takeover},
    read::Claim,
};

use crate::support::{TENANT, append, appending, assert_chain, at, commit, committed, id, whole_log};

pub(crate) async fn f5_sixteen_first_requests_at_once_have_one_winner(store: Arc<dyn Store>) {
    const RIVALS: usize = 16;
    // Several rounds, so that the rivals meet in one group as well as in groups one after the other.
    for round in 0..20_u128 {
        let key = ClaimKey::new(Space::Idempotency, &[b"client", &round.to_be_bytes()]);
        let barrier = Arc::new(Barrier::new(RIVALS));
        let mut rivals = tokio::task::JoinSet::new();
        for rival in 1..=16_u128 {
            let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
            let payment = (round + 1) * 100 + rival;
            let claim = NewClaim { digest: Some([7; 32]), answer: Some((201, 1)), ..NewClaim::of(key, id(payment)) };
            let whole = Commit { claims: vec![claim], ..appending(payment, payment, 0, &["created"]) };
            rivals.spawn(async move {
                barrier.wait().await;
                (payment, store.commit(whole).await.unwrap())
            });
        }
        let mut outcomes = BTreeMap::new();
        while let Some(done) = rivals.join_next().await {
            let (payment, outcome) = done.unwrap();
            outcomes.insert(payment, outcome);
        }
        let winners: Vec<u128> = outcomes
            .iter()
            .filter(|(_, outcome)| **outcome == Outcome::Committed)
            .map(|(payment, _)| *payment)
            .collect();
        let [winner] = winners.as_slice() else { panic!("{} winners", winners.len()) };
        let claim = Claim { holder: id(*winner), digest: Some([7; 32]), answer: Some((201, 1)), lease_until: None };
        let taken = Outcome::Taken(Box::new(Taken { key, claim }));
        assert_eq!(outcomes.values().filter(|outcome| **outcome == taken).count(), RIVALS - 1);
        for payment in outcomes.keys() {
            let records = store.stream(TENANT, id(*payment)).await.unwrap().len();
            assert_eq!(records, usize::from(payment == winner));
        }
    }
}

pub(crate) async fn a_taken_key_tells_holder_digest_answer_and_lease(store: Arc<dyn Store>) {
    let begun = NewClaim {
        digest: Some([3; 32]),
        lease_until: Some(at(30)),
        ..NewClaim::of(ClaimKey::new(Space::Idempotency, &[b"begun"]), id(1))
    };
    let done = NewClaim {
        digest: Some([4; 32]),
        answer: Some((409, 12)),
        ..NewClaim::of(ClaimKey::new(Space::Idempotency, &[b"done"]), id(2))
    };
    let plain = NewClaim::of(ClaimKey::new(Space::OpenClaim, &[b"K1"]), id(3));
    let whole = Commit { claims: vec![begun.clone(), done.clone(), plain.clone()], ..commit(1) };
    committed(&store, whole).await;
    let expected = [
        (begun.key, Claim { holder: id(1), digest: Some([3; 32]), answer: None, lease_until: Some(at(30)) }),
        (done.key, Claim { holder: id(2), digest: Some([4; 32]), answer: Some((409, 12)), lease_until: None }),
        (plain.key, Claim { holder: id(3), digest: None, answer: None, lease_until: None }),
    ];
    for (number, (key, claim)) in (2..).zip(expected) {
        let late = Commit { claims: vec![NewClaim::of(key, id(9))], ..commit(number) };
        let taken = Taken { key, claim: claim.clone() };
        assert_eq!(store.commit(late).await.unwrap(), Outcome::Taken(Box::new(taken)));
        assert_eq!(store.claim(TENANT, &key).await.unwrap(), Some(claim));
    }
}

pub(crate) async fn keys_are_apart_by_space_and_mandant(store: Arc<dyn Store>) {
    let spaces = [
        Space::Idempotency,
        Space::Kassenzeichen,
        Space::OpenClaim,
        Space::MerchantReference,
        Space::ProviderReference,
        Space::Notification,
        Space::MoneyFact,
        Space::Refund,
        Space::PortalReference,
    ];
    for (number, space) in (1..).zip(spaces) {
        for (tenant, holder) in [(TENANT, number), ("kreis", number + 100)] {
            let claim = NewClaim::of(ClaimKey::new(space, &[b"same"]), id(holder));
            committed(&store, Commit { tenant: tenant.to_owned(), claims: vec![claim], ..commit(holder) }).await;
        }
    }
    for (number, space) in (1..).zip(spaces) {
        let key = ClaimKey::new(space, &[b"same"]);
        assert_eq!(store.claim(TENANT, &key).await.unwrap().unwrap().holder, id(number));
        assert_eq!(store.claim("kreis", &key).await.unwrap().unwrap().holder, id(number + 100));
        assert_eq!(store.claim("land", &key).await.unwrap(), None);
    }
}

/// A key that was begun and whose lease ran out at the tenth second.
async fn begun(store: &Arc<dyn Store>) -> ClaimKey {
    let key = ClaimKey::new(Space::Idempotency, &[b"begun"]);
    let claim = NewClaim { digest: Some([1; 32]), lease_until: Some(at(10)), ..NewClaim::of(key, id(1)) };
    committed(store, Commit { claims: vec![claim], ..commit(1) }).await;
    key
}

pub(crate) async fn a_lease_is_taken_over_once(store: Arc<dyn Store>) {
    let key = begun(&store).await;
    let mut rivals = tokio::task::JoinSet::new();
    for rival in 0..8_i64 {
        let store = Arc::clone(&store);
        let takeover = Takeover { key, expected_lease: at(10), lease_until: at(100 + rival) };
        let command = u128::try_from(rival).unwrap() + 20;
        let whole = Commit { takeovers: vec![takeover], ..appending(command, command, 0, &["went on"]) };
        rivals.spawn(async move { (command, store.commit(whole).await.unwrap()) });
    }
    let outcomes = rivals.join_all().await;
    let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Committed).collect();
    let [(winner, _)] = winners.as_slice() else { panic!("{outcomes:?}") };
    let lease = store.claim(TENANT, &key).await.unwrap().unwrap().lease_until.unwrap();
    assert_eq!(lease, at(100 + i64::try_from(*winner).unwrap() - 20));
    for (command, outcome) in &outcomes {
        let records = store.stream(TENANT, id(*command)).await.unwrap().len();
        assert_eq!(records, usize::from(command == winner));
        if let Outcome::Taken(taken) = outcome {
            assert_eq!((taken.key, taken.claim.lease_until), (key, Some(lease)));
        }
    }
}

pub(crate) async fn an_answered_key_is_not_taken_over(store: Arc<dyn Store>) {
    let key = begun(&store).await;
    let answer = Answer { key, status: 200, version: 5 };
    committed(&store, Commit { answers: vec![answer], ..commit(2) }).await;
    let takeover = Takeover { key, expected_lease: at(10), lease_until: at(99) };
    let outcome = store.commit(Commit { takeovers: vec![takeover], ..commit(3) }).await.unwrap();
    let Outcome::Taken(taken) = outcome else { panic!("{outcome:?}") };
    assert_eq!((taken.claim.answer, taken.claim.lease_until), (Some((200, 5)), None));
}

pub(crate) async fn an_answer_ends_the_lease(store: Arc<dyn Store>) {
    let key = begun(&store).await;
    let answer = Answer { key, status: 422, version: 0 };
    committed(&store, Commit { answers: vec![answer], ..commit(2) }).await;
    let expected = Claim { holder: id(1), digest: Some([1; 32]), answer: Some((422, 0)), lease_until: None };
    assert_eq!(store.claim(TENANT, &key).await.unwrap(), Some(expected));
}

pub(crate) async fn an_answer_needs_its_key(store: Arc<dyn Store>) {
    let answer = Answer { key: ClaimKey::new(Space::Idempotency, &[b"nobody's"]), status: 200, version: 1 };
    let whole = Commit { answers: vec![answer], ..appending(1, 10, 0, &["a"]) };
    let error = store.commit(whole).await.unwrap_err();
    assert!(matches!(error, StoreError::RowsAffected { table: "claim", expected: 1, actual: 0 }), "{error:?}");
    assert_eq!(store.stream(TENANT, id(10)).await.unwrap(), []);
}

pub(crate) async fn a_released_key_can_be_taken_again(store: Arc<dyn Store>) {
    let key = ClaimKey::new(Space::OpenClaim, &[b"K1"]);
    committed(&store, Commit { claims: vec![NewClaim::of(key, id(1))], ..commit(1) }).await;
    // Only the holder gives a key back.
    committed(&store, Commit { released: vec![(key, id(9))], ..commit(5) }).await;
    assert_eq!(store.claim(TENANT, &key).await.unwrap().unwrap().holder, id(1));
    committed(&store, Commit { released: vec![(key, id(1))], ..appending(2, 1, 0, &["cancelled"]) }).await;
    assert_eq!(store.claim(TENANT, &key).await.unwrap(), None);
    committed(&store, Commit { claims: vec![NewClaim::of(key, id(2))], ..commit(3) }).await;
    assert_eq!(store.claim(TENANT, &key).await.unwrap().unwrap().holder, id(2));
    // Giving back what nobody holds is no conflict.
    let nobody = ClaimKey::new(Space::OpenClaim, &[b"K2"]);
    committed(&store, Commit { released: vec![(nobody, id(1))], ..commit(4) }).await;
}

pub(crate) async fn a_fact_about_money_is_posted_once(store: Arc<dyn Store>) {
    let fact = ClaimKey::new(Space::MoneyFact, &[b"adyen-test/CAPTURE/1"]);
    let other = ClaimKey::new(Space::MoneyFact, &[b"adyen-test/CAPTURE/2"]);
    let claims = |facts: &[ClaimKey]| facts.iter().map(|fact| NewClaim::of(*fact, id(10))).collect();
    committed(&store, Commit { claims: claims(&[fact]), ..appending(1, 10, 0, &["captured"]) }).await;
    // The same fact from another source, at the version that is right, together with one that is new.
    let again = Commit { claims: claims(&[other, fact]), ..appending(2, 10, 1, &["captured"]) };
    let outcome = store.commit(again).await.unwrap();
    assert!(matches!(&outcome, Outcome::Taken(taken) if taken.key == fact), "{outcome:?}");
    assert_eq!(store.claim(TENANT, &other).await.unwrap(), None);
    assert_eq!(store.stream(TENANT, id(10)).await.unwrap().len(), 1);
}

pub(crate) async fn conflicts_in_a_group_leave_the_others_committed(store: Arc<dyn Store>) {
    const COMMITS: u128 = 64;
    let key = |number: u128| ClaimKey::new(Space::Refund, &[&number.to_be_bytes()]);
    // Every fourth commit wants a key that is held before the group begins, every fourth one a stream that is.
    committed(&store, Commit { claims: vec![NewClaim::of(key(0), id(1))], ..appending(1, 1, 0, &["a"]) }).await;
    let barrier = Arc::new(Barrier::new(usize::try_from(COMMITS).unwrap()));
    let mut all = tokio::task::JoinSet::new();
    for number in 100..100 + COMMITS {
        let whole = match number % 4 {
            0 => Commit { claims: vec![NewClaim::of(key(0), id(number))], ..appending(number, number, 0, &["a"]) },
            1 => Commit { appends: vec![append(number, 0, &["a"]), append(1, 0, &["late"])], ..commit(number) },
            _ => Commit { claims: vec![NewClaim::of(key(number), id(number))], ..appending(number, number, 0, &["a"]) },
        };
        let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
        all.spawn(async move {
            barrier.wait().await;
            (number, store.commit(whole).await.unwrap())
        });
    }
    for (number, outcome) in all.join_all().await {
        match number % 4 {
            0 => assert!(matches!(outcome, Outcome::Taken(_)), "{outcome:?}"),
            1 => assert_eq!(outcome, Outcome::Stale(id(1))),
            _ => assert_eq!(outcome, Outcome::Committed),
        }
        let records = store.stream(TENANT, id(number)).await.unwrap().len();
        assert_eq!(records, usize::from(number % 4 > 1));
    }
    let log = whole_log(store.as_ref(), TENANT).await;
    assert_eq!(log.len(), 33);
    assert_chain(TENANT, &log);
}
