//! Who looks at a page: what the browser says about itself, and the language that was chosen on a page before.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use url::form_urlencoded;

use super::{language, texts::Tongue};

/// The parameter of an address by which a page remembers the language that was chosen, since it has no cookies.
const LANGUAGE: &str = "lang";

/// Who looks at a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Visitor {
    /// What the browser sent along.
    pub(super) headers: HeaderMap,
    /// The language that the address asks for, where pages are written in it.
    chosen: Option<Tongue>,
}

impl Visitor {
    /// The language of a page: the one that was chosen, else the payment's, else the one the browser likes best.
    pub(super) fn tongue(&self, payment: Option<&str>) -> Tongue {
        self.chosen.unwrap_or_else(|| language::choose(payment, &self.headers))
    }

    /// An address of ours that keeps the language, where one was chosen.
    pub(super) fn keep(&self, path: &str) -> String {
        self.chosen.map_or_else(|| path.to_owned(), |tongue| in_language(path, tongue))
    }
}

/// The same address in a language.
pub(super) fn in_language(path: &str, tongue: Tongue) -> String {
    format!("{path}?{LANGUAGE}={}", tongue.tag())
}

/// Whatever is wrong with the parameter, the page is shown as if it were not there.
impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        let wanted = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == LANGUAGE);
        let chosen = wanted.and_then(|(_, tag)| Tongue::of_primary_tag(&tag));
        Ok(Self { headers: parts.headers.clone(), chosen })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn visitor(address: &str) -> Visitor {
        let (mut parts, ()) = Request::get(address).body(()).unwrap().into_parts();
        Visitor::from_request_parts(&mut parts, &()).await.unwrap()
    }

    #[tokio::test]
    async fn only_a_known_language_is_taken_from_the_address_and_kept() {
        let english = visitor("/pay/x?lang=en&lang=de").await;
        assert_eq!(english.tongue(Some("de")).tag(), "en", "it was chosen on a page and beats the payment");
        assert_eq!(english.keep("/pay/x/cancel"), "/pay/x/cancel?lang=en");
        for address in [
            "/pay/x",
            "/pay/x?lang=",
            "/pay/x?lang=xx",
            "/pay/x?lang=EN",
            "/pay/x?lang=de%00",
            "/pay/x?lang",
            "/pay/x?%ff",
        ] {
            let visitor = visitor(address).await;
            assert_eq!(visitor.tongue(Some("en")).tag(), "en", "{address}");
            assert_eq!(visitor.keep("/pay/x"), "/pay/x", "{address}");
        }
    }
}
