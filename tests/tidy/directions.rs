//! Who may import whom: the table of the architecture, held against what the source says.
//!
//! Between crates cargo already forbids a circle; inside the service only this test does.

use std::collections::BTreeSet;

use crate::{
    code::{code_only, is_word},
    finding::Finding,
    tree::SourceFile,
};

/// The vocabulary crate `zahlstelle_contract`.
const CONTRACT: &str = "contract";
/// Any provider's crate.
const ADAPTER: &str = "adapter";
/// The simulated world, `zahlstelle_twin`.
const TWIN: &str = "twin";

/// A top-level module of `src` and what it may import; its own insides it always may.
struct Part {
    name: &'static str,
    may_import: May,
}

enum May {
    Anything,
    Only(&'static [&'static str]),
}

/// The directions of the house, from the top down. A module that is not listed here may not exist.
const PARTS: &[Part] = &[
    // The binary and the commands put the whole together; nothing imports them.
    Part { name: "main", may_import: May::Anything },
    Part { name: "cli", may_import: May::Anything },
    // The two ways in: from the wire and from the clock. They act through the desk alone, never on the store.
    Part {
        name: "http",
        may_import: May::Only(&[
            "desk", "webhook", "outbound", "traces", "config", "domain", "metrics", "clock", "ids", CONTRACT,
        ]),
    },
    Part {
        name: "jobs",
        may_import: May::Only(&[
            "desk", "webhook", "outbound", "config", "domain", "metrics", "clock", "ids", CONTRACT,
        ]),
    },
    // The use cases: the only place where domain, store and providers meet. Providers come as traits of the contract.
    Part {
        name: "desk",
        may_import: May::Only(&["reconcile", "store", "ledger", "domain", "metrics", "clock", "ids", CONTRACT]),
    },
    // What is done, told to a collector of traces; it reads spans and imports nobody whose spans they are.
    Part { name: "traces", may_import: May::Only(&["outbound", "config", CONTRACT]) },
    // Ways out. Neither knows a payment's rules.
    Part { name: "outbound", may_import: May::Only(&["domain", "clock", CONTRACT]) },
    Part { name: "webhook", may_import: May::Only(&["domain", "clock", CONTRACT]) },
    // Settings are parsed into types of the domain that cannot be invalid.
    Part { name: "config", may_import: May::Only(&["domain", CONTRACT]) },
    // The store keeps what the pure parts decided, and seals the journal by the ledger's chain. It decides nothing, and
    // its leases take the time of the database. An engine counts what only it can see.
    Part { name: "store", may_import: May::Only(&["ledger", "domain", "metrics", CONTRACT]) },
    // Pure: lines and open items in, matches and exceptions out.
    Part { name: "reconcile", may_import: May::Only(&["ledger", "domain", CONTRACT]) },
    // Pure: posting rules read the domain's events.
    Part { name: "ledger", may_import: May::Only(&["domain", CONTRACT]) },
    // Pure, and the ground that the rest stands on: no clock, no ids, no I/O.
    Part { name: "domain", may_import: May::Only(&[CONTRACT]) },
    // Figures for operators: a leaf that knows nothing of ours, so that the store and the desk may count in it. The ways
    // in count through the desk.
    Part { name: "metrics", may_import: May::Only(&[]) },
    // The only places that read the wall clock and draw randomness. The pure parts take both as arguments.
    Part { name: "clock", may_import: May::Only(&[]) },
    Part { name: "ids", may_import: May::Only(&["domain", "clock"]) },
];

/// What the crates below `providers` may import of ours. A provider reaches neither the store nor another provider, and
/// the twin shares no code with the adapters that it judges.
const PROVIDERS_MAY_IMPORT: &[&str] = &[CONTRACT];

/// The tests of a provider may run it against the simulated world.
const TESTS_OF_PROVIDERS_MAY_IMPORT: &[&str] = &[CONTRACT, TWIN];

pub(crate) fn check(files: &[SourceFile]) -> Vec<Finding> {
    files.iter().filter(|file| file.is_rust()).flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let told = |(line, message)| Finding { path: file.path.clone(), line, message };
    let messages = match file.path.strip_prefix("providers/") {
        Some(inside) => check_provider(inside, &file.text),
        None => check_part(&file.path, &file.text),
    };
    messages.into_iter().map(told).collect()
}

fn check_provider(inside: &str, source: &str) -> Vec<(usize, String)> {
    let own = inside.split('/').next().unwrap_or_default().replace('-', "_");
    let granted = if inside.contains("/tests/") { TESTS_OF_PROVIDERS_MAY_IMPORT } else { PROVIDERS_MAY_IMPORT };
    let refused = |(line, name): (usize, String)| {
        let part = name.strip_prefix("zahlstelle_")?;
        (part != own && !granted.contains(&part)).then(|| (line, format!("providers/{own} may not import `{name}`")))
    };
    imports(source, false).into_iter().filter_map(refused).collect()
}

fn check_part(path: &str, source: &str) -> Vec<(usize, String)> {
    let Some((own, is_root)) = top_level_module(path) else { return Vec::new() };
    let Some(part) = PARTS.iter().find(|part| part.name == own) else {
        return vec![(1, format!("`{own}` is no part of the house: enter it in tests/tidy/directions.rs"))];
    };
    let May::Only(granted) = part.may_import else { return Vec::new() };
    let refused = |(line, name): (usize, String)| {
        let target = target(&name);
        (target != own && !granted.contains(&target))
            .then(|| (line, format!("{own} may not import {target} (`{name}`)")))
    };
    imports(source, is_root).into_iter().filter_map(refused).collect()
}

/// The part that a file below `src` belongs to, and whether the file is the root of that part. `lib.rs` only lists.
fn top_level_module(path: &str) -> Option<(&str, bool)> {
    let inside = path.strip_prefix("src/").filter(|inside| *inside != "lib.rs")?;
    Some(match inside.split_once('/') {
        Some((folder, rest)) => (folder, rest == "mod.rs"),
        None => (inside.trim_end_matches(".rs"), true),
    })
}

/// The part or crate of ours behind the first name of a path.
fn target(name: &str) -> &str {
    match name.strip_prefix("zahlstelle_") {
        Some(crate_name) if crate_name == CONTRACT => CONTRACT,
        Some(crate_name) if crate_name == TWIN => TWIN,
        Some(_) => ADAPTER,
        None => name,
    }
}

/// Each name directly below the root of a crate of ours that the source speaks of, with its line: in `use` and in the
/// middle of code. Names of other crates of ours come as they are, e.g. `zahlstelle_contract`.
///
/// In the root file of a part `super` is the root of the crate, but inside its `mod tests` it is the part itself, so
/// there only the names of parts count. A longer climb cannot be told and is taken as an import of `super`.
fn imports(source: &str, super_is_root: bool) -> BTreeSet<(usize, String)> {
    let code = code_only(source);
    let mut found = BTreeSet::new();
    for (start, word) in words(&code) {
        let line = code[..start].matches('\n').count() + 1;
        let before = code[..start].trim_end();
        if before.ends_with("::") {
            continue;
        }
        let after = code[start + word.len()..].trim_start();
        if word.starts_with("zahlstelle_") {
            found.insert((line, word.to_owned()));
        } else if matches!(word, "crate" | "zahlstelle") {
            found.extend(first_names(after).into_iter().map(|name| (line, name)));
        } else if word == "super" {
            let names = first_names(after);
            let climbs = names.iter().any(|name| name == "super");
            let known = |name: &String| PARTS.iter().any(|part| part.name == name);
            let reached = names.into_iter().filter(|name| (super_is_root && known(name)) || climbs);
            found.extend(reached.map(|name| (line, name)));
        }
    }
    found
}

fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_start = |(at, char): &(usize, char)| is_word(*char) && !code[..*at].chars().next_back().is_some_and(is_word);
    code.char_indices().filter(is_start).map(|(at, _)| {
        let length = code[at..].find(|char| !is_word(char)).unwrap_or(code.len() - at);
        (at, &code[at..at + length])
    })
}

/// From `::a::b` the name `a`, from `::{a::b, c}` both `a` and `c`; nothing from what is no path, as in `pub(crate)`.
fn first_names(after: &str) -> Vec<String> {
    let Some(path) = after.strip_prefix("::") else { return Vec::new() };
    let path = path.trim_start();
    let Some(group) = path.strip_prefix('{') else {
        return path
            .split(|char| !is_word(char))
            .next()
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .into_iter()
            .collect();
    };
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut name = String::new();
    let mut complete = false;
    for char in group.chars() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut name));
                complete = false;
            }
            _ if complete => {}
            _ if is_word(char) => name.push(char),
            _ => complete = !name.is_empty(),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        check(&[file]).into_iter().map(|finding| format!("{} {}", finding.line, finding.message)).collect()
    }

    #[test]
    fn planted_imports_are_found() {
        let planted = [
            ("src/domain/payment.rs", "use crate::store::commit::Commit;", "1 domain may not import store (`store`)"),
            ("src/domain/mod.rs", "\nuse super::ledger::entry;", "2 domain may not import ledger (`ledger`)"),
            ("src/domain/a/b.rs", "use super::super::super::clock;", "1 domain may not import super (`super`)"),
            (
                "src/ledger/entry.rs",
                "use crate::{\n  domain::ids,\n  clock::{Clock, now},\n};",
                "1 ledger may not import clock (`clock`)",
            ),
            ("src/store/mod.rs", "fn a() { let b = crate :: desk::b(); }", "1 store may not import desk (`desk`)"),
            ("src/http/api.rs", "pub(crate) fn a(s: &crate::store::Store) {}", "1 http may not import store (`store`)"),
            ("src/desk/pay.rs", "use zahlstelle_adyen::Adyen;", "1 desk may not import adapter (`zahlstelle_adyen`)"),
            ("src/jobs.rs", "use zahlstelle_twin as world;", "1 jobs may not import twin (`zahlstelle_twin`)"),
            ("src/helpers.rs", "", "1 `helpers` is no part of the house: enter it in tests/tidy/directions.rs"),
            (
                "providers/twin/src/a.rs",
                "use zahlstelle_adyen::wire;",
                "1 providers/twin may not import `zahlstelle_adyen`",
            ),
            (
                "providers/adyen/tests/a.rs",
                "use zahlstelle_stripe::x;",
                "1 providers/adyen may not import `zahlstelle_stripe`",
            ),
        ];
        for (path, text, expected) in planted {
            assert_eq!(findings(path, text), [expected], "{path}: {text}");
        }
    }

    #[test]
    fn what_the_table_grants_passes() {
        let granted = [
            ("src/cli/serve.rs", "use crate::{http, store}; use zahlstelle_adyen::Adyen; use zahlstelle_twin::World;"),
            ("src/main.rs", "fn main() { zahlstelle::cli::run() }"),
            ("src/lib.rs", "pub mod anything;"),
            ("src/desk/pay.rs", "use crate::{domain::payment, store::{commit::{Commit, Job}, read}, ids::Ids};"),
            ("src/domain/mod.rs", "mod tests { use super::*; use super::payment; }"),
            (
                "src/domain/a.rs",
                "use super::{payment, refund}; use crate::domain::event; use zahlstelle_contract::money;",
            ),
            (
                "src/domain/b.rs",
                "//! Kept by [`crate::store`].\nlet text = \"crate::store::x\"; pub(in crate::domain) fn c() {}",
            ),
            ("src/store/rows.rs", "use my::crate_::desk; let a = other::zahlstelle::desk;"),
            ("providers/google-pay/tests/a.rs", "use zahlstelle_google_pay::x; use zahlstelle_contract::money;"),
            ("tests/black_box.rs", "use zahlstelle::store;"),
        ];
        for (path, text) in granted {
            assert_eq!(findings(path, text), Vec::<String>::new(), "{path}: {text}");
        }
    }

    #[test]
    fn the_table_names_only_what_it_knows() {
        let known: BTreeSet<&str> = PARTS.iter().map(|part| part.name).chain([CONTRACT, ADAPTER, TWIN]).collect();
        for part in PARTS {
            if let May::Only(allowed) = part.may_import {
                assert!(allowed.iter().all(|name| known.contains(name)), "{} imports an unknown part", part.name);
            }
        }
    }
}
