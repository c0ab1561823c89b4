//! Which databases a program serves, and that migrating is done once.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path};

use rusqlite::Connection;
use zahlstelle::store::{Store, StoreError, sqlite::engine::SqliteStore};

use crate::support::{TENANT, appending, id};

/// The schema of this program.
const OURS: u32 = 3;

#[tokio::test]
async fn a_database_without_schema_is_refused_with_the_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Sqlite(_)) && !path.exists(), "a file was made by opening: {error:?}");
    std::fs::write(&path, "").unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::TooOld { found: 0, ours: OURS }), "{error:?}");
    assert!(error.to_string().contains("`zahlstelle migrate`"), "{error}");
    // The refusal has changed nothing that would stand in the way.
    SqliteStore::migrate(&path).unwrap();
}

#[tokio::test]
async fn a_newer_database_is_served_as_long_as_it_serves_us() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    SqliteStore::migrate(&path).unwrap().commit(appending(1, 10, 0, &["a"])).await.unwrap();

    change(&path, "UPDATE schema_info SET schema = 7, oldest_served = 3");
    for store in [SqliteStore::open(&path), SqliteStore::migrate(&path)] {
        assert_eq!(store.unwrap().stream(TENANT, id(10)).await.unwrap().len(), 1);
    }
    assert_eq!(text(&path, "SELECT schema || ' ' || oldest_served FROM schema_info"), "7 3");

    change(&path, "UPDATE schema_info SET schema = 7, oldest_served = 4");
    for refused in [SqliteStore::open(&path), SqliteStore::migrate(&path)] {
        let error = refused.unwrap_err();
        assert!(matches!(error, StoreError::TooNew { found: 7, needed: 4, ours: OURS }), "{error:?}");
    }
    assert_eq!(text(&path, "SELECT schema || ' ' || oldest_served FROM schema_info"), "7 4");
}

/// Runs of tests have the usual umask, which leaves new files for everybody to read.
#[tokio::test]
async fn nobody_else_can_read_a_database_that_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let mode = |name: &str| std::fs::metadata(file(name)).unwrap().permissions().mode() & 0o777;
    let store = SqliteStore::migrate(&file("store.db")).unwrap();
    store.commit(appending(1, 10, 0, &["a"])).await.unwrap();
    assert_eq!(["store.db", "store.db-wal", "store.db-shm"].map(mode), [0o600; 3]);
    // What somebody has opened to others on purpose stays open.
    std::fs::write(file("shown.db"), "").unwrap();
    std::fs::set_permissions(file("shown.db"), Permissions::from_mode(0o640)).unwrap();
    let shown = SqliteStore::migrate(&file("shown.db")).unwrap();
    shown.commit(appending(1, 10, 0, &["a"])).await.unwrap();
    assert_eq!(["shown.db", "shown.db-wal"].map(mode), [0o640; 2]);
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let everything = "SELECT (SELECT group_concat(sql, ';') FROM sqlite_master) || \
        (SELECT group_concat(version || name || applied_on || checksum, ';') FROM refinery_schema_history)";
    SqliteStore::migrate(&path).unwrap().commit(appending(1, 10, 0, &["a"])).await.unwrap();
    let before = text(&path, everything);
    let again = SqliteStore::migrate(&path).unwrap();
    assert_eq!(text(&path, everything), before);
    assert_eq!(again.stream(TENANT, id(10)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_database_is_no_full_disk_and_no_old_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::fs::write(&path, "this is a letter and not a database. ".repeat(200)).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Sqlite(_)), "{error:?}");
    let error = SqliteStore::open(&folder.path().join("no/such/folder.db")).unwrap_err();
    assert!(matches!(error, StoreError::Sqlite(_)), "{error:?}");
}

fn change(path: &Path, sql: &str) {
    assert_eq!(Connection::open(path).unwrap().execute(sql, []).unwrap(), 1);
}

fn text(path: &Path, sql: &str) -> String {
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}
