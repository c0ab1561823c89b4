//! What operators ask about: everything that is open, and what is not open is not counted.

use std::sync::Arc;

use zahlstelle::store::{
    Store,
    commit::{Commit, JobChange, JobKind, Row},
    read::{DueCount, EndpointBehind, ListedPayment, OpenQuery},
    sqlite::engine::SqliteStore,
    webhook::{DeliveryState, DisabledReason, WebhookEndpoint, WebhookProgress, WebhookRow},
};

use crate::{
    support::{TENANT, append, appending, at, commit, committed, id},
    webhooks,
};

fn asking(seconds: i64) -> OpenQuery {
    OpenQuery {
        now: at(seconds),
        tenants: vec![TENANT.to_owned(), "kreis".to_owned()],
        last_records: vec![(TENANT.to_owned(), id(10)), (TENANT.to_owned(), id(11))],
    }
}

fn payment(number: u128, state: &str, intent_since: Option<i64>) -> Row {
    Row::Payment(ListedPayment {
        id: id(number),
        version: 1,
        state: state.to_owned(),
        kassenzeichen: format!("K{number}"),
        created_at: at(0),
        intent_since: intent_since.map(at),
    })
}

pub(crate) async fn what_is_open_is_counted_until_it_is_settled(store: Arc<dyn Store>) {
    let nothing = store.open_work(&asking(100)).await.unwrap();
    assert_eq!((nothing.intents, nothing.oldest_intent, nothing.due.as_slice()), (0, None, [].as_slice()));
    assert_eq!((nothing.unknown, nothing.log_heads, nothing.last_records), (vec![0, 0], vec![0, 0], vec![None, None]));

    let rows = vec![
        payment(1, "processing", Some(20)),
        payment(2, "outcome_unknown", Some(10)),
        payment(3, "outcome_unknown", None),
        payment(4, "paid", None),
    ];
    committed(&store, Commit { rows, ..appending(1, 10, 0, &["first", "last"]) }).await;
    let due = |subject, kind, seconds| JobChange::Set { kind, subject: id(subject), due_at: at(seconds) };
    let jobs = vec![
        due(1, JobKind::Payment, 50),
        due(2, JobKind::Payment, 60),
        due(3, JobKind::Payment, 101),
        due(4, JobKind::Notification, 70),
    ];
    committed(&store, Commit { jobs, ..commit(2) }).await;

    let open = store.open_work(&asking(100)).await.unwrap();
    assert_eq!((open.intents, open.oldest_intent, open.oldest_unsealed), (2, Some(at(10)), None));
    assert_eq!((open.unknown, open.log_heads), (vec![2, 0], vec![2, 0]));
    assert_eq!(open.last_records, [Some(b"last".to_vec()), None]);
    let counts = [(JobKind::Payment, 2, 50), (JobKind::Notification, 1, 70)];
    let expected = counts.map(|(kind, count, oldest)| DueCount { kind, count, oldest: Some(at(oldest)) });
    assert_eq!(open.due, expected);

    // What is taken is not due, and what is settled is not open.
    store.claim_jobs(at(100), at(200), 100).await.unwrap();
    let rows = vec![payment(2, "paid", None)];
    committed(&store, Commit { rows, appends: vec![append(10, 2, &["more"])], ..commit(3) }).await;
    let open = store.open_work(&asking(100)).await.unwrap();
    assert_eq!((open.intents, open.oldest_intent, open.unknown), (1, Some(at(20)), vec![1, 0]));
    assert_eq!((open.due, open.log_heads), (Vec::new(), vec![3, 0]));
}

pub(crate) async fn an_endpoint_is_behind_by_what_it_has_not_got(store: Arc<dyn Store>) {
    for number in 1..=9_u32 {
        let later = Commit { at: at(i64::from(number) * 100), ..commit(number.into()) };
        let appends = vec![append(10, u64::from(number) - 1, &["record"])];
        committed(&store, Commit { appends, ..later }).await;
    }
    let with = |number, progress| WebhookEndpoint { progress, ..webhooks::endpoint(number) };
    let at_head = WebhookProgress { position: 9, ..webhooks::endpoint(1).progress };
    let mut disabled = webhooks::endpoint(3);
    disabled.settings.disabled = Some(DisabledReason::Client);
    let rows = [webhooks::endpoint(1), with(2, at_head), disabled].map(WebhookRow::New);
    webhooks::write(&store, rows.into()).await;
    let delivery =
        |number, state| WebhookRow::Delivery { endpoint: id(2), delivery: webhooks::delivery(number, state) };
    let states = [DeliveryState::Delivered, DeliveryState::Pending, DeliveryState::Pending, DeliveryState::Failed];
    webhooks::write(&store, (1..).zip(states).map(|(number, state)| delivery(number, state)).collect()).await;

    let behind = |endpoint, behind, next_record, pending, oldest_pending| EndpointBehind {
        tenant: TENANT.to_owned(),
        endpoint,
        behind,
        next_record,
        pending,
        oldest_pending,
    };
    let open = store.open_work(&asking(100)).await.unwrap();
    let expected = [behind(id(1), 2, Some(at(800)), 0, None), behind(id(2), 0, None, 2, Some(at(2)))];
    assert_eq!(open.endpoints, expected);
}

#[tokio::test]
async fn an_index_answers_what_operators_ask() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(SqliteStore::migrate(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    for (asked, index) in [
        ("SELECT min(intent_since) FROM payment WHERE intent_since IS NOT NULL", "payment_intent"),
        ("SELECT count(*) FROM payment WHERE tenant = 'a' AND state = 'outcome_unknown'", "payment_unknown"),
        ("SELECT kind, count(*), min(due_at) FROM job WHERE due_at <= 1 GROUP BY kind", "job_due"),
    ] {
        let plan: String =
            connection.query_row(&format!("EXPLAIN QUERY PLAN {asked}"), [], |row| row.get("detail")).unwrap();
        assert!(plan.contains(index), "{asked}: {plan}");
    }
}
