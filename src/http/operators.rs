//! What operators look at, at an address of its own that citizens and portals do not reach: metrics and health in full.
//!
//! Looking is done in a task that does not end with its client and of which there is one at a time, so that nobody can
//! pile up work by asking and going away.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::get,
};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{AppState, Limits, ops, tls::Tls};
use crate::desk::Desk;

/// How long a look may take before its client is told what was known before.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// How many connections there may be at a time.
const CONNECTIONS_MAX: usize = 8;
/// How long running requests may go on at shutdown.
const DRAIN: Duration = Duration::from_secs(1);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Limits {
    /// What bounds the address for operators.
    pub fn for_operators() -> Self {
        Self { connections_max: CONNECTIONS_MAX, drain: DRAIN, ..Self::default() }
    }
}

/// What is looked at. Clones share everything.
#[derive(Clone)]
struct Watched {
    desk: Arc<Desk>,
    /// The server for everybody else, where this process has one.
    public: Option<AppState>,
    tasks: TaskTracker,
}

/// The address for operators: `/metrics` and `/health`, and nothing else.
pub fn operators(desk: Arc<Desk>, public: Option<AppState>) -> Router {
    let watched = Watched { desk, public, tasks: TaskTracker::new() };
    Router::new().route("/metrics", get(metrics)).route("/health", get(health)).with_state(watched)
}

async fn metrics(State(watched): State<Watched>) -> Response {
    // The desk looks once at a time; whoever comes meanwhile, or waits too long, gets what was known before.
    let desk = Arc::clone(&watched.desk);
    let looking = watched.tasks.spawn(async move { desk.measure().await });
    if timeout(LOOK_TIMEOUT, looking).await.is_err() {
        tracing::warn!("looking at what is open takes long");
    }
    if let Some(public) = &watched.public {
        let listener = &watched.desk.metrics().listener;
        listener.show_open(public.counts.connections_open());
        listener.show_certificate(public.tls.as_ref().and_then(Tls::expires_at));
        public.counts.list().for_each(|count| listener.show(count.name, count.label, count.value));
    }
    let mut response = Response::new(Body::from(watched.desk.metrics().text()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
    response
}

async fn health(State(watched): State<Watched>) -> Response {
    let readiness = ops::readiness(&watched.desk, watched.public.as_ref()).await;
    ops::health(readiness.status, &readiness).unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
