//! A small HTTP client and form reader, as much of a browser as a walk through plain forms needs.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

/// How large a page may be.
const PAGE_BYTES_MAX: usize = 1 << 20;
/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a walk did not get on.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    /// No answer came.
    #[error("{address}: no answer")]
    NoAnswer { address: String },
    /// Another answer came than the walk expects.
    #[error("{address}: answered {status}: {text}")]
    Unexpected { address: String, status: StatusCode, text: String },
    /// A page lacks what the walk needs next.
    #[error("{address}: has no {what}")]
    Lacks { address: String, what: &'static str },
    /// The payment did not come to the state that was awaited.
    #[error("the payment stayed {state}, {awaited} was awaited")]
    Stuck { state: String, awaited: &'static str },
}

/// An answer.
pub(super) struct Answer {
    pub(super) address: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of a successful answer.
    pub(super) fn json(&self) -> Result<Value, WalkError> {
        let value = serde_json::from_slice(&self.body).ok().filter(|_| self.status.is_success());
        value.ok_or_else(|| self.unexpected())
    }

    /// Where a redirect leads, as an absolute address.
    pub(super) fn location(&self) -> Result<String, WalkError> {
        let location = self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let absolute = location.and_then(|location| url::Url::parse(&self.address).ok()?.join(location).ok());
        absolute.map(String::from).ok_or_else(|| self.unexpected())
    }

    /// The hidden fields of the page's forms.
    pub(super) fn hidden_fields(&self) -> Vec<(String, String)> {
        let page = self.text();
        let inputs = page.split("<input").skip(1).filter_map(|rest| rest.split_once('>').map(|(input, _)| input));
        let hidden = inputs.filter(|input| attribute(input, "type").as_deref() == Some("hidden"));
        hidden.filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?))).collect()
    }

    fn unexpected(&self) -> WalkError {
        let (address, status) = (self.address.clone(), self.status);
        WalkError::Unexpected { address, status, text: self.text().chars().take(500).collect() }
    }
}

fn attribute(input: &str, name: &str) -> Option<String> {
    let (_, rest) = input.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

/// Sends requests, follows nothing by itself.
#[derive(Clone)]
pub(super) struct Walker {
    client: legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Walker {
    pub(super) fn new() -> Self {
        Self { client: legacy::Client::builder(TokioExecutor::new()).build_http() }
    }

    pub(super) async fn get(&self, address: &str) -> Result<Answer, WalkError> {
        self.send(address, Request::get(address), Bytes::new()).await
    }

    pub(super) async fn post_form(&self, address: &str, fields: &[(String, String)]) -> Result<Answer, WalkError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(address).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(address, request, body.into()).await
    }

    pub(super) async fn get_api(&self, address: &str, key: &str) -> Result<Value, WalkError> {
        let request = Request::get(address).header(header::AUTHORIZATION, format!("Bearer {key}"));
        self.send(address, request, Bytes::new()).await?.json()
    }

    pub(super) async fn post_api(
        &self,
        address: &str,
        key: &str,
        once: &str,
        body: &Value,
    ) -> Result<Value, WalkError> {
        let request = Request::post(address)
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", once);
        self.send(address, request, body.to_string().into()).await?.json()
    }

    async fn send(&self, address: &str, request: http::request::Builder, body: Bytes) -> Result<Answer, WalkError> {
        let no_answer = || WalkError::NoAnswer { address: address.to_owned() };
        let request = request.body(Full::new(body)).map_err(|_| no_answer())?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|_| no_answer())?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, PAGE_BYTES_MAX).collect().await.map_err(|_| no_answer())?.to_bytes();
            Ok(Answer { address: address.to_owned(), status: head.status, headers: head.headers, body })
        };
        tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| no_answer())?
    }
}
