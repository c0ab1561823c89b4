//! A tree into typed values.

use std::{collections::BTreeMap, fmt::Display};

use jiff::civil::Date;
use zahlstelle_contract::money::{Currency, Money};

use super::{
    Problems,
    tree::{Node, child},
};

/// The members of one object, each to be asked for once; what was not asked for is unknown.
pub(in crate::http) struct Members<'a> {
    pointer: String,
    given: &'a [(String, Node)],
    asked: Vec<&'static str>,
}

impl<'a> Members<'a> {
    /// The members of a node that must be an object.
    pub(in crate::http) fn of(node: &'a Node, pointer: &str, problems: &mut Problems) -> Option<Self> {
        match node {
            Node::Object(members) => {
                Some(Self { pointer: pointer.to_owned(), given: members.as_slice(), asked: Vec::new() })
            }
            other => wrong_type(other, pointer, "an object", problems),
        }
    }

    /// Whether a member is there and not null.
    pub(in crate::http) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(known, node)| known == name && *node != Node::Null)
    }

    /// Whether a member is there and null.
    pub(in crate::http) fn is_null(&self, name: &str) -> bool {
        self.given.iter().any(|(known, node)| known == name && *node == Node::Null)
    }

    /// A member that may be absent or null.
    pub(in crate::http) fn optional<T>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
        read: impl FnOnce(&'a Node, &str, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        self.asked.push(name);
        let (_, node) = self.given.iter().find(|(known, _)| known == name)?;
        if *node == Node::Null { None } else { read(node, &child(&self.pointer, name), problems) }
    }

    /// A member that must be there.
    pub(in crate::http) fn required<T>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
        read: impl FnOnce(&'a Node, &str, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        if !self.has(name) {
            problems.value(&child(&self.pointer, name), "is required");
        }
        self.optional(name, problems, read)
    }

    /// Names every member that was not asked for.
    pub(in crate::http) fn finish(self, problems: &mut Problems) {
        for (name, _) in self.given {
            if !self.asked.iter().any(|asked| asked == name) {
                problems.structure(&child(&self.pointer, name), "is no member of this object");
            }
        }
    }
}

/// A string that a rule admits.
pub(in crate::http) fn text<'a, T, E: Display>(
    rule: impl FnOnce(&'a str) -> Result<T, E>,
) -> impl FnOnce(&'a Node, &str, &mut Problems) -> Option<T> {
    move |node, pointer, problems| match node {
        Node::Text(text) => rule(text).map_err(|detail| problems.value(pointer, detail)).ok(),
        other => wrong_type(other, pointer, "a string", problems),
    }
}

/// A text of so many characters, none of them a control character.
pub(in crate::http) fn line(characters_max: usize) -> impl for<'a> Fn(&'a str) -> Result<String, String> {
    move |text| {
        let length = text.chars().count();
        if !(1..=characters_max).contains(&length) {
            Err(format!("must have from 1 to {characters_max} characters"))
        } else if text.chars().any(char::is_control) {
            Err("must not contain control characters".to_owned())
        } else {
            Ok(text.to_owned())
        }
    }
}

/// An amount in euros, as a decimal string.
pub(in crate::http) fn amount(node: &Node, pointer: &str, problems: &mut Problems) -> Option<Money> {
    match node {
        Node::Text(text) => Money::parse(text, Currency::EUR).map_err(|error| problems.value(pointer, error)).ok(),
        other => wrong_type(other, pointer, "a decimal string such as \"13.00\"", problems),
    }
}

/// An amount in euros that is greater than zero.
pub(in crate::http) fn positive_amount(node: &Node, pointer: &str, problems: &mut Problems) -> Option<Money> {
    let amount = amount(node, pointer, problems)?;
    if amount.is_positive() {
        return Some(amount);
    }
    problems.value(pointer, "must be greater than zero");
    None
}

/// A whole number in a range.
pub(in crate::http) fn count(
    range: std::ops::RangeInclusive<u32>,
) -> impl FnOnce(&Node, &str, &mut Problems) -> Option<u32> {
    move |node, pointer, problems| {
        let Node::Number(text) = node else { return wrong_type(node, pointer, "a whole number", problems) };
        if text.contains(['.', 'e', 'E']) {
            problems.structure(pointer, "must be a whole number without point or exponent");
            return None;
        }
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            problems.value(pointer, format!("must be from {} to {}", range.start(), range.end()));
        }
        number
    }
}

/// `true` or `false`.
pub(in crate::http) fn flag(node: &Node, pointer: &str, problems: &mut Problems) -> Option<bool> {
    match node {
        Node::Bool(flag) => Some(*flag),
        other => wrong_type(other, pointer, "true or false", problems),
    }
}

/// A position of the log or a version.
pub(in crate::http) fn position(node: &Node, pointer: &str, problems: &mut Problems) -> Option<u64> {
    let Node::Number(text) = node else { return wrong_type(node, pointer, "a whole number", problems) };
    let number = text.parse().ok();
    if number.is_none() {
        problems.value(pointer, "must be a whole number that is not negative");
    }
    number
}

/// A day such as `2026-11-24`.
pub(in crate::http) fn day(text: &str) -> Result<Date, &'static str> {
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    text.parse().ok().filter(|_| plain).ok_or("must be a day such as 2026-11-24")
}

/// A list whose items are read one by one; a list with a wrong item is no list.
pub(in crate::http) fn list<T>(
    length: std::ops::RangeInclusive<usize>,
    read: impl Fn(&Node, &str, &mut Problems) -> Option<T>,
) -> impl FnOnce(&Node, &str, &mut Problems) -> Option<Vec<T>> {
    move |node, pointer, problems| {
        let Node::List(nodes) = node else { return wrong_type(node, pointer, "a list", problems) };
        if !length.contains(&nodes.len()) {
            problems.value(pointer, format!("must have from {} to {} items", length.start(), length.end()));
            return None;
        }
        let items: Vec<Option<T>> =
            nodes.iter().enumerate().map(|(index, node)| read(node, &format!("{pointer}/{index}"), problems)).collect();
        items.into_iter().collect()
    }
}

/// An object with free names whose values are strings. The caller judges names and values.
pub(in crate::http) fn strings(
    node: &Node,
    pointer: &str,
    problems: &mut Problems,
) -> Option<BTreeMap<String, String>> {
    let Node::Object(members) = node else { return wrong_type(node, pointer, "an object", problems) };
    let mut strings = BTreeMap::new();
    let mut complete = true;
    for (name, node) in members {
        match node {
            Node::Text(text) => {
                strings.insert(name.clone(), text.clone());
            }
            other => {
                complete = false;
                wrong_type::<()>(other, &child(pointer, name), "a string", problems);
            }
        }
    }
    complete.then_some(strings)
}

fn wrong_type<T>(node: &Node, pointer: &str, wanted: &str, problems: &mut Problems) -> Option<T> {
    problems.structure(pointer, format!("must be {wanted}, not {}", node.kind()));
    None
}
