//! Bytes into a tree. Numbers stay text, so that no amount ever passes through a float.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Code, ProblemDetails, Problems};

/// How many objects and lists may lie within each other.
const DEPTH_MAX: usize = 8;

/// A value of a body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::http) enum Node {
    Null,
    Bool(bool),
    /// As it stands there.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the body, every name once.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// What it is, in words that follow "not".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// The tree of a body. Repeated members are noted, the first of them stays.
pub(in crate::http) fn parse(body: &[u8], problems: &mut Problems) -> Result<Node, ProblemDetails> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!("The byte at {} begins no character.", error.valid_up_to());
        ProblemDetails::new(Code::BodyNotUtf8).with_detail(detail)
    })?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| not_json("", &error))?;
    node(raw, "", 0, problems)
}

fn node(raw: &RawValue, pointer: &str, depth: usize, problems: &mut Problems) -> Result<Node, ProblemDetails> {
    let text = raw.get();
    let failed = |error: serde_json::Error| not_json(pointer, &error);
    match text.bytes().next() {
        Some(b'{') => {
            let inner = deeper(depth)?;
            let Entries(entries) = serde_json::from_str(text).map_err(failed)?;
            let mut members: Vec<(String, Node)> = Vec::with_capacity(entries.len());
            let mut names = std::collections::BTreeSet::new();
            for (name, raw) in entries {
                let pointer = child(pointer, &name);
                let value = node(raw, &pointer, inner, problems)?;
                if names.insert(name.clone()) {
                    members.push((name, value));
                } else {
                    problems.structure(&pointer, "is given more than once");
                }
            }
            Ok(Node::Object(members))
        }
        Some(b'[') => {
            let inner = deeper(depth)?;
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(failed)?;
            let nodes = items.into_iter().enumerate();
            nodes
                .map(|(index, raw)| node(raw, &format!("{pointer}/{index}"), inner, problems))
                .collect::<Result<_, _>>()
                .map(Node::List)
        }
        Some(b'"') => serde_json::from_str(text).map(Node::Text).map_err(failed),
        Some(b't' | b'f') => Ok(Node::Bool(text == "true")),
        Some(b'n') => Ok(Node::Null),
        _ => Ok(Node::Number(text.to_owned())),
    }
}

fn deeper(depth: usize) -> Result<usize, ProblemDetails> {
    if depth < DEPTH_MAX {
        return Ok(depth.saturating_add(1));
    }
    let detail = format!("At most {DEPTH_MAX} objects and lists may lie within each other.");
    Err(ProblemDetails::new(Code::BodyTooDeep).with_detail(detail))
}

fn not_json(pointer: &str, error: &serde_json::Error) -> ProblemDetails {
    let problem = ProblemDetails::new(Code::InvalidJson);
    if pointer.is_empty() {
        problem.with_detail(format!("The mistake is in line {}, column {}.", error.line(), error.column()))
    } else {
        problem.at_pointers([crate::desk::Problem::at(pointer, "holds characters or escapes that JSON does not know")])
    }
}

/// The pointer of a member (RFC 6901, section 3).
pub(in crate::http) fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The members of an object as they come, repeated ones included.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry::<String, &'de RawValue>()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &[u8]) -> Result<Node, Code> {
        parse(body, &mut Problems::default()).map_err(|problem| problem.code())
    }

    #[test]
    fn a_body_becomes_a_tree_whose_numbers_are_text() {
        let body = br#" {"a": [1, 1.50, -0, 1e400], "b": {"c~/": null}, "d": "\u00e4", "e": true} "#;
        let number = |text: &str| Node::Number(text.to_owned());
        let expected = Node::Object(vec![
            ("a".to_owned(), Node::List(vec![number("1"), number("1.50"), number("-0"), number("1e400")])),
            ("b".to_owned(), Node::Object(vec![("c~/".to_owned(), Node::Null)])),
            ("d".to_owned(), Node::Text("ä".to_owned())),
            ("e".to_owned(), Node::Bool(true)),
        ]);
        assert_eq!(code(body), Ok(expected));
        assert_eq!(child("/b", "c~/"), "/b/c~0~1");
    }

    #[test]
    fn what_is_not_json_is_told_as_what_it_is() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
        assert!(code(&deep(DEPTH_MAX)).is_ok());
        let cases: [(&[u8], Code); 13] = [
            (b"", Code::InvalidJson),
            (b"{", Code::InvalidJson),
            (b"{} {}", Code::InvalidJson),
            (b"{'a': 1}", Code::InvalidJson),
            (b"{\"a\": NaN}", Code::InvalidJson),
            (b"{\"a\": 01}", Code::InvalidJson),
            (b"{\"a\": 1,}", Code::InvalidJson),
            (b"\xEF\xBB\xBF{}", Code::InvalidJson),
            (b"{\"a\": \"\\ud800\"}", Code::InvalidJson),
            (b"{\"a\": \"\x01\"}", Code::InvalidJson),
            (b"{\"a\": \"\xff\"}", Code::BodyNotUtf8),
            (&deep(DEPTH_MAX + 1), Code::BodyTooDeep),
            (&deep(30_000), Code::BodyTooDeep),
        ];
        for (body, expected) in cases {
            assert_eq!(code(body), Err(expected), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn repeated_members_are_named_at_every_depth() {
        let mut problems = Problems::default();
        let tree = parse(br#"{"a": 1, "b": [{"c": 1, "c": 2}], "\u0061": 2}"#, &mut problems).unwrap();
        let pointers: Vec<&str> = problems.structure.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, ["/b/0/c", "/a"]);
        let Node::Object(members) = tree else { panic!("an object") };
        assert_eq!(members.len(), 2);
    }
}
