//! Endpoints of portals on this machine: what arrives is kept, and what is answered is up to the test.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use zahlstelle::{
    http::{Drain, Limits, Server},
    webhook::{
        secret::{HmacSecret, PublicKey},
        verify::{DeliveryHeaders, Verifier, VerifyError},
    },
};

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Status(u16),
    /// A status with `Retry-After` in seconds.
    Later(u16, u64),
    /// To another path of the receiver.
    Redirect,
    /// That it was taken, but only once this is cancelled.
    Held(CancellationToken),
    /// Nothing, as long as the receiver stands.
    Silence,
}

type Script = Box<dyn FnMut(&Hit) -> Answer + Send>;

struct Inner {
    hits: watch::Sender<Vec<Hit>>,
    script: Mutex<Script>,
    stop: CancellationToken,
}

/// A server that is an endpoint at every path.
pub(crate) struct Receiver {
    address: SocketAddr,
    inner: Arc<Inner>,
    _serving: JoinSet<()>,
}

impl Receiver {
    /// A receiver that takes everything.
    pub(crate) async fn open() -> Self {
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).await.unwrap();
        let address = server.address().unwrap();
        let inner = Arc::new(Inner {
            hits: watch::Sender::new(Vec::new()),
            script: Mutex::new(Box::new(|_| Answer::Status(204))),
            stop: CancellationToken::new(),
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&inner));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let _ = server.serve(router, &Drain::default(), std::future::pending()).await;
        });
        Self { address, inner, _serving: serving }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on every delivery is answered so.
    pub(crate) fn answer(&self, script: impl FnMut(&Hit) -> Answer + Send + 'static) {
        *self.inner.script.lock().unwrap() = Box::new(script);
    }

    pub(crate) fn hits(&self) -> Vec<Hit> {
        self.inner.hits.borrow().clone()
    }

    /// What came to a path.
    pub(crate) fn hits_at(&self, path: &str) -> Vec<Hit> {
        self.hits().into_iter().filter(|hit| hit.path == path).collect()
    }

    /// Resolves once what came is as awaited.
    pub(crate) async fn until(&self, awaited: impl Fn(&[Hit]) -> bool) -> Vec<Hit> {
        self.inner.hits.subscribe().wait_for(|hits| awaited(hits)).await.unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.inner.stop.cancel();
    }
}

async fn take(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let hit = Hit { path: parts.uri.path().to_owned(), headers: parts.headers, body };
    let answer = (inner.script.lock().unwrap())(&hit);
    inner.hits.send_modify(|hits| hits.push(hit));
    match answer {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Later(status, seconds) => {
            (StatusCode::from_u16(status).unwrap(), [("retry-after", seconds.to_string())]).into_response()
        }
        Answer::Redirect => (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response(),
        Answer::Held(until) => {
            until.cancelled().await;
            StatusCode::NO_CONTENT.into_response()
        }
        Answer::Silence => {
            inner.stop.cancelled().await;
            StatusCode::GONE.into_response()
        }
    }
}

impl Hit {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} is missing")).to_str().unwrap()
    }

    pub(crate) fn id(&self) -> String {
        self.header("webhook-id").to_owned()
    }

    pub(crate) fn signed_at(&self) -> i64 {
        self.header("webhook-timestamp").parse().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The payment it is about, and the version in which it was then.
    pub(crate) fn payment(&self) -> (String, u64) {
        let data = &self.json()["data"];
        let id = if data["object"] == "refund" { &data["payment"] } else { &data["id"] };
        (id.as_str().unwrap().to_owned(), data["version"].as_u64().unwrap())
    }

    /// What a receiver that shares this secret says.
    pub(crate) fn verify(&self, secret: &str, now: Timestamp) -> Result<(), VerifyError> {
        self.check(&Verifier::new(vec![HmacSecret::parse(secret).unwrap()], Vec::new()).unwrap(), now)
    }

    /// What a receiver that knows this public key says.
    pub(crate) fn verify_public(&self, key: &str, now: Timestamp) -> Result<(), VerifyError> {
        self.check(&Verifier::new(Vec::new(), vec![PublicKey::parse(key).unwrap()]).unwrap(), now)
    }

    fn check(&self, verifier: &Verifier, now: Timestamp) -> Result<(), VerifyError> {
        let headers = DeliveryHeaders::find(|name| self.headers.get(name)?.to_str().ok())?;
        verifier.verify(&headers, &self.body, now).map(drop)
    }
}
