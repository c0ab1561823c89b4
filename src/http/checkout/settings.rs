//! What the checkout must be told.

use std::fmt;

use url::Url;

/// What the checkout must be told; everything else it takes from the desk.
#[derive(Clone, Debug, Default)]
pub struct CheckoutSettings {
    /// Where the hosted pages of the providers are. A page elsewhere is reached by a link instead of a redirect, since
    /// browsers follow a redirect after a form only to places that the page has named (CSP `form-action`).
    pub page_origins: Vec<PageOrigin>,
}

impl CheckoutSettings {
    /// Whether a redirect to this address will be followed.
    pub(super) fn admits(&self, page: &Url) -> bool {
        self.page_origins.iter().any(|origin| origin.admits(page))
    }
}

/// Scheme, host and port of hosted pages, e.g. `https://eu.adyen.link`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageOrigin(String);

impl PageOrigin {
    /// Takes an `http` or `https` address of which only the origin counts, without path, query, user or fragment.
    pub fn new(address: &Url) -> Result<Self, PageOriginError> {
        let bare = address.path() == "/"
            && address.query().is_none()
            && address.fragment().is_none()
            && address.username().is_empty()
            && address.password().is_none();
        if !bare || !["http", "https"].contains(&address.scheme()) || !address.has_host() {
            return Err(PageOriginError);
        }
        Ok(Self(address.origin().ascii_serialization()))
    }

    fn admits(&self, page: &Url) -> bool {
        page.origin().ascii_serialization() == self.0
    }
}

impl fmt::Display for PageOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why an address is no origin of hosted pages.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be scheme, host and port of an http or https address")]
pub struct PageOriginError;

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Result<String, PageOriginError> {
        PageOrigin::new(&Url::parse(text).unwrap()).map(|origin| origin.to_string())
    }

    #[test]
    fn only_origins_are_taken() {
        assert_eq!(origin("https://Pay.Example:443"), Ok("https://pay.example".to_owned()));
        assert_eq!(origin("http://127.0.0.1:8181/"), Ok("http://127.0.0.1:8181".to_owned()));
        for wrong in
            ["https://a.example/x", "https://a.example/?x", "https://u@a.example/", "ftp://a.example/", "data:x"]
        {
            assert_eq!(origin(wrong), Err(PageOriginError), "{wrong}");
        }
    }

    #[test]
    fn a_page_is_admitted_by_scheme_host_and_port() {
        let page_origins = vec![PageOrigin::new(&Url::parse("https://pay.example").unwrap()).unwrap()];
        let settings = CheckoutSettings { page_origins };
        let admits = |text: &str| settings.admits(&Url::parse(text).unwrap());
        assert!(admits("https://pay.example/l/1?x"));
        for other in ["http://pay.example/", "https://pay.example:8443/", "https://pay.example.evil.org/", "data:x"] {
            assert!(!admits(other), "{other}");
        }
    }
}
