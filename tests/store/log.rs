//! The log: one order without a gap, one chain of hashes, and sums that are those of its legs.

use std::{collections::BTreeMap, sync::Arc};

use jiff::civil::Date;
use zahlstelle::store::{
    Store,
    commit::{Append, Commit, NewRecord, StreamKind},
};

use crate::support::{TENANT, append, appending, assert_chain, commit, committed, id, legs, whole_log};

pub(crate) async fn positions_chain_and_days_hold(store: Arc<dyn Store>) {
    // Midnight in Berlin is 23:00 UTC in winter and 22:00 UTC in summer.
    let moments = [
        ("2026-03-28T22:59:59.999999Z", "2026-03-28"),
        ("2026-03-28T23:00:00Z", "2026-03-29"),
        ("2026-07-01T21:59:59.999999Z", "2026-07-01"),
        ("2026-07-01T22:00:00Z", "2026-07-02"),
    ];
    for (number, (moment, _)) in (1..).zip(moments) {
        let whole = Commit { at: moment.parse().unwrap(), ..appending(number, number, 0, &["a", "b"]) };
        committed(&store, whole).await;
    }
    let wanted: Date = "2026-01-31".parse().unwrap();
    let record = NewRecord { body: b"imported".to_vec(), legs: Vec::new(), wanted_day: Some(wanted) };
    let late = Append { stream: id(9), expected_version: 0, kind: StreamKind::Numbers, records: vec![record] };
    committed(&store, Commit { appends: vec![late], ..commit(9) }).await;

    let log = whole_log(store.as_ref(), TENANT).await;
    assert_chain(TENANT, &log);
    let days: Vec<String> = log.iter().map(|record| record.booking_day.to_string()).collect();
    let expected = moments.iter().flat_map(|(_, day)| [*day, *day]).chain(["2026-01-31"]);
    assert_eq!(days, expected.collect::<Vec<_>>());
    for record in &log {
        assert_eq!(record.wanted_day, record.booking_day);
        let day = store.booking_day(TENANT, record.stream, record.version).await.unwrap();
        assert_eq!(day, Some(record.booking_day));
    }
    assert_eq!(store.booking_day(TENANT, id(9), 2).await.unwrap(), None);
}

pub(crate) async fn sums_are_those_of_the_legs(store: Arc<dyn Store>) {
    let days: [Date; 2] = ["2026-11-24".parse().unwrap(), "2026-11-25".parse().unwrap()];
    let mut expected: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
    let mut parallel = tokio::task::JoinSet::new();
    for number in 1..=40_i64 {
        // Captures and what goes back, so that every account has both sides.
        let cents = if number % 5 == 0 { -number } else { number * 100 };
        let day = days[usize::try_from(number % 2).unwrap()];
        for (account, amount) in legs(cents) {
            let sum = expected.entry((day.to_string(), account.to_string())).or_default();
            let side = if amount.minor() > 0 { &mut sum.0 } else { &mut sum.1 };
            *side += amount.minor().abs();
        }
        let record = NewRecord { body: b"{}".to_vec(), legs: legs(cents), wanted_day: Some(day) };
        let stream = u128::try_from(number).unwrap();
        let append =
            Append { stream: id(stream), expected_version: 0, kind: StreamKind::Payment, records: vec![record] };
        let whole = Commit { appends: vec![append], ..commit(stream) };
        let store = Arc::clone(&store);
        parallel.spawn(async move { committed(&store, whole).await });
    }
    parallel.join_all().await;
    let found: BTreeMap<(String, String), (i64, i64)> = store
        .account_days(TENANT)
        .await
        .unwrap()
        .into_iter()
        .map(|sum| {
            assert_eq!(sum.currency, "EUR");
            ((sum.day.to_string(), sum.account), (sum.debit, sum.credit))
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(store.account_days("kreis").await.unwrap(), []);
}

pub(crate) async fn the_log_is_read_in_pages(store: Arc<dyn Store>) {
    for number in 1..=7 {
        committed(&store, appending(number, number, 0, &["a"])).await;
    }
    let mut positions = Vec::new();
    loop {
        let page = store.log(TENANT, positions.last().copied().unwrap_or(0), 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        positions.extend(page.iter().map(|record| record.position));
    }
    assert_eq!(positions, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(store.log(TENANT, 0, 0).await.unwrap(), []);
    assert_eq!(store.log("kreis", 0, 10).await.unwrap(), []);
}

pub(crate) async fn parallel_commits_leave_no_gap(store: Arc<dyn Store>) {
    let mut parallel = tokio::task::JoinSet::new();
    for number in 1..=100_u128 {
        let tenant = if number % 3 == 0 { "kreis" } else { TENANT };
        let mut whole = Commit { tenant: tenant.to_owned(), ..appending(number, number, 0, &["a", "b"]) };
        whole.appends.push(append(number + 1_000, 0, &["c"]));
        // Every tenth comes twice at once.
        for _ in 0..if number % 10 == 0 { 2 } else { 1 } {
            let (store, whole) = (Arc::clone(&store), whole.clone());
            parallel.spawn(async move { store.commit(whole).await.unwrap() });
        }
    }
    let outcomes = parallel.join_all().await;
    let repeated =
        outcomes.iter().filter(|outcome| **outcome == zahlstelle::store::commit::Outcome::AlreadyCommitted).count();
    assert_eq!((outcomes.len(), repeated), (110, 10));
    for (tenant, count) in [(TENANT, 67 * 3), ("kreis", 33 * 3)] {
        let log = whole_log(store.as_ref(), tenant).await;
        assert_eq!(log.len(), count);
        assert_chain(tenant, &log);
    }
}
