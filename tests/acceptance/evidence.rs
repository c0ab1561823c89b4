//! What somebody does to the database behind our back, `verify` tells, also beside the log.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{path::Path, sync::Arc};

use rusqlite::Connection;
use zahlstelle::{
    clock::Clock,
    desk::{clients, verify},
    ids::SeededIds,
    store::{Store, sqlite::engine::SqliteStore},
};
use zahlstelle_contract::provider::Environment;

use crate::stage::{Stage, TENANT};

/// What is done, and what must be told of it.
const TAMPERINGS: &[(&str, &str)] = &[
    (
        "INSERT INTO record (tenant, stream, version, command, at, kind, body) \
         SELECT tenant, stream, 99, zeroblob(16), at, kind, body FROM record WHERE kind = 'payment' LIMIT 1",
        "has no seal",
    ),
    ("DELETE FROM record WHERE rowid = (SELECT max(rowid) FROM record)", "is sealed, but has no record"),
    ("DELETE FROM side WHERE reference IS NOT NULL", "the data of payment "),
    ("DELETE FROM side WHERE reference IS NULL", "the data of refund "),
    ("UPDATE side SET body = CAST(replace(CAST(body AS TEXT), '8090', '6666') AS BLOB)", "is not what was sealed"),
    ("UPDATE side SET key = zeroblob(32) WHERE reference IS NULL", "is not what was sealed"),
    ("UPDATE side SET reference = 'other' WHERE reference IS NOT NULL", "is found under another reference"),
    ("DELETE FROM claim WHERE space = 3", "does not hold the open claim "),
    ("DELETE FROM claim WHERE space = 4", "does not hold the merchant reference "),
    ("DELETE FROM claim WHERE space = 5", "does not hold the provider reference "),
    ("DELETE FROM claim WHERE space = 7", "does not hold the fact about money "),
    ("DELETE FROM claim WHERE space = 8", "does not hold the refund "),
    ("UPDATE claim SET holder = zeroblob(16) WHERE space = 2", "holds the Kassenzeichen "),
    ("UPDATE claim SET holder = zeroblob(16) WHERE space = 3", "holds the open claim "),
    ("UPDATE claim SET holder = zeroblob(16) WHERE space = 7", "holds the fact about money "),
    ("UPDATE claim SET holder = zeroblob(16) WHERE space = 8", "holds the refund "),
    (
        "INSERT INTO claim (tenant, space, key, holder) SELECT tenant, 3, zeroblob(16), id FROM payment LIMIT 1",
        "which no record made",
    ),
    ("DELETE FROM job", "no job looks after it"),
    ("UPDATE client SET scopes = scopes || ' operate' WHERE revoked_at IS NULL", "is listed otherwise"),
    ("UPDATE client SET revoked_at = NULL WHERE revoked_at IS NOT NULL", "is listed otherwise"),
    ("DELETE FROM client WHERE revoked_at IS NOT NULL", "is not listed"),
    (
        "INSERT INTO client (tenant, id, name, key_hash, scopes, created_at) \
         SELECT tenant, zeroblob(16), name, zeroblob(32), scopes, created_at FROM client LIMIT 1",
        "is in no record",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_the_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.sqlite");
    let stage = lived_in(&whole).await;
    for (number, (sql, told)) in TAMPERINGS.iter().enumerate() {
        let copy = folder.path().join(format!("{number}.sqlite"));
        std::fs::copy(&whole, &copy).unwrap();
        assert!(Connection::open(&copy).unwrap().execute(sql, []).unwrap() > 0, "{sql}: nothing was done");
        let store = SqliteStore::open(&copy).unwrap();
        let report = verify::verify(&store, TENANT, stage.clock.now()).await.unwrap();
        assert!(
            report.findings.iter().any(|finding| finding.contains(told)),
            "{sql}: nothing tells that it {told:?}, but {:?}",
            report.findings
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_moved_to_another_mandant_is_known_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.sqlite");
    let stage = lived_in(&whole).await;
    assert_eq!(stage.store.tenants().await.unwrap(), [TENANT]);
    let database = Connection::open(&whole).unwrap();
    assert!(database.execute("UPDATE record SET tenant = 'gone'", []).unwrap() > 0);
    assert_eq!(stage.store.tenants().await.unwrap(), [TENANT, "gone"]);
}

/// A database in which everything has happened that leaves something beside the log; nothing is wrong with it.
async fn lived_in(path: &Path) -> Stage {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::migrate(path).unwrap());
    let stage = Stage::on(500, |tenant| tenant, Arc::clone(&store));
    let (ids, now) = (SeededIds::new(501), stage.clock.now());
    for name in ["portal", "former portal"] {
        let scopes = ["payments:read".to_owned(), "payments:write".to_owned()];
        let made = clients::create(store.as_ref(), &ids, now, TENANT, Environment::Test, name, &scopes).await;
        let (client, _) = made.unwrap();
        if name != "portal" {
            clients::revoke(store.as_ref(), &ids, now, TENANT, client.id).await.unwrap();
        }
    }
    let paid = stage.create("13.00").await;
    stage.pay(paid.id).await;
    stage.refund(paid.id, "5.00").await.unwrap();
    stage.advance(5).await;
    let cancelled = stage.create("7.00").await;
    stage.desk.cancel(TENANT, cancelled.id, &stage.once()).await.unwrap();
    let left = stage.create("9.00").await;
    stage.start(left.id).await;
    stage.create("8.00").await;
    stage.check().await;
    store.close().await.unwrap();
    stage
}
