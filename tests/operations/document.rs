//! The lists in `docs/operations.md` are those of the program.

use std::{collections::BTreeMap, fs, path::Path};

use jiff::Timestamp;
use serde_json::Value;
use zahlstelle::metrics::{Metrics, StoreFigures};

use crate::{file, quoted, rows};

pub(crate) const DOCUMENT: &str = "docs/operations.md";
const BEGIN: &str = "<!-- metrics -->\n";
const END: &str = "<!-- end -->";
/// The sections of the settings that operators tune, and what of them has no default.
const SECTIONS: [&str; 8] = ["server", "limits", "database", "log", "jobs", "webhooks", "metrics", "tracing"];
const WITHOUT_DEFAULT: [&str; 1] = ["server.public_url"];

#[test]
fn every_metric_is_in_the_document_as_the_program_says_it() {
    let metrics = Metrics::new(&StoreFigures::default(), Timestamp::UNIX_EPOCH);
    let row = |known: &zahlstelle::metrics::Known| format!("| `{}` | {} | {} |\n", known.name, known.kind, known.help);
    let table =
        format!("| metric | kind | tells |\n|---|---|---|\n{}", metrics.known().iter().map(row).collect::<String>());
    let text = file(DOCUMENT);
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_OPERATIONS").is_some_and(|value| value == "1") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
        fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(written, table, "UPDATE_OPERATIONS=1 cargo test --test operations writes the list");
}

#[test]
fn every_setting_is_in_the_document_with_its_default() {
    let schema: Value = serde_json::from_str(&file("schemas/config.schema.json")).unwrap();
    let mut known = BTreeMap::new();
    for section in SECTIONS {
        for (key, setting) in schema["$defs"][section]["properties"].as_object().unwrap() {
            let name = format!("{section}.{key}");
            match setting.get("default") {
                Some(default) => {
                    known.insert(name, default.as_str().map_or_else(|| default.to_string(), str::to_owned));
                }
                None => assert!(WITHOUT_DEFAULT.contains(&name.as_str()), "{name} has no default"),
            }
        }
    }
    let text = file(DOCUMENT);
    let listed = rows(&text).filter_map(|cells| {
        let name = *quoted(cells[0]).first()?;
        let is_setting = SECTIONS.iter().any(|section| name.starts_with(&format!("{section}.")));
        is_setting.then(|| (name.to_owned(), quoted(cells[1]).concat()))
    });
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), known);
}

#[test]
fn every_fixed_limit_is_what_the_source_says() {
    let text = file(DOCUMENT);
    let mut checked = 0;
    for cells in rows(&text).filter(|cells| cells.len() == 4) {
        let [path, name] = quoted(cells[2])[..] else { continue };
        let source = file(path);
        let line = source.lines().find(|line| line.contains(&format!("const {name}:")));
        let line = line.unwrap_or_else(|| panic!("{path} has no {name}"));
        let value = line.split_once(" = ").unwrap().1.trim_end_matches(';');
        assert_eq!(cells[1], in_words(value), "{name} in {path}");
        checked += 1;
    }
    assert!(checked >= 15, "only {checked} limits were found");
}

/// A value of the source as people write it.
fn in_words(value: &str) -> String {
    let inside = |before: &str| value.strip_prefix(before).and_then(|rest| rest.strip_suffix(')'));
    if let Some(seconds) = inside("Duration::from_secs(") {
        return format!("{seconds} s");
    }
    if let Some(minutes) = inside("Duration::from_mins(") {
        return format!("{minutes} min");
    }
    match value.split_once(" << ") {
        Some((number, "10")) => format!("{number} KiB"),
        Some((number, "20")) => format!("{number} MiB"),
        Some(_) | None => value.replace('_', ""),
    }
}

#[test]
fn values_are_read_as_they_are_written() {
    for (value, words) in [
        ("Duration::from_secs(15)", "15 s"),
        ("Duration::from_mins(1)", "1 min"),
        ("8 << 10", "8 KiB"),
        ("1 << 20", "1 MiB"),
        ("16_384", "16384"),
    ] {
        assert_eq!(in_words(value), words);
    }
}
