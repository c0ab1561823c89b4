//! Rust source without what is not code: the rules must not stumble over a word in a comment or in a text.

/// The source with comments, texts and characters blanked out; every line keeps its number.
pub(crate) fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_blank(&chars, at).max(at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|char| if *char == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment, text or character that begins at `at` ends; `at` itself when none begins there.
fn end_of_blank(chars: &[char], at: usize) -> usize {
    match (chars[at], chars.get(at + 1)) {
        ('/', Some('/')) => find(chars, at, |rest| rest[0] == '\n'),
        ('/', Some('*')) => end_of_block_comment(chars, at),
        ('"', _) => end_of_text(chars, at),
        ('r', Some('"' | '#')) => end_of_raw_text(chars, at),
        ('\'', Some('\\')) => find(chars, at + 3, |rest| rest[0] == '\'') + 1,
        // A lifetime has no closing quote.
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
    .min(chars.len())
}

fn end_of_block_comment(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut position = at;
    while position + 1 < chars.len() {
        match (chars[position], chars[position + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                position += 1;
                continue;
            }
        }
        position += 2;
        if depth == 0 {
            return position;
        }
    }
    chars.len()
}

fn end_of_text(chars: &[char], at: usize) -> usize {
    let mut position = at + 1;
    while position < chars.len() && chars[position] != '"' {
        position += if chars[position] == '\\' { 2 } else { 1 };
    }
    position + 1
}

/// `r"…"` and `r#"…"#` with any number of signs; `at` when it is a raw identifier or the end of another word.
fn end_of_raw_text(chars: &[char], at: usize) -> usize {
    let in_word = at > 0 && is_word(chars[at - 1]) && !matches!(chars[at - 1], 'b' | 'c');
    let signs = chars[at + 1..].iter().take_while(|char| **char == '#').count();
    if in_word || chars.get(at + 1 + signs) != Some(&'"') {
        return at;
    }
    let closes =
        |rest: &[char]| rest[0] == '"' && rest.len() > signs && rest[1..=signs].iter().all(|char| *char == '#');
    find(chars, at + 2 + signs, closes) + 1 + signs
}

fn find(chars: &[char], from: usize, found: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|position| found(&chars[*position..])).unwrap_or(chars.len())
}

pub(crate) fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Whether the line holds the term with no letter, digit or underscore running on at an end that is itself a word.
pub(crate) fn holds(line: &str, term: &str) -> bool {
    line.match_indices(term).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + term.len()..].chars().next();
        let runs_on =
            |inside: Option<char>, outside: Option<char>| inside.is_some_and(is_word) && outside.is_some_and(is_word);
        !runs_on(term.chars().next(), before) && !runs_on(term.chars().next_back(), after)
    })
}

#[test]
fn comments_and_texts_are_blanked() {
    let source =
        "a // b\nc /* d /* e */ f */ g \"h \\\" i\" j r#\"k \" l\"# m 'n' 'life '\\'' o br\"p\" r#type\nq \"r\ns\" t";
    let code = code_only(source);
    assert_eq!(code.lines().count(), source.lines().count());
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "c", "g", "j", "m", "'life", "o", "b", "r#type", "q", "t"]);
}

#[test]
fn a_term_is_a_whole_word() {
    assert!(holds("let rate: f64 = 0;", "f64") && holds("Vec<f64>", "f64") && holds("#[allow(dead_code)]", "#[allow("));
    assert!(!holds("as_f64()", "f64") && !holds("f64_from", "f64") && !holds("mytodo!()", "todo!"));
}
