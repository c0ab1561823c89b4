//! The state of a world on disk: written beside the old one and renamed over it, so that there is always a whole one.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::state_file;
use crate::{
    settings::WorldSettings,
    world::{RestoreError, World},
};

/// Why the state of a twin cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system says no.
    #[error("cannot read or write {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The state has no JSON form.
    #[error("the state of the twin cannot be written down")]
    Encode(#[source] serde_json::Error),
    /// What is stored is not a world, or the settings are wrong.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// The world stored in a data folder, or a new one if there is none.
pub fn load(settings: WorldSettings, data: &Path, now: Timestamp) -> Result<World, StoreError> {
    let path = state_file(data);
    match fs::read(&path) {
        Ok(stored) => Ok(World::restore(settings, &stored, now)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(World::new(settings).map_err(RestoreError::Settings)?),
        Err(source) => Err(StoreError::Io { path, source }),
    }
}

/// Writes the whole state.
pub(super) fn save(world: &World, data: &Path) -> Result<(), StoreError> {
    let stored = world.store().map_err(StoreError::Encode)?;
    write_whole(&state_file(data), &stored)
}

/// Writes a file whole or not at all, with the folders above it.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let mut file = File::create(&beside).map_err(io)?;
    file.write_all(content).map_err(io)?;
    fs::rename(&beside, path).map_err(io)
}
