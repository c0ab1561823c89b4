//! `docs/acceptance.md` and the tests say the same: every scenario of the catalogue is listed, with the tests that show
//! it or the reason why none does, and every test that carries an id in its name stands in its row.
//!
//! `UPDATE_ACCEPTANCE=1 cargo test --test acceptance_list` writes the names of the tests into the list. It leaves the
//! words, the reasons of rows without tests, what is said to be missing after names, and tests that are listed by hand
//! because their names carry no id. A row that gains its first test loses its reason.

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/tree.rs"]
mod tree;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const LIST: &str = "docs/acceptance.md";

/// The catalogue: each group of scenarios and how many it has, counted from one.
const GROUPS: [(char, u32); 10] =
    [('A', 8), ('B', 9), ('C', 17), ('D', 6), ('E', 5), ('F', 6), ('G', 7), ('H', 11), ('I', 3), ('R', 42)];

/// A row without tests gives its reason with one of these: it is still to come, or it does not apply. A row whose tests
/// show a part says after them what is missing.
const REASONS: [&str; 2] = ["later:", "n/a:"];

#[test]
fn the_list_and_the_tests_agree() {
    let tests = tests_in(&tree::files());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST);
    let list = fs::read_to_string(&path).expect("the list is there");
    if std::env::var_os("UPDATE_ACCEPTANCE").is_some_and(|value| value == "1") {
        fs::write(&path, updated(&list, &tests)).expect("the list can be written");
    }
    let list = fs::read_to_string(&path).expect("the list is there");
    let disagreements = disagreements(&list, &tests);
    assert!(
        disagreements.is_empty(),
        "{LIST} and the tests disagree; UPDATE_ACCEPTANCE=1 cargo test --test acceptance_list writes the names:\n{}",
        disagreements.join("\n")
    );
}

/// The names of all functions of the tree, and of those in tests that carry an id, by their id in lower case.
#[derive(Default)]
struct Tests {
    functions: BTreeSet<String>,
    by_id: BTreeMap<String, BTreeSet<String>>,
}

fn tests_in(files: &[tree::SourceFile]) -> Tests {
    let mut tests = Tests::default();
    for file in files.iter().filter(|file| file.is_rust() && !file.path.ends_with("acceptance_list.rs")) {
        let folder_of_tests = file.path.starts_with("tests/") || file.path.contains("/tests/");
        let mut in_tests = folder_of_tests || file.path.ends_with("/tests.rs");
        for line in code::code_only(&file.text).lines() {
            in_tests |= line.contains("#[cfg(test)]");
            let Some(name) = function(line) else { continue };
            tests.functions.insert(name.to_owned());
            if let Some(id) = id_of(name).filter(|_| in_tests) {
                tests.by_id.entry(id).or_default().insert(name.to_owned());
            }
        }
    }
    tests
}

/// The name that a line defines a function under.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    if before.chars().next_back().is_some_and(code::is_word) {
        return None;
    }
    after.split(|char| !code::is_word(char)).next().filter(|name| !name.is_empty())
}

/// `b1` from `b1_a_status_says_what_may_have_happened`; [`None`] for a name that carries no id.
fn id_of(name: &str) -> Option<String> {
    let (id, _) = name.split_once('_')?;
    let number = id.strip_prefix(|group: char| group.is_ascii_lowercase() && ('a'..='r').contains(&group))?;
    (!number.is_empty() && number.chars().all(|char| char.is_ascii_digit())).then(|| id.to_owned())
}

fn catalogue() -> Vec<String> {
    GROUPS.iter().flat_map(|(group, count)| (1..=*count).map(move |number| format!("{group}{number}"))).collect()
}

/// One row of the list: `| id | what it asks | shown by or why not |`.
struct Row<'a> {
    id: &'a str,
    asks: &'a str,
    tests: Vec<&'a str>,
    reason: Option<&'a str>,
}

fn row(line: &str) -> Option<Row<'_>> {
    let cells: Vec<&str> = line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let [id, asks, shown] = cells[..] else { return None };
    let is_id =
        id.starts_with(|char: char| char.is_ascii_uppercase()) && id.ends_with(|char: char| char.is_ascii_digit());
    let reason_at = REASONS.iter().filter_map(|reason| shown.find(reason)).min();
    let (names, reason) = reason_at.map_or((shown, None), |at| (&shown[..at], Some(&shown[at..])));
    // Every second piece between backticks is a name.
    let tests = names.split('`').skip(1).step_by(2).collect();
    is_id.then_some(Row { id, asks, tests, reason })
}

fn disagreements(list: &str, tests: &Tests) -> Vec<String> {
    let catalogue = catalogue();
    let rows: Vec<Row<'_>> = list.lines().filter_map(row).collect();
    let mut found = Vec::new();
    for id in &catalogue {
        match rows.iter().filter(|row| row.id == id).count() {
            1 => {}
            0 => found.push(format!("{id} has no row")),
            count => found.push(format!("{id} has {count} rows")),
        }
    }
    for Row { id, tests: named, reason, .. } in &rows {
        if !catalogue.iter().any(|known| known == id) {
            found.push(format!("{id} is not in the catalogue"));
        }
        if named.is_empty() && reason.is_none() {
            found.push(format!("{id} names no test, and gives no reason that begins with {}", REASONS.join(" or ")));
        }
        let missing = named.iter().filter(|name| !tests.functions.contains(**name));
        found.extend(missing.map(|name| format!("{id} names `{name}`, which does not exist")));
    }
    for (id, names) in &tests.by_id {
        let row = rows.iter().find(|row| row.id.to_lowercase() == *id);
        let unlisted = names.iter().filter(|name| !row.is_some_and(|row| row.tests.contains(&name.as_str())));
        found.extend(unlisted.map(|name| format!("`{name}` is not listed under {}", id.to_uppercase())));
    }
    found
}

fn updated(list: &str, tests: &Tests) -> String {
    let mut text = String::with_capacity(list.len());
    for line in list.lines() {
        match row(line) {
            Some(row) => text.push_str(&updated_row(&row, tests)),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

fn updated_row(row: &Row<'_>, tests: &Tests) -> String {
    let by_hand = row.tests.iter().filter(|name| id_of(name).is_none() && tests.functions.contains(**name));
    let by_id = tests.by_id.get(&row.id.to_lowercase()).into_iter().flatten().map(String::as_str);
    let names: BTreeSet<String> = by_hand.copied().chain(by_id).map(|name| format!("`{name}`")).collect();
    let joined = names.into_iter().collect::<Vec<_>>().join(", ");
    let shown = match row.reason {
        _ if joined.is_empty() => row.reason.unwrap_or("later: no test shows it yet").to_owned(),
        Some(reason) if !row.tests.is_empty() => format!("{joined}; {reason}"),
        Some(_) | None => joined,
    };
    format!("| {} | {} | {shown} |", row.id, row.asks)
}

/// A full list, in which every row but the first gives a reason.
#[cfg(test)]
fn planted_list(first_row: &str) -> String {
    let rest = catalogue().into_iter().skip(1).map(|id| format!("| {id} | words | later: elsewhere |"));
    std::iter::once(first_row.to_owned()).chain(rest).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
fn planted_tests() -> Tests {
    let text = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a1_refunds() {}\n    async fn by_hand() {}\n}\n";
    tests_in(&[tree::SourceFile { path: "src/a.rs".to_owned(), text: text.to_owned() }])
}

#[test]
fn planted_disagreements_are_found() {
    let tests = planted_tests();
    let cases = [
        ("| A1 | words | `a1_refunds`, `by_hand` |", vec![]),
        ("| A1 | words | `a1_refunds`, `gone` |", vec!["A1 names `gone`, which does not exist"]),
        ("| A1 | words | `by_hand` |", vec!["`a1_refunds` is not listed under A1"]),
        ("| A1 | words | later: in the desk |", vec!["`a1_refunds` is not listed under A1"]),
        ("| A1 | words | `a1_refunds`; later: the rest |", vec![]),
        ("| A1 | words | `gone`, `a1_refunds`; later: `more` |", vec!["A1 names `gone`, which does not exist"]),
        ("", vec!["A1 has no row", "`a1_refunds` is not listed under A1"]),
        ("| A1 | words | `a1_refunds` |\n| A1 | words | n/a: twice |", vec!["A1 has 2 rows"]),
        ("| A1 | words | `a1_refunds` |\n| K1 | words | n/a: unknown |", vec!["K1 is not in the catalogue"]),
    ];
    for (first_row, expected) in cases {
        assert_eq!(disagreements(&planted_list(first_row), &tests), expected, "{first_row}");
    }
    let unreasoned = disagreements(&planted_list("| A1 | words | soon |"), &tests);
    assert!(unreasoned[0].starts_with("A1 names no test, and gives no reason"), "{unreasoned:?}");
    let nowhere = tests_in(&[tree::SourceFile { path: "tests/a.rs".to_owned(), text: "fn i64_fits() {}".to_owned() }]);
    let unknown = disagreements(&planted_list("| A1 | words | n/a: none |"), &nowhere);
    assert_eq!(unknown, ["`i64_fits` is not listed under I64"]);
}

#[test]
fn an_update_writes_names_and_keeps_reasons() {
    let rows = [
        ("| A1 | words | `by_hand`, `a1_gone` |", "| A1 | words | `a1_refunds`, `by_hand` |"),
        ("| A1 | words | later: in the desk |", "| A1 | words | `a1_refunds` |"),
        ("| A1 | words | `a1_refunds`; later: the rest |", "| A1 | words | `a1_refunds`; later: the rest |"),
    ];
    for (before, after) in rows {
        let list = updated(&planted_list(&format!("{before}\nText | with a bar.")), &planted_tests());
        let expected = format!("{after}\nText | with a bar.\n| A2 | words | later: elsewhere |\n");
        assert!(list.starts_with(&expected), "{before}");
        assert_eq!(disagreements(&list, &planted_tests()), Vec::<String>::new());
    }
}

#[test]
fn names_of_other_things_carry_no_id() {
    assert_eq!(id_of("r42_an_empty_statement"), Some("r42".to_owned()));
    for name in ["by_hand", "a_1", "e2e_walk", "s1_x", "a1", "A1_x"] {
        assert_eq!(id_of(name), None, "{name}");
    }
}
