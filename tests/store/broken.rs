//! Rows that this program has not written: whoever looks for them learns table, column and key.

use std::sync::Arc;

use rusqlite::Connection;
use zahlstelle::store::{
    Store, StoreError,
    commit::{ClaimKey, Commit, JobChange, JobKind, NewClaim, NewRecord, Row, Space},
    read::{Client, InboxItem, InboxState, ListFilter, ListedPayment, Side},
    sqlite::engine::SqliteStore,
};

use crate::support::{TENANT, append, appending, commit, committed, id, legs, start};

/// What one corruption is, and where it must be reported: SQL, then table, column and a part of the key.
const CORRUPTIONS: &[(&str, &str, &str, &str)] = &[
    ("UPDATE record SET at = 9223372036854775807 WHERE version = 2", "record", "at", "0000000a version 2"),
    ("UPDATE seal SET booking_day = 'gestern'", "seal", "booking_day", "0000000a version 1"),
    ("UPDATE seal SET hash = x'00'", "seal", "hash", "position 4"),
    ("UPDATE seal SET position = position - 9", "seal", "position", "position -5"),
    ("UPDATE record SET kind = 'letter'", "seal", "kind", "position 1"),
    ("UPDATE claim SET holder = x'01'", "claim", "holder", "key "),
    ("UPDATE claim SET space = 99", "claim", "space", "key "),
    ("UPDATE job SET subject = x'01' WHERE kind = 1", "job", "subject", "subject 01"),
    ("UPDATE claim SET digest = x'0102'", "claim", "digest", "key "),
    ("UPDATE claim SET status = 70000, version = 1", "claim", "status", "key "),
    ("UPDATE claim SET status = 200", "claim", "version", "key "),
    ("UPDATE payment SET version = -1", "payment", "version", "0000000a"),
    ("UPDATE payment SET state = CAST(x'ff' AS TEXT)", "payment", "state", "0000000a"),
    ("UPDATE side SET key = x'00'", "side", "key", "0000000a"),
    ("UPDATE inbox SET state = 'lost'", "inbox", "state", "0000000a"),
    ("UPDATE client SET key_hash = x'00'", "client", "key_hash", "0000000a"),
    ("UPDATE account_day SET day = '24.11.2026'", "account_day", "day", "24.11.2026"),
    ("UPDATE job SET kind = 99", "job", "kind", "0000000a"),
];

#[tokio::test]
async fn an_unreadable_row_is_reported_with_table_column_and_key() {
    for (sql, table, column, key) in CORRUPTIONS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::migrate(&path).unwrap());
        committed(&store, one_of_everything()).await;
        assert_eq!(errors(&store).await, Vec::<String>::new());
        assert!(Connection::open(&path).unwrap().execute(sql, []).unwrap() > 0, "{sql}");
        let found = errors(&store).await;
        let expected = format!("table {table}, column {column}, row with ");
        assert!(
            found.iter().any(|text| text.starts_with(&expected) && text.contains(key)),
            "{sql}: nothing reports {expected}…{key}, but {found:?}"
        );
    }
}

fn one_of_everything() -> Commit {
    let mut whole = appending(1, 10, 0, &["a", "b"]);
    whole.appends[0].records.push(NewRecord { body: b"c".to_vec(), legs: legs(100), wanted_day: None });
    let key = ClaimKey::new(Space::Refund, &[b"refund"]);
    whole.claims.push(NewClaim { digest: Some([1; 32]), ..NewClaim::of(key, id(10)) });
    whole.rows = vec![
        Row::Payment(ListedPayment {
            id: id(10),
            version: 3,
            state: "open".to_owned(),
            kassenzeichen: "K1".to_owned(),
            created_at: start(),
            intent_since: None,
        }),
        Row::Side(Side { id: id(10), reference: None, key: [1; 32], body: b"{}".to_vec() }),
        Row::Inbox(InboxItem { id: id(10), received_at: start(), state: InboxState::Waiting, body: b"{}".to_vec() }),
        Row::Client(Client {
            tenant: TENANT.to_owned(),
            id: id(10),
            name: "Portal".to_owned(),
            key_hash: [1; 32],
            scopes: Vec::new(),
            created_at: start(),
            revoked_at: None,
        }),
    ];
    whole.jobs.push(JobChange::Set { kind: JobKind::Payment, subject: id(10), due_at: start() });
    whole
}

/// What every read has to say about the database, and a write behind them.
async fn errors(store: &Arc<dyn Store>) -> Vec<String> {
    let filter = ListFilter {
        reference: None,
        kassenzeichen: None,
        state: None,
        created_after: None,
        created_before: None,
        before: None,
        limit: 10,
    };
    let key = ClaimKey::new(Space::Refund, &[b"refund"]);
    let stream = store.stream(TENANT, id(10)).await;
    let next = stream.as_ref().map_or(3, |records| u64::try_from(records.len()).unwrap());
    // The commit is answered last, so that it changes nothing of what the reads see; a conflict is no error here.
    let results: Vec<Result<(), StoreError>> = vec![
        stream.map(drop),
        store.log(TENANT, 0, 10).await.map(drop),
        store.booking_day(TENANT, id(10), 1).await.map(drop),
        store.claim(TENANT, &key).await.map(drop),
        store.payments(TENANT, &filter).await.map(drop),
        store.side(TENANT, id(10)).await.map(drop),
        store.inbox_item(TENANT, id(10)).await.map(drop),
        store.clients(TENANT).await.map(drop),
        store.claims(TENANT, None, 10).await.map(drop),
        store.jobs(TENANT, JobKind::Payment, None, 10).await.map(drop),
        store.unpaired(TENANT, 10).await.map(drop),
        store.account_days(TENANT).await.map(drop),
        store.claim_jobs(start(), start(), 10).await.map(drop),
        store.commit(Commit { appends: vec![append(10, next, &["d"])], ..commit(2) }).await.map(drop),
    ];
    results.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect()
}
