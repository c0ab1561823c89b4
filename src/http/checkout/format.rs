//! Amounts and moments as people read them. How a language writes them stands with its texts.
//!
//! `icu_decimal` would bring numbers alone, with its data and a dozen crates, and neither currencies nor days; two marks
//! and a pattern in the file of a language say the same.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use zahlstelle_contract::money::Money;

use super::texts::{Message, Tongue};

const DIGITS_IN_GROUP: usize = 3;

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
    let mut number = grouped(whole, &tongue.say(Message::NumberGroup));
    if !fraction.is_empty() {
        number.push_str(&tongue.say(Message::NumberPoint));
        number.push_str(fraction);
    }
    let (sign, code) = (sign.to_owned(), amount.currency().code());
    tongue.say(match code {
        "EUR" => Message::AmountEuro { sign, number },
        code => Message::AmountOther { sign, number, currency: code.to_owned() },
    })
}

fn grouped(digits: &str, separator: &str) -> String {
    let length = digits.chars().count();
    let mut text = String::with_capacity(length.saturating_mul(2));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && length.saturating_sub(index).is_multiple_of(DIGITS_IN_GROUP) {
            text.push_str(separator);
        }
        text.push(digit);
    }
    text
}

/// A tax rate such as `19` or `7.5` in percent.
pub(super) fn rate(tongue: Tongue, rate: &str) -> String {
    rate.replace('.', &tongue.say(Message::NumberPoint))
}

/// A moment on the clocks of Germany, with the zone.
pub(super) fn moment(tongue: Tongue, at: Timestamp) -> Moment {
    let zone = zone();
    let season = if zone.to_offset_info(at).dst().is_dst() { "summer" } else { "winter" };
    let clock = at.to_zoned_datetime(zone).strftime("%H:%M").to_string();
    let text = tongue.say(Message::Moment { day: day(tongue, at), clock, season: season.to_owned() });
    Moment { text, machine: at.to_string() }
}

/// The day of a moment in Germany.
pub(super) fn day(tongue: Tongue, at: Timestamp) -> String {
    let date = at.to_zoned_datetime(zone()).date();
    let month = tongue.say(Message::Month { number: u8::try_from(date.month()).unwrap_or_default() });
    tongue.say(Message::Day { day: date.day().to_string(), month, year: date.year().to_string() })
}

/// A length of time in whole hours where it is that, else in whole minutes.
pub(super) fn duration(tongue: Tongue, length: SignedDuration) -> String {
    let count = |number: i64| u32::try_from(number).unwrap_or_default();
    let (hours, minutes) = (length.as_hours(), length.as_mins());
    if hours > 0 && SignedDuration::from_hours(hours) == length {
        tongue.say(Message::Hours { number: count(hours) })
    } else {
        tongue.say(Message::Minutes { number: count(minutes) })
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

    fn german() -> Tongue {
        Tongue::FIRST
    }

    fn english() -> Tongue {
        Tongue::of_primary_tag("en").unwrap()
    }

    #[test]
    fn amounts_read_as_in_the_language() {
        for (minor, in_german, in_english) in [
            (0, "0,00\u{a0}€", "€0.00"),
            (1_300, "13,00\u{a0}€", "€13.00"),
            (123_456, "1.234,56\u{a0}€", "€1,234.56"),
            (100_000_000, "1.000.000,00\u{a0}€", "€1,000,000.00"),
            (-99_950, "\u{2212}999,50\u{a0}€", "\u{2212}€999.50"),
        ] {
            let amount = Money::from_minor(minor, Currency::EUR);
            assert_eq!((money(german(), amount), money(english(), amount)), (in_german.into(), in_english.into()));
        }
        let yen = Money::from_minor(12_345, Currency::from_code("JPY").unwrap());
        assert_eq!(money(german(), yen), "12.345\u{a0}JPY");
        assert_eq!(money(english(), yen), "JPY\u{a0}12,345");
    }

    #[test]
    fn moments_are_on_german_clocks() {
        let winter: Timestamp = "2026-12-31T23:30:00Z".parse().unwrap();
        assert_eq!(moment(german(), winter).text, "1.\u{a0}Januar 2027, 00:30 Uhr (MEZ)");
        assert_eq!(moment(english(), winter).text, "1\u{a0}January 2027, 00:30 (CET, German time)");
        let summer: Timestamp = "2026-07-01T10:05:00Z".parse().unwrap();
        assert_eq!(moment(german(), summer).text, "1.\u{a0}Juli 2026, 12:05 Uhr (MESZ)");
        assert_eq!(moment(english(), summer).machine, "2026-07-01T10:05:00Z");
    }

    #[test]
    fn rates_have_the_mark_of_the_language() {
        assert_eq!((rate(german(), "7.5"), rate(english(), "7.5")), ("7,5".into(), "7.5".into()));
    }

    #[test]
    fn lengths_are_told_in_hours_where_they_are_whole() {
        for (minutes, in_german, in_english) in [
            (1, "1\u{a0}Minute", "1\u{a0}minute"),
            (30, "30\u{a0}Minuten", "30\u{a0}minutes"),
            (60, "1\u{a0}Stunde", "1\u{a0}hour"),
            (90, "90\u{a0}Minuten", "90\u{a0}minutes"),
            (24 * 60, "24\u{a0}Stunden", "24\u{a0}hours"),
        ] {
            let length = SignedDuration::from_mins(minutes);
            assert_eq!(duration(german(), length), in_german);
            assert_eq!(duration(english(), length), in_english);
        }
    }
}
