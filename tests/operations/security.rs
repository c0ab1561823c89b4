//! `docs/security.md`: every requirement that applies is in the list once, and every test that it names exists.

use std::collections::BTreeSet;

use crate::{code, file, quoted, rows, tree};

const DOCUMENT: &str = "docs/security.md";

/// How a row without a test begins: it does not apply, somebody else sees to it, the shape of the whole does, or it is not
/// met.
const REASONS: [&str; 4] = ["n/a:", "operator:", "design:", "open:"];

/// The requirements of ASVS 4.0.3 for levels 1 and 2: sections with their numbers. Numbers that are deleted, or only for
/// level 3, are left out.
const REQUIREMENTS: [(&str, &[u32]); 67] = [
    ("1.1", &[1, 2, 3, 4, 5, 6, 7]),
    ("1.2", &[1, 2, 3, 4]),
    ("1.4", &[1, 4, 5]),
    ("1.5", &[1, 2, 3, 4]),
    ("1.6", &[1, 2, 3, 4]),
    ("1.7", &[1, 2]),
    ("1.8", &[1, 2]),
    ("1.9", &[1, 2]),
    ("1.10", &[1]),
    ("1.11", &[1, 2]),
    ("1.12", &[2]),
    ("1.14", &[1, 2, 3, 4, 5, 6]),
    ("2.1", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ("2.2", &[1, 2, 3]),
    ("2.3", &[1, 2, 3]),
    ("2.4", &[1, 2, 3, 4, 5]),
    ("2.5", &[1, 2, 3, 4, 5, 6, 7]),
    ("2.6", &[1, 2, 3]),
    ("2.7", &[1, 2, 3, 4, 5, 6]),
    ("2.8", &[1, 2, 3, 4, 5, 6, 7]),
    ("2.9", &[1, 2, 3]),
    ("2.10", &[1, 2, 3, 4]),
    ("3.1", &[1]),
    ("3.2", &[1, 2, 3, 4]),
    ("3.3", &[1, 2, 3, 4]),
    ("3.4", &[1, 2, 3, 4, 5]),
    ("3.5", &[1, 2, 3]),
    ("3.7", &[1]),
    ("4.1", &[1, 2, 3, 5]),
    ("4.2", &[1, 2]),
    ("4.3", &[1, 2, 3]),
    ("5.1", &[1, 2, 3, 4, 5]),
    ("5.2", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ("5.3", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ("5.4", &[1, 2, 3]),
    ("5.5", &[1, 2, 3, 4]),
    ("6.1", &[1, 2, 3]),
    ("6.2", &[1, 2, 3, 4, 5, 6]),
    ("6.3", &[1, 2]),
    ("6.4", &[1, 2]),
    ("7.1", &[1, 2, 3, 4]),
    ("7.2", &[1, 2]),
    ("7.3", &[1, 3, 4]),
    ("7.4", &[1, 2, 3]),
    ("8.1", &[1, 2, 3, 4]),
    ("8.2", &[1, 2, 3]),
    ("8.3", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ("9.1", &[1, 2, 3]),
    ("9.2", &[1, 2, 3, 4]),
    ("10.2", &[1, 2]),
    ("10.3", &[1, 2, 3]),
    ("11.1", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ("12.1", &[1, 2, 3]),
    ("12.2", &[1]),
    ("12.3", &[1, 2, 3, 4, 5, 6]),
    ("12.4", &[1, 2]),
    ("12.5", &[1, 2]),
    ("12.6", &[1]),
    ("13.1", &[1, 3, 4, 5]),
    ("13.2", &[1, 2, 3, 5, 6]),
    ("13.3", &[1, 2]),
    ("13.4", &[1, 2]),
    ("14.1", &[1, 2, 3, 4]),
    ("14.2", &[1, 2, 3, 4, 5, 6]),
    ("14.3", &[2, 3]),
    ("14.4", &[1, 2, 3, 4, 5, 6, 7]),
    ("14.5", &[1, 2, 3, 4]),
];

fn requirements() -> BTreeSet<String> {
    REQUIREMENTS
        .iter()
        .flat_map(|(section, numbers)| numbers.iter().map(move |number| format!("{section}.{number}")))
        .collect()
}

/// The requirements of a first cell: `5.1.1`, `2.1.1-12`, or several of them with commas between.
fn listed(cell: &str) -> Vec<String> {
    let one = |part: &str| -> Vec<String> {
        let Some((section, numbers)) = part.trim().rsplit_once('.') else { return Vec::new() };
        if section.chars().any(|char| !char.is_ascii_digit() && char != '.') {
            return Vec::new();
        }
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        match (first.parse::<u32>(), last.parse::<u32>()) {
            (Ok(first), Ok(last)) => (first..=last).map(|number| format!("{section}.{number}")).collect(),
            _ => Vec::new(),
        }
    };
    cell.split(',').flat_map(one).collect()
}

/// The names of all tests of the tree.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for file in tree::files().iter().filter(|file| file.is_rust()) {
        let mut is_test = false;
        for line in code::code_only(&file.text).lines() {
            is_test |= line.contains("#[test]") || line.contains("#[tokio::test");
            if let Some((_, after)) = line.split_once("fn ").filter(|_| is_test) {
                tests.extend(after.split(|char| !code::is_word(char)).next().map(str::to_owned));
                is_test = false;
            }
        }
    }
    // Scenarios of the storage engines and properties are called by macros.
    for file in tree::files().iter().filter(|file| file.path.starts_with("tests/store/")) {
        let scenarios = file.text.lines().filter_map(|line| line.strip_prefix("pub(crate) async fn "));
        tests.extend(scenarios.filter_map(|rest| rest.split('(').next()).map(str::to_owned));
    }
    tests
}

#[test]
fn every_requirement_is_in_the_list_once_and_every_named_test_exists() {
    let (text, tests) = (file(DOCUMENT), tests());
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for cells in rows(&text).filter(|cells| cells.len() == 3) {
        let [id, _, by] = cells[..] else { continue };
        let listed = listed(id);
        wrong.extend(
            listed.iter().filter(|one| !seen.insert((*one).clone())).map(|one| format!("{one} is there twice")),
        );
        if listed.is_empty() {
            continue;
        }
        let before_reason = REASONS.iter().filter_map(|reason| by.find(reason)).min().unwrap_or(by.len());
        let named = quoted(&by[..before_reason]);
        if named.is_empty() && before_reason != 0 {
            wrong.push(format!("{id} names no test and gives no reason"));
        }
        let missing = named.iter().filter(|name| !tests.contains(**name));
        wrong.extend(missing.map(|name| format!("{id} names `{name}`, which is no test")));
    }
    // In sentences, too, names stand between brackets; what has so many words is nothing else.
    let in_sentences = text.lines().filter(|line| !line.starts_with('|')).flat_map(quoted);
    let names = in_sentences.filter(|name| name.matches('_').count() >= 3 && name.chars().all(code::is_word));
    wrong.extend(names.filter(|name| !tests.contains(*name)).map(|name| format!("`{name}` is no test")));
    let wanted = requirements();
    wrong.extend(wanted.difference(&seen).map(|id| format!("{id} is missing")));
    wrong.extend(seen.difference(&wanted).map(|id| format!("{id} is no requirement of level 2")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn requirements_are_read_from_their_cells() {
    assert_eq!(listed("5.1.1"), ["5.1.1"]);
    assert_eq!(listed("2.1.11-12, 2.3.2"), ["2.1.11", "2.1.12", "2.3.2"]);
    assert!(listed("card data").is_empty() && listed("requirement").is_empty() && listed("`a.b`").is_empty());
    assert!(tests().contains("requirements_are_read_from_their_cells"));
    assert!(tests().contains("what_is_open_is_counted_until_it_is_settled") && !tests().contains("requirements"));
}
