//! `[database]`: where data is kept.

use std::path::{Path, PathBuf};

use super::{
    error::Problem,
    reader::{Keys, Section},
};

pub(super) const KEYS: Keys = Keys { schema: "database", names: &["path"] };

const PATH_DEFAULT: &str = "zahlstelle.sqlite";
const PATH_LENGTH_MAX: usize = 1_000;
const MEMORY: &str = ":memory:";

/// Where data is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Database {
    /// Nowhere: it is lost at shutdown.
    Memory,
    /// In a file of SQLite; the path is relative to the settings file.
    File(PathBuf),
}

impl Database {
    pub(super) fn read(section: &Section<'_>, folder: &Path) -> Self {
        let path = section.get("path").and_then(|value| {
            let path = value.printable(PATH_LENGTH_MAX)?;
            // SQLite reads names that begin like this as addresses or as further kinds of memory.
            let special = path != MEMORY && (path.starts_with(':') || path.starts_with("file:"));
            value.checked(if special { Err(Problem::DatabasePath) } else { Ok(path) })
        });
        match path.as_deref().unwrap_or(PATH_DEFAULT) {
            MEMORY => Self::Memory,
            file => {
                let file = folder.join(file);
                if let Some(missing) = file.parent().filter(|folder| is_missing(folder)) {
                    section.report("path", Problem::DatabaseFolder { folder: missing.display().to_string() });
                }
                Self::File(file)
            }
        }
    }
}

/// Whether there certainly is no such folder. One that this user may not look into can be there for the service.
fn is_missing(folder: &Path) -> bool {
    !folder.as_os_str().is_empty() && folder.try_exists().is_ok_and(|exists| !exists)
}
