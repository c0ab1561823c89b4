//! Names of authorities, services and fees, which exist in fewer languages than the pages do.

use askama::{Template, filters::HtmlSafe};

use super::{language::spoken_in, texts::Tongue};
use crate::domain::language::{Language, LocalizedText};

/// A text of the Mandant within a page. Where it is in another language than the page, it says so, so that screen
/// readers pronounce it and browsers hyphenate it as what it is (WCAG 3.1.2).
#[derive(Clone, Debug, Eq, PartialEq, Template)]
#[template(
    source = r#"{% if let Some(lang) = lang %}<span lang="{{ lang }}">{{ text }}</span>{% else %}{{ text }}{% endif %}"#,
    ext = "html"
)]
pub(super) struct Name {
    pub(super) text: String,
    /// The language, where it is not the page's.
    lang: Option<String>,
}

/// The template above has escaped it already.
impl HtmlSafe for Name {}

impl Name {
    /// The text in the language of the page, else in the one that [`LocalizedText::text`] falls back to.
    pub(super) fn of(texts: &LocalizedText, tongue: Tongue) -> Self {
        let wanted = spoken_in(tongue);
        let all = texts.texts();
        let spoken = [wanted.clone(), Language::german()].into_iter().find(|language| all.contains_key(language));
        let spoken = spoken.or_else(|| all.keys().next().cloned());
        let lang = spoken.filter(|spoken| *spoken != wanted).map(|spoken| spoken.as_str().to_owned());
        Self { text: texts.text(&wanted).to_owned(), lang }
    }

    /// A text of which nothing says that it is in another language than the page.
    pub(super) fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), lang: None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn shown(pairs: &[(&str, &str)], tongue: Tongue) -> String {
        let texts = pairs.iter().map(|(tag, text)| (tag.parse().unwrap(), (*text).to_owned()));
        Name::of(&LocalizedText::new(texts.collect::<BTreeMap<_, _>>()).unwrap(), tongue).render().unwrap()
    }

    #[test]
    fn a_name_in_another_language_than_the_page_says_so() {
        let both = [("de", "Stadt"), ("en", "City")];
        assert_eq!(shown(&both, Tongue::of_primary_tag("en").unwrap()), "City");
        assert_eq!(shown(&both, Tongue::FIRST), "Stadt");
        assert_eq!(shown(&both[..1], Tongue::of_primary_tag("en").unwrap()), r#"<span lang="de">Stadt</span>"#);
        assert_eq!(shown(&both[1..], Tongue::FIRST), r#"<span lang="en">City</span>"#);
        assert_eq!(shown(&[("fr", "A <b>"), ("tr", "B")], Tongue::FIRST), r#"<span lang="fr">A &#60;b&#62;</span>"#);
    }
}
