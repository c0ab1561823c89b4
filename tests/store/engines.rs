//! The engines, each made anew for one scenario.

use std::sync::Arc;

use tempfile::TempDir;
use zahlstelle::store::{
    Store,
    sqlite::{direct::DirectStore, engine::SqliteStore},
};

/// A store with whatever must live as long as it.
pub(crate) struct Engine {
    store: Arc<dyn Store>,
    _folder: Option<TempDir>,
}

impl Engine {
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }
}

pub(crate) fn sqlite_on_disk() -> Engine {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::migrate(&folder.path().join("store.db")).unwrap();
    Engine { store: Arc::new(store), _folder: Some(folder) }
}

pub(crate) fn sqlite_in_memory() -> Engine {
    Engine { store: Arc::new(SqliteStore::in_memory().unwrap()), _folder: None }
}

pub(crate) fn direct() -> Engine {
    Engine { store: Arc::new(DirectStore::in_memory().unwrap()), _folder: None }
}
