//! Where a citizen may be sent back to: a portal's addresses, so that a payment link never becomes an open redirect.

use std::fmt;

use url::{Host, Url};
use zahlstelle_contract::provider::Environment;

/// The most characters of a return address.
pub const RETURN_URL_LENGTH_MAX: usize = 2_000;

/// The beginning of allowed return addresses: scheme, host, port and whole path segments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReturnPrefix {
    origin: Url,
    segments: Vec<String>,
}

impl ReturnPrefix {
    /// Takes an `https` address without query; for a test Mandant also `http` on this machine.
    pub fn parse(text: &str, environment: Environment) -> Result<Self, ReturnUrlError> {
        let url = parse_plainly(text)?;
        if url.query().is_some() {
            return Err(ReturnUrlError::Query);
        }
        match (url.scheme(), environment) {
            ("https", _) => {}
            ("http", Environment::Test) if url.host().as_ref().is_some_and(is_loopback) => {}
            _ => return Err(ReturnUrlError::NotEncrypted),
        }
        Ok(Self { segments: segments(&url), origin: url })
    }

    /// The address in its normal form if it lies under this prefix.
    ///
    /// Send people to what is returned, never to the text, since only that was compared.
    pub fn admits(&self, text: &str) -> Option<Url> {
        let url = parse_plainly(text).ok()?;
        let same_origin = url.scheme() == self.origin.scheme()
            && url.host() == self.origin.host()
            && url.port_or_known_default() == self.origin.port_or_known_default();
        (same_origin && segments(&url).starts_with(&self.segments)).then_some(url)
    }
}

impl fmt::Display for ReturnPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(formatter)
    }
}

/// Why a text is no return address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReturnUrlError {
    /// It is too long, or has a character that different readers of addresses read differently.
    #[error("must be at most {RETURN_URL_LENGTH_MAX} visible ASCII characters without a backslash")]
    Characters,
    /// It is no absolute address with a host.
    #[error("must be an absolute address with a host, such as https://portal.example/return")]
    Form,
    /// It carries a user.
    #[error("must not contain a user")]
    User,
    /// It has a fragment.
    #[error("must not contain a fragment '#'")]
    Fragment,
    /// Its path goes up, or hides a separator.
    #[error("must not contain dot segments or encoded separators in its path")]
    Path,
    /// A prefix has a query.
    #[error("must not contain a query '?'")]
    Query,
    /// It would be read on the way.
    #[error("must begin with https://, only a test Mandant may use http:// and only on this machine")]
    NotEncrypted,
}

/// Parses only what every reader of addresses understands in the same way.
///
/// Browsers repair a good deal before they follow an address: backslashes, missing slashes, blanks, dot segments. A text
/// that needs repair is refused here instead of guessing which repair will be made.
fn parse_plainly(text: &str) -> Result<Url, ReturnUrlError> {
    if text.len() > RETURN_URL_LENGTH_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err(ReturnUrlError::Characters);
    }
    let (scheme, rest) = text.split_once("://").ok_or(ReturnUrlError::Form)?;
    if !["https", "http"].contains(&scheme) {
        return Err(ReturnUrlError::Form);
    }
    if text.contains('#') {
        return Err(ReturnUrlError::Fragment);
    }
    let before_query = rest.split('?').next().unwrap_or_default();
    let (authority, path) = before_query.split_once('/').unwrap_or((before_query, ""));
    if authority.is_empty() {
        return Err(ReturnUrlError::Form);
    }
    if authority.contains('@') {
        return Err(ReturnUrlError::User);
    }
    if path.split('/').any(is_ambiguous) {
        return Err(ReturnUrlError::Path);
    }
    Url::parse(text).ok().filter(Url::has_host).ok_or(ReturnUrlError::Form)
}

/// Whether a path segment goes up or stays, or hides a slash, a backslash or a further layer of encoding.
fn is_ambiguous(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    let plain = lower.replace("%2e", ".");
    plain == "." || plain == ".." || ["%2f", "%5c", "%25", "%00"].iter().any(|hidden| lower.contains(hidden))
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// The segments of the path; a final slash adds none.
fn segments(url: &Url) -> Vec<String> {
    let path = url.path().strip_prefix('/').unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> ReturnPrefix {
        ReturnPrefix::parse(text, Environment::Test).unwrap()
    }

    #[test]
    fn addresses_under_the_prefix_are_admitted() {
        let portal = prefix("https://portal.example/antrag");
        for address in [
            "https://portal.example/antrag",
            "https://portal.example/antrag/",
            "https://portal.example/antrag/4711?x=a@b&y=..",
            "https://portal.example/antrag?x=https://evil.example/",
            "https://portal.example:443/antrag",
            "https://PORTAL.example/antrag",
        ] {
            assert!(portal.admits(address).is_some(), "{address}");
        }
        assert!(prefix("https://portal.example").admits("https://portal.example/anything").is_some());
        let local = prefix("http://127.0.0.1:8090/");
        assert_eq!(
            local.admits("http://127.0.0.1:8090/r").map(String::from),
            Some("http://127.0.0.1:8090/r".to_owned())
        );
    }

    #[test]
    fn addresses_that_only_look_alike_are_refused() {
        let portal = prefix("https://portal.example/antrag");
        for address in [
            "",
            "/antrag",
            "//portal.example/antrag",
            "http://portal.example/antrag",
            "https:portal.example/antrag",
            "https:/portal.example/antrag",
            "https:///portal.example/antrag",
            "HTTPS://portal.example/antrag",
            "https://portal.example.evil.com/antrag",
            "https://portal.example@evil.com/antrag",
            "https://@portal.example/antrag",
            "https://user:secret@portal.example/antrag",
            "https://evil.com/https://portal.example/antrag",
            "https://evil.com\\@portal.example/antrag",
            "https:\\\\portal.example\\antrag",
            "https://portal.example:444/antrag",
            "https://portal.example./antrag",
            "https://portal.example/antragsfremd",
            "https://portal.example/Antrag",
            "https://portal.example/",
            "https://portal.example/antrag/../anders",
            "https://portal.example/antrag/./x",
            "https://portal.example/antrag/%2e%2E/anders",
            "https://portal.example/antrag/.%2e/anders",
            "https://portal.example/antrag%2f..%2fanders",
            "https://portal.example/antrag/%5c..",
            "https://portal.example/antrag/%252e%252e/x",
            "https://portal.example/antrag#fragment",
            "https://portal.example/antrag\n",
            " https://portal.example/antrag",
            "https://portal.ex\tample/antrag",
            "https://pörtal.example/antrag",
            "https://portal。example/antrag",
            "javascript:alert(1)//https://portal.example/antrag",
            "javascript://portal.example/antrag",
        ] {
            assert_eq!(portal.admits(address), None, "{address:?} was admitted");
        }
        let long = format!("https://portal.example/antrag/{}", "x".repeat(RETURN_URL_LENGTH_MAX));
        assert_eq!(portal.admits(&long), None);
    }

    #[test]
    fn prefixes_are_encrypted_except_on_this_machine_in_tests() {
        let parse = |text, environment| ReturnPrefix::parse(text, environment).map(|_| ());
        for local in ["http://localhost:1/x", "http://127.0.0.1/", "http://[::1]:8090/"] {
            assert_eq!(parse(local, Environment::Test), Ok(()), "{local}");
            assert_eq!(parse(local, Environment::Live), Err(ReturnUrlError::NotEncrypted), "{local}");
        }
        for remote in ["http://portal.example/", "http://localhost.evil.com/", "http://127.0.0.1.evil.com/"] {
            assert_eq!(parse(remote, Environment::Test), Err(ReturnUrlError::NotEncrypted), "{remote}");
        }
        assert_eq!(parse("https://portal.example/", Environment::Live), Ok(()));
    }

    #[test]
    fn prefixes_that_cannot_work_are_refused() {
        for (text, error) in [
            ("portal.example", ReturnUrlError::Form),
            ("https://", ReturnUrlError::Form),
            ("ftp://portal.example/", ReturnUrlError::Form),
            ("https://a@portal.example/", ReturnUrlError::User),
            ("https://portal.example/#a", ReturnUrlError::Fragment),
            ("https://portal.example/?a", ReturnUrlError::Query),
            ("https://portal.example/a/../b", ReturnUrlError::Path),
            ("https://portal.example/a b", ReturnUrlError::Characters),
        ] {
            assert_eq!(ReturnPrefix::parse(text, Environment::Test), Err(error), "{text}");
        }
    }
}
