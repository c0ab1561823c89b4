//! Requests and answers as the world sees them, whatever carries them.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;

/// Where a request came from; the control surface answers loopback only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The same machine or the same process.
    Loopback,
    /// Another machine.
    Elsewhere,
}

/// A complete request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path without query, beginning with a slash.
    pub path: String,
    /// What stood behind the question mark.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, already bounded by whoever read it.
    pub body: Vec<u8>,
    /// Where it came from.
    pub origin: Origin,
}

impl Request {
    /// A request without headers and body, from the same machine. `target` is a path with an optional query.
    pub fn new(method: Method, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (target.to_owned(), None),
        };
        Self { method, path, query, headers: HeaderMap::new(), body: Vec::new(), origin: Origin::Loopback }
    }

    /// With a header; a value that HTTP does not allow is left out, as no client could send it.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    /// With a body as an HTML form sends it.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// A header's text, when it is there once and readable.
    pub(crate) fn header_text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What the carrier does with an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// Gives it.
    Answer,
    /// Gives it after a while.
    Delay {
        /// The while, in milliseconds.
        millis: u64,
    },
    /// Hangs up instead; the state may have changed.
    DropConnection,
    /// Does as if nobody had listened; nothing has changed. On a socket that has already accepted it hangs up.
    RefuseConnection,
}

/// What the world, being pure, asks its carrier to do before the answer is given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Chore {
    /// Write a file whole or not at all.
    WriteFile {
        /// Where to, as the caller of the control surface named the folder.
        path: String,
        /// The bytes.
        content: Vec<u8>,
    },
    /// Move the shared clock forward.
    AdvanceClock {
        /// By so many seconds; never negative.
        seconds: i64,
    },
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// What becomes of the answer.
    pub delivery: Delivery,
    /// What is to be done before it is given.
    pub chores: Vec<Chore>,
}

impl Response {
    /// An answer without body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Vec::new(), delivery: Delivery::Answer, chores: Vec::new() }
    }

    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => {
                let mut response = Self::empty(status).header(header::CONTENT_TYPE, "application/json;charset=utf-8");
                response.body = bytes;
                response
            }
            // A value of ours that JSON cannot express is a mistake of the twin, never of its caller.
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        let mut response = Self::empty(status)
            .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
            .header(header::CACHE_CONTROL, "no-store")
            .header(header::REFERRER_POLICY, "no-referrer");
        response.body = page.into_bytes();
        response
    }

    pub(crate) fn see_other(location: &str) -> Self {
        Self::empty(StatusCode::SEE_OTHER).header(header::LOCATION, location)
    }

    /// With a header; a value that HTTP does not allow is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// With another way of delivery.
    pub(crate) fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// An answer that never comes.
    pub(crate) fn lost(delivery: Delivery) -> Self {
        Self::empty(StatusCode::INTERNAL_SERVER_ERROR).delivered(delivery)
    }
}
