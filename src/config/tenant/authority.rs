//! `[authority]`: who the Mandant is to citizens.

use url::Url;

use crate::{
    config::{
        error::Problem,
        reader::{Keys, Section, Value},
    },
    domain::tenant::Authority,
};

pub(super) const KEYS: Keys = Keys {
    schema: "authority",
    names: &["name", "telephone", "email", "hours", "imprint_url", "privacy_url", "accessibility_url"],
};

const TELEPHONE_LENGTH_MAX: usize = 40;
const EMAIL_LENGTH_MAX: usize = 254;

/// `None` only where something was reported.
pub(super) fn read(section: &Section<'_>) -> Option<Authority> {
    let name = section.require("name").and_then(|value| value.localized());
    let telephone = section.get("telephone").and_then(|value| value.printable(TELEPHONE_LENGTH_MAX));
    let email = section.get("email").and_then(|value| address(&value));
    let hours = section.get("hours").and_then(|value| value.localized());
    let [imprint_url, privacy_url, accessibility_url] =
        ["imprint_url", "privacy_url", "accessibility_url"].map(|key| section.get(key).and_then(|value| page(&value)));
    Some(Authority { name: name?, telephone, email, hours, imprint_url, privacy_url, accessibility_url })
}

/// An address that can stand behind `mailto:` as it is; whether somebody reads it, nobody can tell from here.
fn address(value: &Value<'_>) -> Option<String> {
    let text = value.printable(EMAIL_LENGTH_MAX)?;
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte))
    };
    let is_address = text.split_once('@').is_some_and(|(name, host)| plain(name) && plain(host) && host.contains('.'));
    value.checked(if is_address { Ok(text) } else { Err(Problem::Email) })
}

/// A page for citizens; other schemes such as `javascript:` have no place behind a link.
fn page(value: &Value<'_>) -> Option<Url> {
    value.parsed(|text| {
        let url = Url::parse(text).ok().filter(|url| ["https", "http"].contains(&url.scheme()));
        url.ok_or(Problem::Address)
    })
}
