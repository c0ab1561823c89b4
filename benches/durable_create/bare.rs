//! The bare limit: the bytes of the request in three inserts, committed by one thread as a group, as durably as ours.

use std::{sync::Arc, thread};

use rusqlite::{Connection, params};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use crate::service;

/// How many requests are committed in one transaction at most; as ours.
const GROUP_MAX: usize = 512;
/// How many requests may wait; more than there are clients.
const QUEUE: usize = 4_096;

/// A thread that keeps bytes.
pub(crate) struct Kept {
    queue: mpsc::Sender<(u64, Vec<u8>, oneshot::Sender<()>)>,
}

impl Kept {
    pub(crate) fn new(folder: &TempDir) -> Self {
        let connection = Connection::open(service::fresh_path(folder)).expect("a database");
        for (name, value) in [("journal_mode", "WAL"), ("synchronous", "FULL"), ("wal_autocheckpoint", "10000")] {
            connection.pragma_update(None, name, value).expect("a setting");
        }
        for table in TABLES {
            let create =
                format!("CREATE TABLE {table} (id BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID");
            connection.execute_batch(&create).expect("a table");
        }
        let (queue, waiting) = mpsc::channel(QUEUE);
        thread::spawn(move || write(connection, waiting));
        Self { queue }
    }
}

const TABLES: [&str; 3] = ["first", "second", "third"];

fn write(mut connection: Connection, mut waiting: mpsc::Receiver<(u64, Vec<u8>, oneshot::Sender<()>)>) {
    let inserts = TABLES.map(|table| format!("INSERT INTO {table} (id, body) VALUES ($1, $2)"));
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            group.push(next);
        }
        let transaction = connection.transaction().expect("a transaction");
        for (number, body, _) in &group {
            let id = u128::from(*number).to_be_bytes();
            for insert in &inserts {
                let mut statement = transaction.prepare_cached(insert).expect("a statement");
                statement.execute(params![id, body]).expect("a row");
            }
        }
        transaction.commit().expect("a commit");
        for (_, _, answer) in group {
            let _ = answer.send(());
        }
    }
}

/// Keeps the bytes of one request.
pub(crate) async fn keep(kept: Arc<Kept>, number: u64, body: Vec<u8>) {
    let (answer, answered) = oneshot::channel();
    kept.queue.send((number, body, answer)).await.expect("the writer lives");
    answered.await.expect("the writer answers");
}
