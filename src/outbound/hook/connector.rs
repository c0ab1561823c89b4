//! Connections that only lead where the policy allows, checked when they are made.
//!
//! A name is resolved once for each connection, all its addresses are checked, and exactly those are connected to:
//! between the check and the connection there is no second look-up that could answer otherwise. An address that stands
//! in the URL itself never meets a resolver, so it is checked here as well, and so is the peer of what was connected.

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use http::{Uri, uri::Scheme};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream, builderstates::WantsSchemes};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector, dns::Name},
    rt::TokioIo,
};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tower::Service;

use super::{AddressError, AddressPolicy, ClientError, HookLimits, Resolver};

/// The most addresses of a name that are considered.
const ADDRESSES_MAX: usize = 16;

/// How certificates are judged.
pub(super) type Encryption = HttpsConnectorBuilder<WantsSchemes>;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Making<T> = Pin<Box<dyn Future<Output = Result<T, ConnectFault>> + Send>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectFault {
    #[error("the address is refused")]
    Address(#[from] AddressError),
    #[error("the name has no address")]
    Resolve(#[source] std::io::Error),
    #[error("no connection")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no connection in time")]
    TooSlow,
    #[error("no encryption")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("too many connections of ours")]
    Busy,
}

/// Certificates are good when the machine trusts who issued them.
pub(super) fn trusting_the_platform() -> Result<Encryption, ClientError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    Ok(HttpsConnectorBuilder::new().with_provider_and_platform_verifier(provider)?)
}

/// Makes connections for deliveries: bounded in time and number, checked, and encrypted where it must be.
#[derive(Clone)]
pub(super) struct HookConnector {
    guarded: HttpsConnector<GuardedConnector>,
    connect_timeout: Duration,
    places: Arc<Semaphore>,
}

impl HookConnector {
    pub(super) fn new(
        policy: AddressPolicy,
        resolver: Arc<dyn Resolver>,
        limits: &HookLimits,
        encryption: Encryption,
    ) -> Self {
        let guarded = GuardedConnector::new(Arc::new(policy), resolver, limits.connect_timeout);
        let guarded = encryption.https_or_http().enable_http1().wrap_connector(guarded);
        let places = Arc::new(Semaphore::new(limits.connections_max));
        Self { guarded, connect_timeout: limits.connect_timeout, places }
    }
}

impl Service<Uri> for HookConnector {
    type Response = HeldStream;
    type Error = ConnectFault;
    type Future = Making<HeldStream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { mut guarded, connect_timeout, places } = self.clone();
        Box::pin(async move {
            let place = timeout(connect_timeout, places.acquire_owned()).await;
            let Ok(Ok(place)) = place else { return Err(ConnectFault::Busy) };
            let stream = timeout(connect_timeout, guarded.call(uri)).await.map_err(|_| ConnectFault::TooSlow)?;
            // The guard's own faults come through as they are; what else fails, fails while encrypting.
            let stream = stream
                .map_err(|error| error.downcast().map_or_else(ConnectFault::Tls, |fault: Box<ConnectFault>| *fault))?;
            Ok(HeldStream { stream, _place: place })
        })
    }
}

/// Makes the connections below the encryption.
#[derive(Clone)]
struct GuardedConnector {
    policy: Arc<AddressPolicy>,
    encrypted: HttpConnector<GuardedResolver>,
    plain: HttpConnector<GuardedResolver>,
}

impl GuardedConnector {
    fn new(policy: Arc<AddressPolicy>, resolver: Arc<dyn Resolver>, connect_timeout: Duration) -> Self {
        let connector = |resolver, encrypted| {
            let resolver = GuardedResolver { policy: Arc::clone(&policy), resolver, encrypted };
            let mut connector = HttpConnector::new_with_resolver(resolver);
            connector.enforce_http(false);
            connector.set_nodelay(true);
            // Divided among the addresses of a name, so that one that is dead leaves time for the next.
            connector.set_connect_timeout(Some(connect_timeout));
            connector
        };
        Self { encrypted: connector(Arc::clone(&resolver), true), plain: connector(resolver, false), policy }
    }
}

impl Service<Uri> for GuardedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectFault;
    type Future = Making<TokioIo<TcpStream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let encrypted = uri.scheme() == Some(&Scheme::HTTPS);
        let mut connector = if encrypted { self.encrypted.clone() } else { self.plain.clone() };
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            if let Some(address) = uri.host().and_then(literal) {
                policy.check(address, encrypted)?;
            }
            let stream = connector.call(uri).await.map_err(sort)?;
            let peer = stream.inner().peer_addr().map_err(|error| ConnectFault::Connect(error.into()))?;
            policy.check(peer.ip(), encrypted)?;
            Ok(stream)
        })
    }
}

/// The address that stands in a URL instead of a name.
fn literal(host: &str) -> Option<IpAddr> {
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.unwrap_or(host).parse().ok()
}

/// The connector wraps what the resolver said; it is found again among the causes.
fn sort(error: impl std::error::Error + Send + Sync + 'static) -> ConnectFault {
    let mut cause = error.source();
    while let Some(inner) = cause {
        match inner.downcast_ref() {
            Some(ConnectFault::Address(error)) => return ConnectFault::Address(*error),
            Some(ConnectFault::Resolve(error)) => {
                return ConnectFault::Resolve(std::io::Error::new(error.kind(), error.to_string()));
            }
            _ => cause = inner.source(),
        }
    }
    ConnectFault::Connect(Box::new(error))
}

/// Tells the addresses of a name only if every one of them may be called: a name that has public and private addresses
/// at once is set up to deceive.
#[derive(Clone)]
struct GuardedResolver {
    policy: Arc<AddressPolicy>,
    resolver: Arc<dyn Resolver>,
    encrypted: bool,
}

impl Service<Name> for GuardedResolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = ConnectFault;
    type Future = Making<vec::IntoIter<SocketAddr>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { policy, resolver, encrypted } = self.clone();
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await.map_err(ConnectFault::Resolve)?;
            let mut checked = Vec::new();
            for address in addresses.into_iter().take(ADDRESSES_MAX) {
                policy.check(address, encrypted)?;
                checked.push(SocketAddr::new(address, 0));
            }
            if checked.is_empty() {
                return Err(ConnectFault::Resolve(std::io::ErrorKind::NotFound.into()));
            }
            Ok(checked.into_iter())
        })
    }
}

/// A connection that holds its place among all of them until it is closed, also while it waits for the next delivery.
pub(super) struct HeldStream {
    stream: Stream,
    _place: OwnedSemaphorePermit,
}

impl Connection for HeldStream {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl hyper::rt::Read for HeldStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for HeldStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
