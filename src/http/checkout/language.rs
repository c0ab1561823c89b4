//! In which language a page is written.

use axum::http::{HeaderMap, header};

use super::texts::Tongue;
use crate::domain::language::Language;

/// The most bytes of `Accept-Language` that are read.
const ACCEPT_LANGUAGE_BYTES_MAX: usize = 512;
/// The weight of a language without one, in thousandths.
const WEIGHT_FULL: u16 = 1_000;

/// The language of the payment if pages are written in it, else the one the browser likes best, else the first one.
pub(super) fn choose(payment: Option<&str>, headers: &HeaderMap) -> Tongue {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    payment.and_then(of_tag).or_else(|| accepted.and_then(preferred)).unwrap_or(Tongue::FIRST)
}

/// The language for names of authorities, services and fees.
pub(super) fn spoken_in(tongue: Tongue) -> Language {
    Language::of_tag(tongue.tag()).unwrap_or_else(|_| Language::german())
}

fn of_tag(tag: &str) -> Option<Tongue> {
    Tongue::of_primary_tag(Language::of_tag(tag).ok()?.as_str())
}

/// The language with the greatest weight (RFC 9110, 12.5.4), the earlier of equals.
fn preferred(accepted: &str) -> Option<Tongue> {
    if accepted.len() > ACCEPT_LANGUAGE_BYTES_MAX {
        return None;
    }
    let mut best: Option<(u16, Tongue)> = None;
    for range in accepted.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some(tongue) = parts.next().and_then(of_tag) else { continue };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(WEIGHT_FULL, weight);
        if weight > best.map_or(0, |(weight, _)| weight) {
            best = Some((weight, tongue));
        }
    }
    best.map(|(_, tongue)| tongue)
}

/// A weight such as `0.8` in thousandths; nothing where it is none.
fn weight(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let thousandths = format!("{fraction:0<3}");
    match (whole, thousandths.len(), thousandths.parse::<u16>()) {
        ("0", 3, Ok(thousandths)) => thousandths,
        ("1", 3, Ok(0)) => WEIGHT_FULL,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_payment_decides_then_the_browser_then_german() {
        for (payment, accepted, chosen) in [
            (Some("en"), "de", "en"),
            (Some("en-GB"), "", "en"),
            (Some("tr"), "en-US,en;q=0.5", "en"),
            (Some("tr"), "tr", "de"),
            (None, "fr;q=1, en;q=0.3, de;q=0.8", "de"),
            (None, "fr, en;q=0.9, de;q=0.8", "en"),
            (None, "en;q=0, de;q=0.001", "de"),
            (None, "en;q=zwei", "de"),
            (None, "en;q=1.5", "de"),
            (None, ",;,q=,;q", "de"),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted))]);
            assert_eq!(choose(payment, &headers).tag(), chosen, "{payment:?} {accepted}");
        }
        assert_eq!(choose(None, &HeaderMap::new()).tag(), "de");
    }
}
