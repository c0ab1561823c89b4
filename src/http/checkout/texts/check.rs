//! Holds the file of every language against the list of texts: none may be missing, left over, or lack a variable.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use fluent_syntax::{ast, parser};

use super::{LOCALES, Locale, message::Message};

/// Something that is wrong in the file of a language.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TextError {
    /// The tag is no primary tag of BCP 47.
    #[error("{language}: is no language tag")]
    Tag {
        /// The language.
        language: &'static str,
    },
    /// A part of the file is no Fluent.
    #[error("{language}: {reason}, at byte {at}")]
    Syntax {
        /// The language.
        language: &'static str,
        /// What the parser says.
        reason: String,
        /// Where.
        at: usize,
    },
    /// A text of the pages is not in the file.
    #[error("{language}: {id} is missing")]
    Missing {
        /// The language.
        language: &'static str,
        /// Its name.
        id: String,
    },
    /// The file has a text that no page uses, or one of them twice.
    #[error("{language}: {id} is used by no page, or there twice")]
    LeftOver {
        /// The language.
        language: &'static str,
        /// Its name.
        id: String,
    },
    /// A text has other variables than the page fills.
    #[error("{language}: {id} must use the variables {expected:?} and nothing else, and uses {found:?}")]
    Variables {
        /// The language.
        language: &'static str,
        /// Its name.
        id: String,
        /// What the page fills.
        expected: BTreeSet<String>,
        /// What the text uses; other messages and functions are named with a mark of their own.
        found: BTreeSet<String>,
    },
}

/// Everything that is wrong in the files of all languages.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct TextErrors(pub Vec<TextError>);

impl fmt::Display for TextErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the texts of the checkout are not complete")?;
        self.0.iter().try_for_each(|error| write!(formatter, "\n  {error}"))
    }
}

/// Says whether every language has every text with its variables, and nothing else.
pub fn check() -> Result<(), TextErrors> {
    let errors: Vec<TextError> = LOCALES.iter().flat_map(check_locale).collect();
    if errors.is_empty() { Ok(()) } else { Err(TextErrors(errors)) }
}

pub(super) fn check_locale(locale: &Locale) -> Vec<TextError> {
    let language = locale.tag;
    let mut errors = Vec::new();
    if language.parse::<crate::domain::language::Language>().is_err() {
        errors.push(TextError::Tag { language });
    }
    let resource = match parser::parse(locale.source) {
        Ok(resource) => resource,
        Err((resource, problems)) => {
            errors.extend(problems.into_iter().map(|problem| TextError::Syntax {
                language,
                reason: problem.kind.to_string(),
                at: problem.pos.start,
            }));
            resource
        }
    };
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, pattern) in texts(&resource) {
        let mut used = BTreeSet::new();
        variables_of_pattern(pattern, &mut used);
        if found.insert(id.clone(), used).is_some() {
            errors.push(TextError::LeftOver { language, id });
        }
    }
    for (id, variables) in Message::ALL {
        let expected: BTreeSet<String> = variables.iter().map(|variable| (*variable).to_owned()).collect();
        match found.remove(*id) {
            None => errors.push(TextError::Missing { language, id: (*id).to_owned() }),
            Some(used) if used != expected => {
                errors.push(TextError::Variables { language, id: (*id).to_owned(), expected, found: used });
            }
            Some(_) => {}
        }
    }
    errors.extend(found.into_keys().map(|id| TextError::LeftOver { language, id }));
    errors
}

/// Every text of a file, with its name.
fn texts<'a>(resource: &'a ast::Resource<&'a str>) -> impl Iterator<Item = (String, &'a ast::Pattern<&'a str>)> {
    resource.body.iter().flat_map(|entry| {
        let (name, value, attributes) = match entry {
            ast::Entry::Message(message) => (message.id.name, message.value.as_ref(), message.attributes.as_slice()),
            ast::Entry::Term(term) => (term.id.name, Some(&term.value), term.attributes.as_slice()),
            ast::Entry::Comment(_)
            | ast::Entry::GroupComment(_)
            | ast::Entry::ResourceComment(_)
            | ast::Entry::Junk { .. } => ("", None, [].as_slice()),
        };
        let value = value.map(|value| (name.to_owned(), value));
        let attributes = attributes.iter();
        value.into_iter().chain(attributes.map(move |own| (format!("{name}.{}", own.id.name), &own.value)))
    })
}

fn variables_of_pattern(pattern: &ast::Pattern<&str>, used: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let ast::PatternElement::Placeable { expression } = element {
            variables_of_expression(expression, used);
        }
    }
}

fn variables_of_expression(expression: &ast::Expression<&str>, used: &mut BTreeSet<String>) {
    match expression {
        ast::Expression::Inline(inline) => variables_of_inline(inline, used),
        ast::Expression::Select { selector, variants } => {
            variables_of_inline(selector, used);
            for variant in variants {
                variables_of_pattern(&variant.value, used);
            }
        }
    }
}

/// Other messages, terms and functions are not needed so far; they are named with their mark, so that nobody expects
/// them to work unchecked.
fn variables_of_inline(inline: &ast::InlineExpression<&str>, used: &mut BTreeSet<String>) {
    match inline {
        ast::InlineExpression::StringLiteral { .. } | ast::InlineExpression::NumberLiteral { .. } => {}
        ast::InlineExpression::VariableReference { id } => drop(used.insert(id.name.to_owned())),
        ast::InlineExpression::FunctionReference { id, .. } => drop(used.insert(format!("{}()", id.name))),
        ast::InlineExpression::MessageReference { id, .. } => drop(used.insert(format!("message {}", id.name))),
        ast::InlineExpression::TermReference { id, .. } => drop(used.insert(format!("term -{}", id.name))),
        ast::InlineExpression::Placeable { expression } => variables_of_expression(expression, used),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_is_complete() {
        check().unwrap_or_else(|errors| panic!("{errors}"));
    }

    fn mistakes(change: impl Fn(&str) -> String) -> Vec<String> {
        let locale = &LOCALES[0];
        let source: &'static str = change(locale.source).leak();
        assert_ne!(source, locale.source, "the change fits the file");
        let changed = Locale { source, ..*locale };
        check_locale(&changed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_missing_left_over_or_filled_otherwise_is_told() {
        assert_eq!(mistakes(|text| text.replace("imprint = Impressum\n", "")), ["de: imprint is missing"]);
        assert_eq!(
            mistakes(|text| text.replace("    .go-back = Nein", "    .go-on = Nein")),
            ["de: cancel.go-back is missing", "de: cancel.go-on is used by no page, or there twice"]
        );
        assert_eq!(
            mistakes(|text| format!("{text}imprint = Impressum\n")),
            ["de: imprint is used by no page, or there twice"]
        );
        let one = "de: bill-unit-amount must use the variables {\"amount\"} and nothing else, and uses";
        for (wrong, found) in [
            ("je Stück", "{}"),
            ("je { $price }", "{\"price\"}"),
            ("{ bill } { $amount }", "{\"amount\", \"message bill\"}"),
        ] {
            let mistakes = mistakes(|text| text.replace("je { $amount }", wrong));
            assert_eq!(mistakes, [format!("{one} {found}")]);
        }
        let broken = mistakes(|text| text.replace("imprint = Impressum", "imprint Impressum"));
        assert!(
            broken.len() == 2 && broken[0].starts_with("de: ") && broken[1] == "de: imprint is missing",
            "{broken:?}"
        );
    }
}
