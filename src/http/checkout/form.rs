//! The forms of the pages, and the nonces that tell a repeated form from a new wish.

use std::fmt;

use axum::http::{HeaderMap, header};
use url::form_urlencoded;
use zahlstelle_contract::method::Method;

use crate::domain::{attempt::Attempt, payment::Payment};

/// What a nonce begins with: a bare number in a hidden field would look like something to count up or down.
const ATTEMPTS_PREFIX: &str = "attempts-";
/// The same of a wish for more time.
const EXTENSIONS_PREFIX: &str = "extensions-";
/// The most digits that follow it.
const NONCE_DIGITS_MAX: usize = 5;

/// A citizen's wish to pay with a method.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct StartForm {
    pub(super) method: Method,
    pub(super) nonce: Option<Nonce>,
}

impl StartForm {
    /// Reads a form. Every field at most once, and none that the page does not have.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, FormError> {
        let [method, nonce] = fields(headers, body, ["method", "nonce"])?;
        let nonce = nonce.as_deref().map(|text| Nonce::parse(text).ok_or(FormError::Nonce)).transpose()?;
        let method = method.as_deref().and_then(Method::from_name).ok_or(FormError::Method)?;
        Ok(Self { method, nonce })
    }
}

/// A citizen's wish for more time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ExtendForm {
    /// How many extensions the page knew of. A second click on the same page wishes nothing new.
    pub(super) seen: Option<u32>,
}

impl ExtendForm {
    /// Reads a form as strictly as the one that starts.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, FormError> {
        let [seen] = fields(headers, body, ["seen"])?;
        let seen = seen.as_deref().map(|text| number(EXTENSIONS_PREFIX, text).ok_or(FormError::Nonce)).transpose()?;
        Ok(Self { seen })
    }

    /// What the button of a page that shows the payment as it is now says. It is the button's own value, so that the
    /// only hidden field of the page is the nonce of its methods.
    pub(super) fn value_of(payment: &Payment) -> String {
        format!("{EXTENSIONS_PREFIX}{}", payment.time_limit.extensions)
    }
}

/// The values of the fields of a form, each of which may be absent.
fn fields<const N: usize>(
    headers: &HeaderMap,
    body: &[u8],
    names: [&str; N],
) -> Result<[Option<String>; N], FormError> {
    if !is_form(headers) {
        return Err(FormError::NoForm);
    }
    let mut values = [const { None }; N];
    for (name, value) in form_urlencoded::parse(body) {
        let known = names.iter().zip(&mut values).find(|(known, _)| **known == name);
        let Some((_, slot)) = known else { return Err(FormError::Field) };
        if slot.replace(value.into_owned()).is_some() {
            return Err(FormError::Field);
        }
    }
    Ok(values)
}

/// The number behind a prefix, in plain digits.
fn number<T: std::str::FromStr>(prefix: &str, text: &str) -> Option<T> {
    let digits = text.strip_prefix(prefix)?;
    let plain = (1..=NONCE_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

fn is_form(headers: &HeaderMap) -> bool {
    let essence = |value: &str| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| essence(value) == "application/x-www-form-urlencoded")
}

/// Why a form cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum FormError {
    #[error("the body is no form")]
    NoForm,
    #[error("the form has a field that the page does not have, or one of them twice")]
    Field,
    #[error("the form has a nonce that no page has")]
    Nonce,
    #[error("the form names no method")]
    Method,
}

/// How many attempts the payment had when the page with the form was made, written as `attempts-0`.
///
/// It makes the form a key without any memory of our own. A form that has led to a provider's page was answered by the
/// attempt that it started: sending it again, by the Back button or by a reload hours later, shows where the payment
/// stands and neither closes the page of another method nor opens a new one. A form that led nowhere, because the
/// provider was away, may be sent again. There is nothing to forge in it, since whoever has the token may start at any
/// time; a script that sends no nonce says that it means the payment as it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Nonce(usize);

impl Nonce {
    /// The nonce of a page that shows the payment as it is now.
    pub(super) fn of(payment: &Payment) -> Self {
        Self(payment.attempts.len())
    }

    fn parse(text: &str) -> Option<Self> {
        number(ATTEMPTS_PREFIX, text).map(Self)
    }

    /// Whether a form with this nonce and method has led to a page before which has ended since.
    pub(super) fn is_spent(self, payment: &Payment, method: Method) -> bool {
        let led_to_a_page = |attempt: &&Attempt| attempt.method == method && attempt.page.is_some();
        let live = payment.live().map(|live| live.id);
        payment.attempts.iter().skip(self.0).filter(led_to_a_page).any(|attempt| Some(attempt.id) != live)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{ATTEMPTS_PREFIX}{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(body: &str) -> Result<StartForm, FormError> {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8");
        StartForm::read(&HeaderMap::from_iter([(header::CONTENT_TYPE, form)]), body.as_bytes())
    }

    #[test]
    fn forms_are_read_strictly() {
        let card = |nonce| Ok(StartForm { method: Method::Card, nonce });
        assert_eq!(read("method=card&nonce=attempts-3"), card(Some(Nonce(3))));
        assert_eq!(read("nonce=attempts-0&method=card"), card(Some(Nonce(0))));
        assert_eq!(read("method=card"), card(None));
        for body in ["", "nonce=attempts-1", "method=", "method=cash", "method=Card", "method=card%00", "method=%ff"] {
            assert_eq!(read(body), Err(FormError::Method), "{body}");
        }
        for body in ["method=card&method=card", "method=card&amount=1", "method=card&nonce=attempts-1&nonce=attempts-1"]
        {
            assert_eq!(read(body), Err(FormError::Field), "{body}");
        }
        for nonce in ["", "0", "attempts-", "attempts--1", "attempts-%2B1", "attempts-999999", "Attempts-1"] {
            assert_eq!(read(&format!("method=card&nonce={nonce}")), Err(FormError::Nonce), "{nonce}");
        }
        assert_eq!(Nonce::parse(&Nonce(7).to_string()), Some(Nonce(7)), "what a page writes is read");
    }

    #[test]
    fn a_wish_for_more_time_is_read_as_strictly() {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, form)]);
        let read = |body: &str| ExtendForm::read(&headers, body.as_bytes());
        assert_eq!(read("seen=extensions-3"), Ok(ExtendForm { seen: Some(3) }));
        assert_eq!(read(""), Ok(ExtendForm { seen: None }));
        for seen in ["", "3", "attempts-3", "extensions-", "extensions--1", "extensions-999999"] {
            assert_eq!(read(&format!("seen={seen}")), Err(FormError::Nonce), "{seen}");
        }
        for body in [
            "seconds=600",
            "nonce=extensions-1",
            "seen=extensions-1&seen=extensions-1",
            "seen=extensions-1&method=card",
        ] {
            assert_eq!(read(body), Err(FormError::Field), "{body}");
        }
        assert_eq!(ExtendForm::read(&HeaderMap::new(), b""), Err(FormError::NoForm));
    }

    #[test]
    fn other_bodies_are_no_forms() {
        for value in ["application/json", "multipart/form-data", "text/plain", ""] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(StartForm::read(&headers, b"method=card"), Err(FormError::NoForm), "{value}");
        }
        assert_eq!(StartForm::read(&HeaderMap::new(), b"method=card"), Err(FormError::NoForm));
    }
}
