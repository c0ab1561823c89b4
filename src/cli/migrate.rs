//! `zahlstelle migrate`: brings the database up to date.

use super::{ConfigArgument, Ended, Failure, failed, load, say, say_error};
use crate::{config::Database, store::sqlite::core::Core};

pub(super) fn run(config: &ConfigArgument) -> Ended {
    let config = load(config)?;
    match &config.database {
        Database::File(path) => {
            Core::migrate(Some(path)).map_err(|error| failed("the database", &error))?;
            say(&format!("{} is up to date", path.display()));
            Ok(())
        }
        Database::Memory => {
            say_error("a database in memory needs no migration: it is made anew at every start");
            Err(Failure::Usage)
        }
    }
}
