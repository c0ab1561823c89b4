//! Languages, and texts that exist in several of them.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A language by its primary tag, e.g. `de`, `en`, `tr`: the part of BCP 47 that decides which words are read.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

impl Language {
    /// The language every authority here has, and the first fallback.
    pub fn german() -> Self {
        Self("de".to_owned())
    }

    /// The language of a longer tag such as `de-DE` or `EN`; its region and script are dropped.
    pub fn of_tag(tag: &str) -> Result<Self, LanguageError> {
        let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let subtags_are_plain = tag
            .split('-')
            .skip(1)
            .all(|subtag| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if !subtags_are_plain {
            return Err(LanguageError::Tag);
        }
        primary.parse()
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a primary tag of two or three lower-case letters.
impl FromStr for Language {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LanguageError::Tag)
        }
    }
}

impl TryFrom<String> for Language {
    type Error = LanguageError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A short text in at least one language.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "BTreeMap<Language, String>", into = "BTreeMap<Language, String>")]
pub struct LocalizedText(BTreeMap<Language, String>);

impl LocalizedText {
    /// The most characters of one text.
    pub const LENGTH_MAX: usize = 200;

    /// Takes a text for each language: at least one, none empty or too long, none with control characters.
    pub fn new(texts: BTreeMap<Language, String>) -> Result<Self, LanguageError> {
        if texts.is_empty() {
            return Err(LanguageError::NoText);
        }
        let printable = |text: &String| {
            !text.trim().is_empty() && text.chars().count() <= Self::LENGTH_MAX && !text.chars().any(char::is_control)
        };
        if texts.values().all(printable) { Ok(Self(texts)) } else { Err(LanguageError::Text) }
    }

    /// The text in this language, else in German, else in the first language there is.
    pub fn text(&self, language: &Language) -> &str {
        let found = self.0.get(language).or_else(|| self.0.get(&Language::german())).or_else(|| self.0.values().next());
        // The map is never empty, so the default is never seen.
        found.map_or("", String::as_str)
    }

    /// Every text, in the order of the language tags.
    pub fn texts(&self) -> &BTreeMap<Language, String> {
        &self.0
    }
}

impl TryFrom<BTreeMap<Language, String>> for LocalizedText {
    type Error = LanguageError;

    fn try_from(texts: BTreeMap<Language, String>) -> Result<Self, Self::Error> {
        Self::new(texts)
    }
}

impl From<LocalizedText> for BTreeMap<Language, String> {
    fn from(text: LocalizedText) -> Self {
        text.0
    }
}

/// Why there is no such language or text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LanguageError {
    /// The tag is none.
    #[error("must be a language tag of two or three lower-case letters such as \"de\"")]
    Tag,
    /// No language is given.
    #[error("must have a text in at least one language")]
    NoText,
    /// A text is empty, too long or not printable.
    #[error("must be 1 to {} printable characters", LocalizedText::LENGTH_MAX)]
    Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pairs: &[(&str, &str)]) -> LocalizedText {
        let texts = pairs.iter().map(|(tag, text)| (tag.parse().unwrap(), (*text).to_owned())).collect();
        LocalizedText::new(texts).unwrap()
    }

    #[test]
    fn a_missing_language_falls_back_to_german_then_to_any() {
        let english = "en".parse().unwrap();
        let turkish = "tr".parse().unwrap();
        let both = text(&[("de", "Gebühr"), ("en", "fee")]);
        assert_eq!((both.text(&english), both.text(&turkish)), ("fee", "Gebühr"));
        assert_eq!(text(&[("en", "fee")]).text(&turkish), "fee");
    }

    #[test]
    fn tags_are_primary_tags() {
        for wrong in ["", "d", "DE", "de-DE", "deut", "d1", "de "] {
            assert_eq!(wrong.parse::<Language>(), Err(LanguageError::Tag), "{wrong:?}");
        }
        for (tag, primary) in [("de-DE", "de"), ("EN", "en"), ("zh-Hans-CN", "zh")] {
            assert_eq!(Language::of_tag(tag).map(|language| language.to_string()), Ok(primary.to_owned()));
        }
        for wrong in ["", "-", "de-", "de--x", "de_DE", "de-ä", "x-1"] {
            assert_eq!(Language::of_tag(wrong), Err(LanguageError::Tag), "{wrong:?}");
        }
    }

    #[test]
    fn texts_are_printable() {
        assert_eq!(LocalizedText::new(BTreeMap::new()), Err(LanguageError::NoText));
        for wrong in ["", "  ", "a\nb", &"x".repeat(201)] {
            let texts = BTreeMap::from([(Language::german(), wrong.to_owned())]);
            assert_eq!(LocalizedText::new(texts), Err(LanguageError::Text), "{wrong:?}");
        }
    }
}
