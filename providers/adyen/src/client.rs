//! One request to the Checkout API: address, headers, body, and the reading of its answer.

use std::sync::Arc;

use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use url::Url;
use zahlstelle_contract::{
    outcome::CallError,
    reference::ProviderKey,
    transport::{HttpMethod, HttpRequest, Transport},
};

use crate::errors::{BAD_REQUEST, read};

pub(crate) struct Client {
    base_url: Url,
    api_key: SecretString,
    transport: Arc<dyn Transport>,
}

impl Client {
    pub(crate) fn new(base_url: Url, api_key: SecretString, transport: Arc<dyn Transport>) -> Self {
        Self { base_url, api_key, transport }
    }

    /// Whether Adyen is played by a process on this machine, whose pages have no TLS either.
    pub(crate) fn is_unencrypted(&self) -> bool {
        self.base_url.scheme() == "http"
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<T, CallError> {
        self.send(HttpMethod::Get, segments, None, Vec::new()).await
    }

    pub(crate) async fn send_json<T: DeserializeOwned>(
        &self,
        method: HttpMethod,
        segments: &[&str],
        key: &ProviderKey,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let body = serde_json::to_vec(body).map_err(|_| BAD_REQUEST)?;
        self.send(method, segments, Some(key), body).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: HttpMethod,
        segments: &[&str],
        key: Option<&ProviderKey>,
        body: Vec<u8>,
    ) -> Result<T, CallError> {
        let url = address(&self.base_url, segments).ok_or(BAD_REQUEST)?;
        let mut headers = vec![("accept", "application/json".to_owned())];
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        if let Some(key) = key {
            headers.push(("idempotency-key", key.as_str().to_owned()));
        }
        let secret_headers = vec![("x-api-key", self.api_key.clone())];
        let request = HttpRequest { method, url: url.into(), headers, secret_headers, body };
        let response = self.transport.send(request).await?;
        read(&response)
    }
}

/// The base address with `segments` below it, each percent-encoded as a whole.
///
/// Dot segments are refused: every reader of addresses removes them, even encoded, and the call would go elsewhere.
fn address(base: &Url, segments: &[&str]) -> Option<Url> {
    if segments.iter().any(|segment| segment.is_empty() || *segment == "." || *segment == "..") {
        return None;
    }
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
    Some(url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> Url {
        Url::parse("https://checkout-test.adyen.com/v71").unwrap()
    }

    #[test]
    fn a_hostile_reference_stays_one_segment() {
        let cases = [
            ("PL1", Some("/v71/payments/PL1/refunds")),
            ("../sessions", Some("/v71/payments/..%2Fsessions/refunds")),
            ("a?b#c", Some("/v71/payments/a%3Fb%23c/refunds")),
            ("%2e%2e", Some("/v71/payments/%252e%252e/refunds")),
            ("a\\..\\b", Some("/v71/payments/a%5C..%5Cb/refunds")),
            ("..", None),
            (".", None),
            ("", None),
        ];
        for (reference, path) in cases {
            let url = address(&base(), &["payments", reference, "refunds"]);
            assert_eq!(url.as_ref().map(Url::path), path, "{reference:?}");
            assert!(url.is_none_or(|url| url.host_str() == Some("checkout-test.adyen.com") && url.query().is_none()));
        }
    }

    proptest! {
        #[test]
        fn any_reference_makes_exactly_one_segment(reference in "[!-~]{1,128}") {
            if let Some(url) = address(&base(), &["payments", &reference, "captures"]) {
                let again = Url::parse(url.as_str()).unwrap();
                let segments: Vec<_> = again.path_segments().unwrap().collect();
                prop_assert_eq!(segments.len(), 4);
                prop_assert_eq!((segments[0], segments[1], segments[3]), ("v71", "payments", "captures"));
            } else {
                prop_assert!(reference == "." || reference == "..");
            }
        }
    }
}
