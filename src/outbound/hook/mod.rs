//! The client for deliveries to the endpoints of portals, which it trusts with nothing.
//!
//! An endpoint gets one POST: no redirect is followed, no proxy of the environment asked, no cookie kept, nothing
//! decompressed. It costs at most [`HookLimits`], however it behaves. Where it may lie is checked when connecting.

mod address;
mod answer;
mod connector;
mod resolver;
mod special;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::connector::{ConnectFault, Encryption, HookConnector, trusting_the_platform};
pub use self::{
    address::{AddressError, AddressPolicy, URL_LENGTH_MAX},
    resolver::{Resolver, SystemResolver},
    special::AddressClass,
};
use super::ClientError;

/// How long a whole delivery may take, from the look-up of the name to the head of the answer.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);
/// The most header fields of an answer.
const HEADERS_MAX: usize = 64;
/// The most bytes of an answer's head, and the read buffer.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// What a delivery may cost.
#[derive(Clone, Copy, Debug)]
pub struct HookLimits {
    /// How long name resolution, connection and TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How long a whole delivery may take.
    pub delivery_timeout: Duration,
    /// How many bytes of an answer's body are read before the connection is dropped. None of them is kept.
    pub answer_bytes_max: usize,
    /// How many connections there may be at a time, idle ones included.
    pub connections_max: usize,
    /// How many idle connections are kept for each origin.
    pub idle_connections_max: usize,
    /// How long an idle connection is kept; less than half of `connect_timeout`, so that what waits for a place gets it.
    pub idle_timeout: Duration,
}

impl Default for HookLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            delivery_timeout: DELIVERY_TIMEOUT,
            answer_bytes_max: 16 << 10,
            connections_max: 512,
            idle_connections_max: 2,
            idle_timeout: Duration::from_secs(2),
        }
    }
}

/// What an endpoint said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HookAnswer {
    /// The status. Only 200 to 299 says that the delivery was taken; a redirect says that it was not.
    pub status: u16,
    /// How long the endpoint asks us to wait; unbounded, as it was sent.
    pub retry_after: Option<Duration>,
}

impl HookAnswer {
    /// Whether the delivery was taken.
    pub fn is_taken(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there is no answer. In each case the delivery is to be repeated; [`HookError::Busy`] is no fault of the endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HookError {
    /// The address may not be called.
    #[error("the address may not be called: it {0}")]
    Address(#[from] AddressError),
    /// The name has no address.
    #[error("the name could not be resolved")]
    Resolve,
    /// Nobody took the connection in time.
    #[error("no connection was made")]
    Connect,
    /// The encryption failed, or the certificate is not good for the name.
    #[error("the TLS handshake failed")]
    Tls,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke, or what came is no answer by HTTP.
    #[error("the connection broke before there was an answer")]
    Broken,
    /// There are as many connections as are allowed.
    #[error("too many deliveries at a time")]
    Busy,
    /// A header has a character that cannot be sent; nothing was.
    #[error("a header cannot be sent")]
    Header,
}

/// The client. Clones share everything.
#[derive(Clone, Debug)]
pub struct HookClient {
    pool: legacy::Client<HookConnector, Full<Bytes>>,
    policy: AddressPolicy,
    limits: HookLimits,
}

impl HookClient {
    /// A client that asks the operating system for the addresses of names.
    pub fn new(policy: AddressPolicy, limits: HookLimits) -> Result<Self, ClientError> {
        Self::with_resolver(policy, limits, Arc::new(SystemResolver::default()))
    }

    /// A client that asks somebody else.
    pub fn with_resolver(
        policy: AddressPolicy,
        limits: HookLimits,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, ClientError> {
        Ok(Self::with_encryption(policy, limits, resolver, trusting_the_platform()?))
    }

    fn with_encryption(
        policy: AddressPolicy,
        limits: HookLimits,
        resolver: Arc<dyn Resolver>,
        encryption: Encryption,
    ) -> Self {
        let connector = HookConnector::new(policy.clone(), resolver, &limits, encryption);
        let pool = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits.idle_timeout)
            .pool_max_idle_per_host(limits.idle_connections_max)
            .http1_max_headers(HEADERS_MAX)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(connector);
        Self { pool, policy, limits }
    }

    /// Posts a body as it is and waits for the status.
    ///
    /// An error does not prove that the endpoint has not taken the delivery; it knows it by its id when it comes again.
    pub async fn deliver(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<HookAnswer, HookError> {
        self.policy.check_url(url)?;
        let request = build(url, headers, body)?;
        let deadline = Instant::now().checked_add(self.limits.delivery_timeout).unwrap_or_else(Instant::now);
        let response = timeout_at(deadline, self.pool.request(request)).await.map_err(|_| HookError::Timeout)?;
        let response: Response<Incoming> = response.map_err(|error| sort(&error))?;
        let answer =
            HookAnswer { status: response.status().as_u16(), retry_after: answer::retry_after(response.headers()) };
        answer::discard(response.into_body(), self.limits.answer_bytes_max, deadline).await;
        Ok(answer)
    }
}

fn build(url: &Url, headers: &[(&'static str, String)], body: Bytes) -> Result<Request<Full<Bytes>>, HookError> {
    let uri: Uri = url.as_str().parse().map_err(|_| AddressError::Form)?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).map_err(|_| HookError::Header)?;
        let value = HeaderValue::from_str(value).map_err(|_| HookError::Header)?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

fn sort(error: &legacy::Error) -> HookError {
    let mut causes = String::new();
    let mut fault = None;
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        causes.push_str(": ");
        causes.push_str(&inner.to_string());
        fault = fault.or_else(|| inner.downcast_ref::<ConnectFault>());
        cause = inner.source();
    }
    // Without the address: what portals put into it may be a secret.
    tracing::debug!("a delivery failed{causes}");
    match fault {
        Some(ConnectFault::Address(error)) => HookError::Address(*error),
        Some(ConnectFault::Resolve(_)) => HookError::Resolve,
        Some(ConnectFault::Connect(_) | ConnectFault::TooSlow) => HookError::Connect,
        Some(ConnectFault::Tls(_)) => HookError::Tls,
        Some(ConnectFault::Busy) => HookError::Busy,
        None => HookError::Broken,
    }
}

#[cfg(test)]
mod tests;
