//! `[[kassenzeichen]]`: a range of Kassenzeichen.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::{
        document::Place,
        error::Problem,
        reader::{Keys, Section},
    },
    domain::{
        kassenzeichen::{BLOCK_SIZE_MAX, CheckDigit, PrintMask, Range, RangeError, Scheme, SchemeError},
        names::RangeName,
    },
};

pub(super) const KEYS: Keys = Keys {
    schema: "kassenzeichen",
    names: &["name", "prefix", "digits", "check_digit", "print_mask", "first", "last", "block_size"],
};

const FIRST_DEFAULT: u64 = 1;
const BLOCK_SIZE_DEFAULT: u32 = 100;

/// The ranges of a file.
#[derive(Default)]
pub(super) struct Ranges {
    /// Those that can be used.
    pub(super) by_name: BTreeMap<RangeName, Range>,
    /// The names of all, usable or not.
    pub(super) declared: BTreeSet<RangeName>,
    /// Where the numbers of those that can be used begin.
    pub(super) places: BTreeMap<RangeName, Place>,
}

pub(super) fn read_all(sections: &[Section<'_>]) -> Ranges {
    let mut ranges = Ranges::default();
    for section in sections {
        let name = section.require("name").and_then(|value| {
            let name = value.parsed(RangeName::parse)?;
            let is_new = ranges.declared.insert(name.clone());
            value.checked(if is_new { Ok(name) } else { Err(Problem::Duplicate { of: "an earlier range" }) })
        });
        let scheme = scheme(section);
        let first = section.get("first").map_or(Some(FIRST_DEFAULT), |value| value.integer(0..=u64::MAX));
        let block_size = section.integer_or("block_size", 1..=BLOCK_SIZE_MAX, BLOCK_SIZE_DEFAULT);
        let last = match section.get("last") {
            Some(value) => value.integer(0..=u64::MAX),
            None => scheme.as_ref().map(Scheme::largest),
        };
        let (Some(name), Some(scheme), Some(first), Some(last)) = (name, scheme, first, last) else { continue };
        match Range::new(name.clone(), scheme, first, last, block_size) {
            Ok(range) => {
                ranges.places.insert(name.clone(), section.place_of("first"));
                ranges.by_name.insert(name, range);
            }
            Err(error @ (RangeError::Empty | RangeError::TooLarge { .. })) => section.report("last", error.into()),
            Err(error @ RangeError::BlockSize) => section.report("block_size", error.into()),
        }
    }
    ranges
}

fn scheme(section: &Section<'_>) -> Option<Scheme> {
    let prefix = section.get("prefix").map_or(Some(String::new()), |value| value.text().map(str::to_owned));
    let digits = section.require("digits").and_then(|value| value.integer(1..=Scheme::DIGITS_MAX));
    let words = CheckDigit::ALL.map(|kind| (kind.as_str(), kind));
    let check_digit = section.require("check_digit").and_then(|value| value.word(&words));
    let mask = section.get("print_mask").map_or(Some(PrintMask::default()), |value| value.parsed(str::parse));
    match Scheme::new(prefix?, digits?, check_digit?, mask?) {
        Ok(scheme) => Some(scheme),
        Err(error) => {
            let key = match error {
                SchemeError::Prefix { .. } => "prefix",
                SchemeError::Digits | SchemeError::Length { .. } => "digits",
                SchemeError::Mask { .. } => "print_mask",
            };
            section.report(key, error.into());
            None
        }
    }
}
