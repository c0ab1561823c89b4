//! Typed access to tables and values of a file: what does not fit is reported at its place.

use std::{collections::BTreeMap, net::IpAddr, ops::RangeInclusive};

use ipnet::IpNet;
use jiff::civil::Date;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    document::{Document, Place},
    error::{Kind, Problem},
    nearest::nearest,
};
use crate::domain::language::{Language, LocalizedText};

/// The keys of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    /// The name of the table's definition in `schemas/config.schema.json`.
    pub(crate) schema: &'static str,
    /// Every key it may have.
    pub(crate) names: &'static [&'static str],
}

/// A table whose unknown keys are reported. A table that is not there is an empty one: its defaults hold.
pub(super) struct Section<'d> {
    document: &'d Document<'d>,
    table: Option<&'d DeTable<'d>>,
    place: Place,
}

impl<'d> Section<'d> {
    /// The file as a table.
    pub(super) fn root(document: &'d Document<'d>, table: &'d Spanned<DeTable<'d>>, keys: &Keys) -> Self {
        Self::new(document, Some(table.get_ref()), Place { offset: 0, key: String::new() }, keys)
    }

    fn new(document: &'d Document<'d>, table: Option<&'d DeTable<'d>>, place: Place, keys: &Keys) -> Self {
        for name in table.into_iter().flat_map(DeTable::keys) {
            let text: &str = name.get_ref();
            if !keys.names.contains(&text) {
                let nearest = nearest(text, keys.names.iter().copied());
                let problem = Problem::UnknownKey { table: keys.schema, nearest, known: keys.names };
                document.report(&place.member(text, name.span().start), problem);
            }
        }
        Self { document, table, place }
    }

    /// A member that may be missing.
    pub(super) fn get(&self, name: &'static str) -> Option<Value<'d>> {
        let value = self.table?.get(name)?;
        let place = self.place.member(name, value.span().start);
        Some(Value { document: self.document, content: value.get_ref(), place })
    }

    /// A member that must be there.
    pub(super) fn require(&self, name: &'static str) -> Option<Value<'d>> {
        let value = self.get(name);
        if value.is_none() {
            self.report(name, Problem::Missing);
        }
        value
    }

    /// A table in this table.
    pub(super) fn section(&self, name: &'static str, keys: &Keys) -> Section<'d> {
        match self.get(name).map(|value| value.section(keys)) {
            Some(Some(section)) => section,
            Some(None) | None => Self::new(self.document, None, self.place_of(name), keys),
        }
    }

    /// The tables of a list, e.g. `[[service]]`; none where there is no list.
    pub(super) fn sections(&self, name: &'static str, keys: &Keys) -> Vec<Section<'d>> {
        let items = self.get(name).map(|value| value.items(0..=usize::MAX)).unwrap_or_default();
        items.into_iter().filter_map(|item| item.section(keys)).collect()
    }

    /// A whole number within bounds, or its default.
    pub(super) fn integer_or<T: TryFrom<u64> + Into<u64>>(
        &self,
        name: &'static str,
        bounds: RangeInclusive<T>,
        default: T,
    ) -> T {
        self.get(name).and_then(|value| value.integer(bounds)).unwrap_or(default)
    }

    /// `true` or `false`, `false` by default.
    pub(super) fn flag(&self, name: &'static str) -> bool {
        self.get(name).and_then(|value| value.boolean()).unwrap_or(false)
    }

    /// One of the known words, or its default.
    pub(super) fn word_or<T: Copy>(&self, name: &'static str, words: &[(&'static str, T)], default: T) -> T {
        self.get(name).and_then(|value| value.word(words)).unwrap_or(default)
    }

    /// Where a member stands, or the table where it is not there.
    pub(super) fn place_of(&self, name: &str) -> Place {
        let offset = self.table.and_then(|table| table.get(name)).map_or(self.place.offset, |value| value.span().start);
        self.place.member(name, offset)
    }

    /// Reports a mistake of a member.
    pub(super) fn report(&self, name: &str, problem: Problem) {
        self.document.report(&self.place_of(name), problem);
    }
}

/// A value and where it stands. Every reading method reports what does not fit and answers `None` then.
pub(super) struct Value<'d> {
    document: &'d Document<'d>,
    content: &'d DeValue<'d>,
    place: Place,
}

impl<'d> Value<'d> {
    /// Reports a mistake at this place.
    pub(super) fn report(&self, problem: impl Into<Problem>) {
        self.document.report(&self.place, problem.into());
    }

    /// Keeps what is right and reports what is wrong.
    pub(super) fn checked<T, E: Into<Problem>>(&self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.report(error)).ok()
    }

    /// Where it stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Which type it is of.
    pub(super) fn kind(&self) -> Kind {
        match self.content {
            DeValue::String(_) => Kind::String,
            DeValue::Integer(_) => Kind::Integer,
            DeValue::Float(_) => Kind::Float,
            DeValue::Boolean(_) => Kind::Boolean,
            DeValue::Datetime(datetime) if datetime.time.is_none() && datetime.offset.is_none() => Kind::Date,
            DeValue::Datetime(_) => Kind::Datetime,
            DeValue::Array(_) => Kind::Array,
            DeValue::Table(_) => Kind::Table,
        }
    }

    /// Reports that another type is needed.
    pub(super) fn report_type(&self, expected: Kind) {
        self.report(Problem::Type { expected, found: self.kind() });
    }

    /// A string, whatever is in it.
    pub(super) fn text(&self) -> Option<&'d str> {
        if let DeValue::String(text) = self.content {
            return Some(text.as_ref());
        }
        self.report_type(Kind::String);
        None
    }

    /// A string as a value that has rules.
    pub(super) fn parsed<T, E: Into<Problem>>(&self, parse: impl FnOnce(&'d str) -> Result<T, E>) -> Option<T> {
        self.text().and_then(|text| self.checked(parse(text)))
    }

    /// A printable string of 1 to `length_max` characters.
    pub(super) fn printable(&self, length_max: usize) -> Option<String> {
        self.parsed(|text| {
            let length = text.chars().count();
            let printable = !text.trim().is_empty() && length <= length_max && !text.chars().any(char::is_control);
            if printable { Ok(text.to_owned()) } else { Err(Problem::Text { length_max }) }
        })
    }

    /// One of the known words.
    pub(super) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        self.parsed(|text| {
            let known = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
            let allowed = || words.iter().map(|(word, _)| *word).collect();
            known.ok_or_else(|| Problem::Word { allowed: allowed(), found: text.to_owned() })
        })
    }

    /// A whole number within bounds.
    pub(super) fn integer<T: TryFrom<u64> + Into<u64>>(&self, bounds: RangeInclusive<T>) -> Option<T> {
        let DeValue::Integer(integer) = self.content else {
            self.report_type(Kind::Integer);
            return None;
        };
        let (min, max) = bounds.into_inner();
        let (min, max) = (min.into(), max.into());
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let fits = number.filter(|number| (min..=max).contains(number)).and_then(|number| T::try_from(number).ok());
        self.checked(fits.ok_or(Problem::OutOfRange { min, max }))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Option<bool> {
        if let DeValue::Boolean(boolean) = self.content {
            return Some(*boolean);
        }
        self.report_type(Kind::Boolean);
        None
    }

    /// A day.
    pub(super) fn date(&self) -> Option<Date> {
        let day = match self.content {
            DeValue::Datetime(datetime) if datetime.time.is_none() && datetime.offset.is_none() => datetime.date,
            DeValue::Datetime(_)
            | DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        // The parts are parsed again as text, because TOML's day has no checked way to numbers that are signed.
        let date = day.and_then(|day| day.to_string().parse().ok());
        if date.is_none() {
            self.report_type(Kind::Date);
        }
        date
    }

    /// The entries of a list of bounded length.
    pub(super) fn items(&self, count: RangeInclusive<usize>) -> Vec<Value<'d>> {
        let DeValue::Array(array) = self.content else {
            self.report_type(Kind::Array);
            return Vec::new();
        };
        if !count.contains(&array.len()) {
            self.report(Problem::Count { min: *count.start(), max: *count.end() });
        }
        let item = |(index, value): (usize, &'d Spanned<DeValue<'d>>)| Value {
            document: self.document,
            content: value.get_ref(),
            place: self.place.entry(index, value.span().start),
        };
        array.iter().take(*count.end()).enumerate().map(item).collect()
    }

    /// A table with known keys.
    pub(super) fn section(&self, keys: &Keys) -> Option<Section<'d>> {
        let table = self.table()?;
        Some(Section::new(self.document, Some(table), self.place.clone(), keys))
    }

    /// The members of a table whose keys are names of the writer's choice.
    pub(super) fn members(&self) -> Option<Vec<(&'d str, Value<'d>)>> {
        let member = |(name, value): (&'d Spanned<_>, &'d Spanned<DeValue<'d>>)| {
            let name: &'d std::borrow::Cow<'d, str> = name.get_ref();
            let place = self.place.member(name, value.span().start);
            (name.as_ref(), Value { document: self.document, content: value.get_ref(), place })
        };
        Some(self.table()?.iter().map(member).collect())
    }

    /// Networks, at most so many; an address is the network of itself.
    pub(super) fn networks(&self, count_max: usize) -> Vec<IpNet> {
        let network = |text: &str| {
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or_else(|_| address()).map_err(|_| Problem::Network)
        };
        let items = self.items(0..=count_max);
        items.iter().filter_map(|item| item.parsed(network)).map(|network| network.trunc()).collect()
    }

    /// A text in at least one language: a table such as `{ de = "...", en = "..." }`.
    pub(super) fn localized(&self) -> Option<LocalizedText> {
        let members = self.members()?;
        let count = members.len();
        let mut texts = BTreeMap::new();
        for (tag, value) in members {
            let language = value.checked(tag.parse::<Language>());
            let text = value.printable(LocalizedText::LENGTH_MAX);
            if let (Some(language), Some(text)) = (language, text) {
                texts.insert(language, text);
            }
        }
        // Where an entry was wrong that is already told, an empty rest would only repeat it.
        if texts.len() == count { self.checked(LocalizedText::new(texts)) } else { None }
    }

    fn table(&self) -> Option<&'d DeTable<'d>> {
        if let DeValue::Table(table) = self.content {
            return Some(table);
        }
        self.report_type(Kind::Table);
        None
    }
}
