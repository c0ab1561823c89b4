//! One file of settings while it is read: its text, and what was found wrong with it so far.

use std::{cell::RefCell, collections::BTreeSet, path::Path};

use toml::{Spanned, de::DeTable};

use super::error::{ConfigError, Problem};

/// One file of settings while it is read.
pub(super) struct Document<'d> {
    name: String,
    text: &'d str,
    found: RefCell<Vec<(usize, ConfigError)>>,
}

impl<'d> Document<'d> {
    pub(super) fn new(path: &Path, text: &'d str) -> Self {
        Self { name: path.display().to_string(), text, found: RefCell::default() }
    }

    /// Reads the text as TOML as far as it is; every mistake of syntax is reported.
    pub(super) fn parse(&self) -> Spanned<DeTable<'d>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let place = Place { offset: error.span().map_or(0, |span| span.start), key: String::new() };
            self.report(&place, Problem::Syntax { message: error.message().to_owned() });
        }
        table
    }

    /// Keeps a mistake.
    pub(super) fn report(&self, place: &Place, problem: Problem) {
        let error = ConfigError {
            file: self.name.clone(),
            line: Some(self.line_of(place.offset)),
            key: place.key.clone(),
            problem,
        };
        self.found.borrow_mut().push((place.offset, error));
    }

    /// Every mistake from top to bottom, without those that are consequences of a line that is no TOML: what else seems
    /// wrong in that line, what seems to be missing since it is in such a line, and the commas that seem to be missing
    /// in all lines after a bracket that was left open.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(offset, _)| *offset);
        let broken: BTreeSet<Option<usize>> =
            found.iter().filter(|(_, error)| syntax(error).is_some()).map(|(_, error)| error.line).collect();
        let mut told = BTreeSet::new();
        let mut comma_told = false;
        let errors = found.into_iter().map(|(_, error)| error);
        let own = errors.filter(|error| match syntax(error) {
            Some(message) => {
                let comma = message.starts_with("missing comma");
                told.insert(error.line) && !(comma && std::mem::replace(&mut comma_told, true))
            }
            None if error.problem == Problem::Missing => broken.is_empty(),
            None => !broken.contains(&error.line),
        });
        own.collect()
    }

    fn line_of(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count().saturating_add(1)
    }
}

/// What the parser of TOML says, for a mistake of syntax.
fn syntax(error: &ConfigError) -> Option<&str> {
    if let Problem::Syntax { message } = &error.problem { Some(message) } else { None }
}

/// Where something stands in a file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// In bytes from the beginning.
    pub(super) offset: usize,
    /// The dotted key.
    pub(super) key: String,
}

impl Place {
    /// A member of the table that stands here.
    pub(super) fn member(&self, name: &str, offset: usize) -> Self {
        let key = if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) };
        Self { offset, key }
    }

    /// An entry of the list that stands here.
    pub(super) fn entry(&self, index: usize, offset: usize) -> Self {
        Self { offset, key: format!("{}[{index}]", self.key) }
    }
}
