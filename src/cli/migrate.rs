//! `zahlstelle migrate`: brings the database up to date.

use super::{ConfigArgument, Ended, Failure, failed, load_without_secrets, say, say_error};
use crate::{
    config::Database,
    store::sqlite::core::{Core, Upgrade},
};

pub(super) fn run(config: &ConfigArgument) -> Ended {
    let config = load_without_secrets(config)?;
    match &config.database {
        Database::File(path) => {
            let shown = path.display();
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                say_error(&format!("the database {shown}: there is no folder {}", folder.display()));
                return Err(Failure::Found);
            }
            let upgrade = Core::upgrade(path).map_err(|error| failed(&format!("the database {shown}"), &error))?;
            say(&format!("{shown}: {}", in_words(upgrade)));
            Ok(())
        }
        Database::Memory => {
            say_error("a database in memory needs no migration: it is made anew at every start");
            Err(Failure::Usage)
        }
    }
}

fn in_words(Upgrade { from, to }: Upgrade) -> String {
    match from {
        0 => format!("made, with schema {to}"),
        from if from == to => format!("was up to date already, with schema {to}"),
        from => format!("brought from schema {from} to {to}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let first = Core::upgrade(&path).unwrap();
        let again = Core::upgrade(&path).unwrap();
        assert!(in_words(first).starts_with("made, with schema "), "{first:?}");
        assert!(in_words(again).starts_with("was up to date already"), "{again:?}");
        assert_eq!(in_words(Upgrade { from: 1, to: 3 }), "brought from schema 1 to 3");
    }
}
