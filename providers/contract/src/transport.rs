//! How a provider crate reaches its provider: one function, implemented by the service's hardened client.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::outcome::{CallError, NotSentCause, UnknownCause};

/// Sends one request and returns its answer. No redirect is followed and nothing is retried below this line.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request`; the error says whether anything may have reached the other side.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}

/// A request to a provider.
#[derive(Debug)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// The absolute address; its base comes from settings, never from an answer.
    pub url: String,
    /// Plain headers.
    pub headers: Vec<(&'static str, String)>,
    /// Headers that must never be logged.
    pub secret_headers: Vec<(&'static str, SecretString)>,
    /// The body; empty for GET.
    pub body: Vec<u8>,
}

/// The HTTP methods that providers need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HttpMethod {
    /// GET
    Get,
    /// POST
    Post,
    /// PATCH
    Patch,
}

/// A complete answer, whatever its status.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body, bounded by the client.
    pub body: Vec<u8>,
}

/// Why there is no complete answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TransportError {
    /// No byte of the request was written.
    #[error("not sent: {0}")]
    NotSent(NotSentCause),
    /// The request began to leave and no complete answer came.
    #[error("no answer: {0}")]
    NoAnswer(UnknownCause),
}

impl From<TransportError> for CallError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::NotSent(cause) => Self::NotSent { cause },
            TransportError::NoAnswer(cause) => Self::Unknown { cause },
        }
    }
}
