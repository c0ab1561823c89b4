//! Amounts and moments as people read them.

use jiff::{Timestamp, tz::TimeZone};
use zahlstelle_contract::money::Money;

use super::language::Tongue;

/// Keeps an amount or a date from being broken between lines.
const NO_BREAK: char = '\u{a0}';
const DIGITS_IN_GROUP: usize = 3;

const MONTHS_GERMAN: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const MONTHS_ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A moment for people and for machines.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) text: String,
    pub(super) machine: String,
}

/// An amount, e.g. `1.234,50 €` or `€1,234.50`.
pub(super) fn money(tongue: Tongue, amount: Money) -> String {
    let decimal = amount.decimal();
    let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal.as_str()), |digits| ("\u{2212}", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (group, point) = match tongue {
        Tongue::German => ('.', ','),
        Tongue::English => (',', '.'),
    };
    let mut number = grouped(whole, group);
    if !fraction.is_empty() {
        number.push(point);
        number.push_str(fraction);
    }
    match (tongue, amount.currency().code()) {
        (Tongue::German, "EUR") => format!("{sign}{number}{NO_BREAK}€"),
        (Tongue::English, "EUR") => format!("{sign}€{number}"),
        (Tongue::German, code) => format!("{sign}{number}{NO_BREAK}{code}"),
        (Tongue::English, code) => format!("{sign}{code}{NO_BREAK}{number}"),
    }
}

fn grouped(digits: &str, separator: char) -> String {
    let length = digits.chars().count();
    let mut text = String::with_capacity(length.saturating_mul(2));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && length.saturating_sub(index).is_multiple_of(DIGITS_IN_GROUP) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// A tax rate such as `19` or `7.5` in percent.
pub(super) fn rate(tongue: Tongue, rate: &str) -> String {
    match tongue {
        Tongue::German => rate.replace('.', ","),
        Tongue::English => rate.to_owned(),
    }
}

/// A moment on the clocks of Germany, with the zone.
pub(super) fn moment(tongue: Tongue, at: Timestamp) -> Moment {
    let zone = zone();
    let is_summer = zone.to_offset_info(at).dst().is_dst();
    let clock = at.to_zoned_datetime(zone).strftime("%H:%M").to_string();
    let (word, name) = match (tongue, is_summer) {
        (Tongue::German, false) => ("Uhr ", "MEZ"),
        (Tongue::German, true) => ("Uhr ", "MESZ"),
        (Tongue::English, false) => ("", "CET, German time"),
        (Tongue::English, true) => ("", "CEST, German time"),
    };
    Moment { text: format!("{}, {clock} {word}({name})", day(tongue, at)), machine: at.to_string() }
}

/// The day of a moment in Germany.
pub(super) fn day(tongue: Tongue, at: Timestamp) -> String {
    let date = at.to_zoned_datetime(zone()).date();
    let months = match tongue {
        Tongue::German => &MONTHS_GERMAN,
        Tongue::English => &MONTHS_ENGLISH,
    };
    let index = usize::try_from(date.month()).unwrap_or_default().saturating_sub(1);
    let (month, year) = (months.get(index).copied().unwrap_or_default(), date.year());
    match tongue {
        Tongue::German => format!("{}.{NO_BREAK}{month} {year}", date.day()),
        Tongue::English => format!("{}{NO_BREAK}{month} {year}", date.day()),
    }
}

fn zone() -> TimeZone {
    // The zone data is compiled in, so the look-up cannot fail.
    TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use zahlstelle_contract::money::Currency;

    use super::*;

    #[test]
    fn amounts_read_as_in_the_language() {
        for (minor, german, english) in [
            (0, "0,00\u{a0}€", "€0.00"),
            (1_300, "13,00\u{a0}€", "€13.00"),
            (123_456, "1.234,56\u{a0}€", "€1,234.56"),
            (100_000_000, "1.000.000,00\u{a0}€", "€1,000,000.00"),
            (-99_950, "\u{2212}999,50\u{a0}€", "\u{2212}€999.50"),
        ] {
            let amount = Money::from_minor(minor, Currency::EUR);
            assert_eq!(
                (money(Tongue::German, amount), money(Tongue::English, amount)),
                (german.into(), english.into())
            );
        }
        let yen = Money::from_minor(12_345, Currency::from_code("JPY").unwrap());
        assert_eq!(money(Tongue::German, yen), "12.345\u{a0}JPY");
        assert_eq!(money(Tongue::English, yen), "JPY\u{a0}12,345");
    }

    #[test]
    fn moments_are_on_german_clocks() {
        let winter: Timestamp = "2026-12-31T23:30:00Z".parse().unwrap();
        assert_eq!(moment(Tongue::German, winter).text, "1.\u{a0}Januar 2027, 00:30 Uhr (MEZ)");
        assert_eq!(moment(Tongue::English, winter).text, "1\u{a0}January 2027, 00:30 (CET, German time)");
        let summer: Timestamp = "2026-07-01T10:05:00Z".parse().unwrap();
        assert_eq!(moment(Tongue::German, summer).text, "1.\u{a0}Juli 2026, 12:05 Uhr (MESZ)");
        assert_eq!(moment(Tongue::English, summer).machine, "2026-07-01T10:05:00Z");
    }

    #[test]
    fn rates_have_the_mark_of_the_language() {
        assert_eq!((rate(Tongue::German, "7.5"), rate(Tongue::English, "7.5")), ("7,5".into(), "7.5".into()));
    }
}
