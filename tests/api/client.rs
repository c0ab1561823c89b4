//! A portal: a client with a key that keeps nothing to itself.

use std::net::SocketAddr;

use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use crate::openapi;

/// A portal with its key. A clone has connections of its own.
pub(crate) struct Portal {
    address: SocketAddr,
    key: Option<String>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Clone for Portal {
    fn clone(&self) -> Self {
        Self::new(self.address, self.key.clone())
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Portal {
    pub(crate) fn new(address: SocketAddr, key: Option<String>) -> Self {
        Self { address, key, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// A request with these headers and no other. The document judges what comes back.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let body = body.into();
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::builder().method(method.clone()).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.client.request(request.body(Full::new(body.clone())).unwrap()).await.unwrap();
        let (parts, answer) = response.into_parts();
        let answer = answer.collect().await.unwrap().to_bytes();
        let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, body: answer };
        openapi::judge(method.as_str(), path, &body, &reply);
        reply
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let bearer = self.bearer();
        let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        self.send(Method::GET, path, &headers, "").await
    }

    /// A command under a key.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.post_raw(path, key, body.to_string()).await
    }

    /// A command whose body is sent as it is.
    pub(crate) async fn post_raw(&self, path: &str, key: &str, body: impl Into<Bytes>) -> Reply {
        let bearer = self.bearer();
        let mut headers = vec![("content-type", "application/json"), ("idempotency-key", key)];
        headers.extend(bearer.iter().map(|bearer| ("authorization", bearer.as_str())));
        self.send(Method::POST, path, &headers, body).await
    }

    /// A change, which needs no key.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Reply {
        let bearer = self.bearer();
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.iter().map(|bearer| ("authorization", bearer.as_str())));
        self.send(Method::PATCH, path, &headers, body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        let bearer = self.bearer();
        let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        self.send(Method::DELETE, path, &headers, "").await
    }

    /// What stands in the `Authorization` header.
    pub(crate) fn bearer(&self) -> Option<String> {
        self.key.as_ref().map(|key| format!("Bearer {key}"))
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The object, after the status was checked.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The problem, after its status and code were checked.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"].as_str(), self.header("request-id"));
        problem
    }

    /// The places that a problem names.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}
