//! The words of the pages: one Fluent file a language, below `texts/`.
//!
//! Another language is its file and one line in [`LOCALES`]. [`check()`] holds every file against the list of texts in
//! [`message`]; the service does not start with a text missing, and a test says so before.

mod check;
mod message;

use std::{fmt, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};

pub use self::check::{TextError, TextErrors, check};
pub(super) use self::message::Message;

/// A language that the pages are written in.
pub(super) struct Locale {
    /// The tag for `lang`, a primary tag of BCP 47.
    tag: &'static str,
    /// What the language calls itself.
    name: &'static str,
    /// Whether its script runs from right to left.
    is_right_to_left: bool,
    source: &'static str,
}

/// The languages, in the order in which a page offers them. The first is the one that every text exists in.
const LOCALES: &[Locale] = &[
    Locale { tag: "de", name: "Deutsch", is_right_to_left: false, source: include_str!("texts/de.ftl") },
    Locale { tag: "en", name: "English", is_right_to_left: false, source: include_str!("texts/en.ftl") },
];

static SPOKEN: LazyLock<Vec<Spoken>> = LazyLock::new(|| LOCALES.iter().map(Spoken::load).collect());

/// A language with its texts as they were read.
struct Spoken {
    locale: &'static Locale,
    bundle: FluentBundle<FluentResource>,
}

impl Spoken {
    /// What cannot be read is left out here and told by [`check()`].
    fn load(locale: &'static Locale) -> Self {
        let resource = FluentResource::try_new(locale.source.to_owned()).unwrap_or_else(|(readable, _)| readable);
        let mut bundle = FluentBundle::new_concurrent(locale.tag.parse().into_iter().collect());
        // Marks around what fills a gap keep its direction apart from that of the text. Where both run from left to
        // right they would only be in the way of people who copy an amount.
        bundle.set_use_isolating(locale.is_right_to_left);
        bundle.add_resource_overriding(resource);
        Self { locale, bundle }
    }

    fn say(&self, id: &str, arguments: &FluentArgs<'_>) -> Option<String> {
        let (name, attribute) = split(id);
        let found = self.bundle.get_message(name)?;
        let pattern = match attribute {
            Some(attribute) => found.get_attribute(attribute)?.value(),
            None => found.value()?,
        };
        let mut errors = Vec::new();
        Some(self.bundle.format_pattern(pattern, Some(arguments), &mut errors).into_owned())
    }
}

/// The name of a message, and of one of its attributes where the text is one.
fn split(id: &str) -> (&str, Option<&str>) {
    id.split_once('.').map_or((id, None), |(name, attribute)| (name, Some(attribute)))
}

/// One of the languages that the pages are written in.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct Tongue(usize);

impl Tongue {
    /// The language that every text exists in.
    pub(super) const FIRST: Self = Self(0);

    /// All languages, in the order in which a page offers them.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..LOCALES.len()).map(Self)
    }

    /// The language of a primary tag, e.g. `de`.
    pub(super) fn of_primary_tag(tag: &str) -> Option<Self> {
        Self::all().find(|tongue| tongue.tag() == tag)
    }

    /// The tag for `lang`.
    pub(super) fn tag(self) -> &'static str {
        self.spoken().map_or("", |spoken| spoken.locale.tag)
    }

    /// What the language calls itself.
    pub(super) fn name(self) -> &'static str {
        self.spoken().map_or("", |spoken| spoken.locale.name)
    }

    /// The value for `dir`.
    pub(super) fn direction(self) -> &'static str {
        if self.spoken().is_some_and(|spoken| spoken.locale.is_right_to_left) { "rtl" } else { "ltr" }
    }

    /// A text. One that a language lacks, which [`check()`] does not let happen, is said in the first language.
    pub(super) fn say(self, message: Message) -> String {
        let (id, arguments) = (message.id(), message.arguments());
        let said = self.spoken().and_then(|spoken| spoken.say(id, &arguments));
        said.or_else(|| Self::FIRST.spoken()?.say(id, &arguments)).unwrap_or_else(|| id.to_owned())
    }

    fn spoken(self) -> Option<&'static Spoken> {
        SPOKEN.get(self.0)
    }
}

impl fmt::Debug for Tongue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A language that is written from right to left, with the plurals of its own.
    const ARABIC: Locale = Locale {
        tag: "ar",
        name: "العربية",
        is_right_to_left: true,
        source: "minutes = { $number ->\n    [0] لا دقائق\n    [one] دقيقة\n    [two] دقيقتان\n    [few] { $number } دقائق\n   *[other] { $number } دقيقة\n}\n",
    };

    fn minutes(number: u32) -> Message {
        Message::Minutes { number }
    }

    #[test]
    fn a_language_has_its_own_plurals_and_direction() {
        assert_eq!(Tongue::FIRST.say(minutes(1)), "1\u{a0}Minute");
        assert_eq!(Tongue::FIRST.say(minutes(20)), "20\u{a0}Minuten");
        let arabic: &'static Locale = Box::leak(Box::new(ARABIC));
        let arabic = Spoken::load(arabic);
        let said = |number| arabic.say("minutes", &minutes(number).arguments()).unwrap();
        assert_eq!((said(1), said(2)), ("دقيقة".to_owned(), "دقيقتان".to_owned()));
        assert_eq!(said(3), "\u{2068}3\u{2069} دقائق", "what is filled in keeps its own direction");
        assert_eq!(arabic.say("checkout", &FluentArgs::new()), None, "this one has no such text");
    }

    #[test]
    fn every_language_says_every_text_itself() {
        for tongue in Tongue::all() {
            for (id, _) in Message::ALL {
                let (name, attribute) = split(id);
                let found = tongue.spoken().unwrap().bundle.get_message(name).unwrap();
                let is_there = attribute.map_or(found.value().is_some(), |name| found.get_attribute(name).is_some());
                assert!(is_there, "{tongue:?} {id}");
            }
        }
    }
}
