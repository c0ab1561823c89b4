//! Children of this test binary: a process that can be killed, and several that migrate at once.
//!
//! A child is the test binary again, asked for one test, with an order in its environment. Without the order such a test
//! has nothing to do.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use uuid::Uuid;
use zahlstelle::store::{
    Store,
    commit::{ClaimKey, Commit, JobChange, JobKind, NewClaim, Row, Space},
    read::{ListFilter, ListedPayment},
    sqlite::engine::SqliteStore,
};

use crate::support::{TENANT, appending, assert_chain, committed, id, start, whole_log};

/// The path of the database that a child works on.
const DATABASE: &str = "ZAHLSTELLE_TEST_DATABASE";
/// The first id that a committing child may use.
const FIRST_ID: &str = "ZAHLSTELLE_TEST_FIRST_ID";
/// How often a process is killed.
const KILLS: u128 = 3;
/// How many commits are answered before a kill.
const ANSWERS_BEFORE_KILL: usize = 150;
/// How many commits a child makes at most, should nobody kill it.
const COMMITS_MAX: u128 = 50_000;
/// How many tasks of a child commit at once.
const COMMITTERS: u128 = 8;

#[tokio::test]
async fn a_killed_process_has_kept_every_commit_it_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(SqliteStore::migrate(&path).unwrap());
    let mut answered = BTreeSet::new();
    for kill in 1..=KILLS {
        let mut child = child("children::commits_until_it_is_killed", &path, kill * COMMITS_MAX * 10);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut seen = 0;
        for line in lines.by_ref() {
            seen += usize::from(note(&mut answered, &line));
            if seen == ANSWERS_BEFORE_KILL {
                break;
            }
        }
        assert_eq!(seen, ANSWERS_BEFORE_KILL, "the child ended by itself");
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "the child was not killed");
        // What it said before it died, it has said.
        lines.for_each(|line| {
            note(&mut answered, &line);
        });
        assert_nothing_is_half_done(&SqliteStore::open(&path).unwrap(), &answered).await;
    }
}

/// Notes a commit that a child says was answered; a line that the kill cut off says nothing.
fn note(answered: &mut BTreeSet<Uuid>, line: &str) -> bool {
    let Some(id) = line.strip_prefix("answered ").and_then(|line| line.strip_suffix('.')) else { return false };
    answered.insert(id.parse().unwrap())
}

async fn assert_nothing_is_half_done(store: &SqliteStore, answered: &BTreeSet<Uuid>) {
    let log = whole_log(store, TENANT).await;
    assert_chain(TENANT, &log);
    let committed: BTreeSet<Uuid> = log.iter().map(|record| record.stream).collect();
    assert!(answered.is_subset(&committed), "{} answered, {} found", answered.len(), committed.len());
    assert_eq!(log.len(), committed.len() * 2, "every commit has two records");
    let filter = ListFilter {
        reference: None,
        kassenzeichen: None,
        state: None,
        created_after: None,
        created_before: None,
        before: None,
        limit: u32::MAX,
    };
    let listed: BTreeSet<Uuid> =
        store.payments(TENANT, &filter).await.unwrap().into_iter().map(|payment| payment.id).collect();
    assert_eq!(listed, committed);
    for payment in committed {
        let claim = store.claim(TENANT, &key_of(payment)).await.unwrap().unwrap();
        assert_eq!(claim.holder, payment);
    }
    let jobs = store.claim_jobs(start(), start(), u32::MAX).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.key.subject).collect::<BTreeSet<_>>(), listed);
}

/// The body of a child; as a test of its own it has no order and does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_until_it_is_killed() {
    let Some((path, first)) = order() else { return };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path).unwrap());
    let mut committers = tokio::task::JoinSet::new();
    for committer in 0..COMMITTERS {
        let store = Arc::clone(&store);
        committers.spawn(async move {
            for number in 0..COMMITS_MAX / COMMITTERS {
                let payment = first + number * COMMITTERS + committer;
                committed(&store, whole_commit(payment)).await;
                writeln!(std::io::stdout().lock(), "answered {}.", id(payment)).unwrap();
            }
        });
    }
    committers.join_all().await;
}

fn whole_commit(payment: u128) -> Commit {
    let listed = ListedPayment {
        id: id(payment),
        version: 2,
        state: "open".to_owned(),
        kassenzeichen: "K".to_owned(),
        created_at: start(),
        intent_since: None,
    };
    Commit {
        claims: vec![NewClaim::of(key_of(id(payment)), id(payment))],
        rows: vec![Row::Payment(listed)],
        jobs: vec![JobChange::Set { kind: JobKind::Payment, subject: id(payment), due_at: start() }],
        ..appending(payment, payment, 0, &["first", "second"])
    }
}

fn key_of(payment: Uuid) -> ClaimKey {
    ClaimKey::new(Space::Refund, &[payment.as_bytes()])
}

#[test]
fn processes_that_migrate_at_once_do_not_hinder_each_other() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut children: Vec<Child> = (0..4).map(|_| child("children::migrates_when_told", &path, 0)).collect();
        for child in &mut children {
            // Each says that it is there, so that all of them begin together.
            let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
            assert!(lines.any(|line| line == "ready."));
        }
        for child in &mut children {
            child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        }
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        SqliteStore::open(&path).unwrap();
    }
}

/// The body of a child; as a test of its own it has no order and does nothing.
#[test]
fn migrates_when_told() {
    let Some((path, _)) = order() else { return };
    writeln!(std::io::stdout().lock(), "ready.").unwrap();
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    SqliteStore::migrate(&path).unwrap();
}

fn child(test: &str, path: &Path, first_id: u128) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DATABASE, path)
        .env(FIRST_ID, first_id.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn order() -> Option<(PathBuf, u128)> {
    let path = std::env::var_os(DATABASE)?;
    Some((path.into(), std::env::var(FIRST_ID).unwrap().parse().unwrap()))
}
