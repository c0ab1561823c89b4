//! What no line may hold, and how long a file may be.

use crate::{
    code::{code_only, holds, is_word},
    finding::Finding,
    tree::SourceFile,
};

/// Above this a file has more than one subject. Lines.
const FILE_LINES_MAX: usize = 550;

/// These speak of the rules themselves, or are not ours to word.
const NOT_READ: [&str; 3] = ["tests/tidy/", "Cargo.lock", "LICENSE"];

/// A term that may stand nowhere in the place, and what to do instead.
struct Rule {
    place: Place,
    terms: &'static [&'static str],
    message: &'static str,
}

#[derive(Clone, Copy)]
enum Place {
    /// Any text file, comments included.
    Everywhere,
    /// Rust, without comments and texts.
    Code,
    /// Rust that runs only in tests, without comments and texts.
    TestCode,
    /// Rust outside benches and metrics, where alone a number may be inexact; without comments and texts.
    ExactCode,
}

const RULES: &[Rule] = &[
    Rule {
        place: Place::Code,
        terms: &["#[allow(", "#![allow("],
        message: "write #[expect(lint, reason = \"…\")]: it speaks up when it is no longer needed",
    },
    Rule { place: Place::Code, terms: &["todo!", "unimplemented!"], message: "what cannot be done well is left out" },
    Rule { place: Place::Code, terms: &["dbg!"], message: "take it out before committing" },
    Rule {
        place: Place::Everywhere,
        terms: &["TODO", "FIXME"],
        message: "do it now, or write it where work is planned",
    },
    Rule {
        place: Place::TestCode,
        terms: &["sleep(", "sleep_until("],
        message: "await the condition instead, or move the clock",
    },
    Rule {
        place: Place::ExactCode,
        terms: &["f32", "f64"],
        message: "money never passes through a float; only benches and metrics may round",
    },
    Rule {
        place: Place::Everywhere,
        terms: &["/work/", "/root/", "this session", "previous session", "next session", "another session"],
        message: "the project speaks of itself alone, not of where and how it was written",
    },
];

pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    if NOT_READ.iter().any(|path| file.path.starts_with(path)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut find = |line: usize, message: String| {
        findings.push(Finding { path: file.path.clone(), line, message });
    };
    for (number, line) in (1..).zip(file.text.lines()) {
        for rule in RULES.iter().filter(|rule| matches!(rule.place, Place::Everywhere)) {
            rule.broken_by(line).into_iter().for_each(|term| find(number, format!("`{term}`: {}", rule.message)));
        }
        if numbers_a_task(line) {
            find(number, "a task's number means nothing to a reader of the code".to_owned());
        }
    }
    if !file.is_rust() {
        return findings;
    }
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        find(lines, format!("{lines} lines are more than {FILE_LINES_MAX}: split the file by subject"));
    }
    let code = code_only(&file.text);
    let tests_begin = first_test_line(&file.path, &code);
    let exact =
        !file.path.starts_with("benches/") && !file.path.contains("/benches/") && !file.path.contains("metrics");
    for (number, line) in (1..).zip(code.lines()) {
        for rule in RULES {
            let applies = match rule.place {
                Place::Everywhere => false,
                Place::Code => true,
                Place::TestCode => number >= tests_begin,
                Place::ExactCode => exact,
            };
            if applies {
                rule.broken_by(line).into_iter().for_each(|term| find(number, format!("`{term}`: {}", rule.message)));
            }
        }
    }
    findings
}

impl Rule {
    fn broken_by(&self, line: &str) -> Option<&'static str> {
        self.terms.iter().copied().find(|term| holds(line, term))
    }
}

/// Tests come last in a file, so that all below the first `#[cfg(test)] mod` is test code. Counted from one.
fn first_test_line(path: &str, code: &str) -> usize {
    if path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs") {
        return 1;
    }
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let opens = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    lines.windows(2).position(opens).map_or(usize::MAX, |index| index + 1)
}

/// "issue 2 of 6", "task 3 of 4", "step 1/5" and the like.
fn numbers_a_task(line: &str) -> bool {
    let line = line.to_lowercase();
    let words: Vec<&str> = line.split(|char: char| !is_word(char)).filter(|word| !word.is_empty()).collect();
    let number = |word: &str| word.chars().all(|char| char.is_ascii_digit());
    words.windows(4).any(|four| {
        matches!(four[0], "issue" | "task" | "milestone") && number(four[1]) && four[2] == "of" && number(four[3])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<usize> {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        check(&file).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn planted_lines_are_found() {
        for line in ["#[allow(dead_code)]", "#![allow(unused)]", "todo!();", "unimplemented!(\"x\")", "dbg!(x);"] {
            assert_eq!(findings("src/a.rs", &format!("fn a() {{}}\n{line}\n")), [2], "{line}");
        }
        for line in ["// TODO: later", "# FIXME", "see /work/place", "written in this session", "Issue 2 of 6: money"] {
            assert_eq!(findings("docs/a.md", &format!("fine\n{line}\n")), [2], "{line}");
        }
        for line in ["let rate: f64 = 0.5;", "fn a() -> Option<f32> {"] {
            assert_eq!(findings("src/a.rs", line), [1], "{line}");
            assert_eq!(findings("src/ops/metrics.rs", line), [], "{line}");
            assert_eq!(findings("benches/a.rs", line), [], "{line}");
        }
    }

    #[test]
    fn waiting_is_found_in_tests_only() {
        let source =
            "fn a() { sleep(pause); }\n#[cfg(test)]\nmod tests {\n    fn b() { std::thread::sleep(pause); }\n}\n";
        assert_eq!(findings("src/a.rs", source), [4]);
        assert_eq!(findings("providers/twin/tests/a.rs", "tokio::time::sleep(pause).await;"), [1]);
        assert_eq!(findings("src/a/tests.rs", "sleep(pause);"), [1]);
        assert_eq!(findings("tests/a.rs", "oversleep(pause); // sleep(pause)"), []);
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(findings("src/a.rs", &"\n".repeat(FILE_LINES_MAX)), []);
        assert_eq!(findings("src/a.rs", &"\n".repeat(FILE_LINES_MAX + 1)), [FILE_LINES_MAX + 1]);
    }

    #[test]
    fn words_in_comments_and_texts_pass() {
        let source = "// a dbg! in a comment, f64 too\nlet text = \"todo! f32 #[allow(\";\nlet sessions = 2 + 3;\n";
        assert_eq!(findings("src/a.rs", source), []);
    }
}
