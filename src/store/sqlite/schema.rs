//! Opening a database, its settings and its migrations.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::Path};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::store::StoreError;

mod embedded {
    refinery::embed_migrations!("src/store/migrations/sqlite");
}

/// The schema that this program writes.
pub(super) const SCHEMA: u32 = 3;
/// How long a connection waits for another process to finish writing, e.g. `zahlstelle key` beside the service.
const BUSY_TIMEOUT_MILLIS: u64 = 5_000;
/// How often a connection tries to switch to the write-ahead log while other processes open the database, too.
const SWITCHES_MAX: usize = 100;
/// After how many pages the write-ahead log is copied back; larger than the default, because copying is what stalls.
const WAL_AUTOCHECKPOINT_PAGES: u32 = 10_000;
/// How much of the database the writer keeps in memory, in KiB. A whole group of commits must find room, or its pages are
/// written out and read back before it ends.
const WRITER_CACHE_KIBIBYTES: i64 = 32_768;
/// How many prepared statements a connection keeps.
const STATEMENTS_MAX: usize = 64;

/// Who may read a database that we make: its owner. It holds the tokens of citizens' pages, and who has such a token is
/// let in.
const MODE: u32 = 0o600;

/// What to do where there is no file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Absent {
    /// Make an empty database.
    Create,
    /// Fail, and leave nothing behind: a path with a slip must not become a database.
    Refuse,
}

/// Opens a database for writing.
pub(super) fn open_writer(path: Option<&Path>, absent: Absent) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match (absent, path) {
        (Absent::Create, Some(path)) => {
            make_private(path);
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        (Absent::Create, None) | (Absent::Refuse, _) => {}
    }
    let connection = match path {
        Some(path) => Connection::open_with_flags(path, flags)?,
        None => Connection::open_in_memory()?,
    };
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MILLIS))?;
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_AUTOCHECKPOINT_PAGES)?;
    // A negative number is a size, a positive one would be a count of pages.
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIBIBYTES)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Makes an empty file that nobody else can read, where there is none: SQLite would make one that the umask decides about.
/// The files beside it get the mode of the database from SQLite.
///
/// A file that is there stays as it is, since somebody may have opened it to others on purpose. Where none can be made,
/// SQLite fails on opening and says so.
fn make_private(path: &Path) {
    let made: io::Result<_> = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
    drop(made);
}

/// Switches to the write-ahead log, which stays with the database.
fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    for _ in 0..SWITCHES_MAX {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            // Another process has the database right now. SQLite does not wait for it here, but it does in a transaction.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
            }
            switched => return Ok(switched?),
        }
    }
    Err(StoreError::Busy)
}

/// Opens a database for reading beside its writer.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MILLIS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Brings a database up to date, all at once or not at all. Several processes may try at the same time: only one can make
/// the transaction, and whoever came too late finds it done.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    if check_not_too_new(connection)? > SCHEMA {
        return Ok(());
    }
    // A transaction that begins by reading could not wait for another process to finish writing.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    // One by one, a migration and the note that it was made would be two transactions, and a kill between them would
    // leave a database that no program can bring up to date.
    let runner = embedded::migrations::runner().set_grouped(true);
    let mut last_done = None;
    loop {
        let Err(error) = runner.run(connection) else { return Ok(()) };
        let done = runner.get_last_applied_migration(connection).ok().flatten().map(|migration| migration.version());
        // Versions only rise, so this ends at the latest when all migrations are done.
        if done <= last_done {
            return Err(StoreError::Migration(Box::new(error)));
        }
        last_done = done;
    }
}

/// Refuses a database that this program cannot serve.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let found = check_not_too_new(connection)?;
    if found < SCHEMA { Err(StoreError::TooOld { found, ours: SCHEMA }) } else { Ok(()) }
}

/// The schema of the database, 0 when it has none; an error when it no longer serves programs as old as this one.
pub(super) fn check_not_too_new(connection: &Connection) -> Result<u32, StoreError> {
    let has_schema = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_info'";
    if connection.query_row(has_schema, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let info = "SELECT schema, oldest_served FROM schema_info WHERE only_row = 1";
    let (found, needed): (u32, u32) = connection.query_row(info, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if needed > SCHEMA { Err(StoreError::TooNew { found, needed, ours: SCHEMA }) } else { Ok(found) }
}
