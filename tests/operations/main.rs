//! What operators read and load says what the program does: metrics, settings, limits, alarms, unit and container.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on has failed")]

mod alarms;
#[path = "../tidy/code.rs"]
mod code;
mod deployment;
mod document;
mod security;
#[path = "../tidy/tree.rs"]
mod tree;

use std::{fs, path::Path};

/// A file of the repository.
fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cells of the rows of a table in Markdown, without its head.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter_map(|line| {
        let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<&str> = inside.split('|').map(str::trim).collect();
        let is_rule = cells.iter().all(|cell| cell.chars().all(|char| char == '-'));
        (!is_rule).then_some(cells)
    })
}

/// What stands between backticks, in order.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
