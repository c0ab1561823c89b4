//! A disk that is full: said as what it is, with nothing half done, and over as soon as there is room.

use std::{path::Path, process::Command, sync::Arc};

use zahlstelle::store::{
    Store, StoreError,
    commit::{ClaimKey, Commit, NewClaim, Outcome, Row, Space},
    read::Side,
    sqlite::engine::SqliteStore,
};

use crate::support::{TENANT, appending, assert_chain, committed, id, whole_log};

/// How large the disk is, in bytes.
const DISK_BYTES: usize = 4 * 1024 * 1024;
/// How much of it something else uses, in bytes.
const OTHER_BYTES: usize = 2 * 1024 * 1024;
/// How many commits are tried until the disk must be full.
const COMMITS_MAX: u128 = 2_000;

#[tokio::test]
async fn a_full_disk_is_told_and_over_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = Disk::mount(folder.path()) else { return };
    let other = folder.path().join("other");
    let path = folder.path().join("store.db");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::migrate(&path).unwrap());
    std::fs::write(&other, vec![1; OTHER_BYTES]).unwrap();

    let mut refused = None;
    for number in 1..=COMMITS_MAX {
        match store.commit(large(number)).await {
            Ok(outcome) => assert_eq!(outcome, Outcome::Committed),
            Err(error) => {
                assert!(matches!(error, StoreError::Full), "{error:?}");
                refused = Some(number);
                break;
            }
        }
    }
    let refused = refused.expect("the disk never got full");
    assert!(refused > 1, "not even one commit had room");

    // Reads go on, nothing of the refused commit is there, and several refused at once are refused one by one.
    assert_whole(store.as_ref(), refused - 1).await;
    let mut parallel = tokio::task::JoinSet::new();
    for number in refused..refused + 8 {
        let store = Arc::clone(&store);
        parallel.spawn(async move { store.commit(large(number)).await });
    }
    for answer in parallel.join_all().await {
        assert!(matches!(answer, Err(StoreError::Full)), "{answer:?}");
    }
    assert_whole(store.as_ref(), refused - 1).await;

    std::fs::remove_file(&other).unwrap();
    committed(&store, large(refused)).await;
    committed(&store, large(refused + 1)).await;
    assert_whole(store.as_ref(), refused + 1).await;
    drop(store);
    assert_whole(&SqliteStore::open(&path).unwrap(), refused + 1).await;
}

/// A commit of about 40 kilobytes.
fn large(number: u128) -> Commit {
    let body = "x".repeat(20_000);
    let side = Side { id: id(number), reference: None, key: [0; 32], body: body.clone().into_bytes() };
    Commit {
        claims: vec![NewClaim::of(key_of(number), id(number))],
        rows: vec![Row::Side(side)],
        ..appending(number, number, 0, &[&body])
    }
}

fn key_of(number: u128) -> ClaimKey {
    ClaimKey::new(Space::Refund, &[&number.to_be_bytes()])
}

/// The first so many commits are there as a whole, and no part of any other is.
async fn assert_whole(store: &dyn Store, commits: u128) {
    let log = whole_log(store, TENANT).await;
    assert_chain(TENANT, &log);
    assert_eq!(u128::try_from(log.len()).unwrap(), commits);
    for number in 1..=commits + 1 {
        let there = number <= commits;
        assert_eq!(store.stream(TENANT, id(number)).await.unwrap().len(), usize::from(there));
        assert_eq!(store.claim(TENANT, &key_of(number)).await.unwrap().is_some(), there);
        assert_eq!(store.side(TENANT, id(number)).await.unwrap().is_some(), there);
    }
}

/// A small disk of its own, in memory; it ends with the test.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(folder: &'a Path) -> Option<Self> {
        let size = format!("size={DISK_BYTES}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        skip("a small disk cannot be mounted; this takes a Linux system and its administrator");
        None
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Threads of the store may still be closing their files, so the disk goes when the last of them is closed.
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
}
