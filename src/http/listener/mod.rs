//! The accept loop: who may connect, how many, and for how long. Every limit of a connection is set below this folder,
//! and none is left to a default.

mod activity;
mod attend;
mod patience;
mod protocol;
mod throttle;

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use ipnet::IpNet;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    attend::{Ends, Shared, attend},
    throttle::Throttle,
};
use super::{
    Counted, Counts, Drain, Limits,
    slots::{Slot, Slots},
    source::{Proxies, Source},
    tls::Tls,
};

/// How long accepting rests after it failed, e.g. because no file descriptor was left.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// How often the log tells that a connection came from no named proxy.
const STRANGERS_TOLD_EVERY: Duration = Duration::from_mins(1);
/// How many connections may wait to be taken; the kernel's own limit (`net.core.somaxconn`) may be lower.
const BACKLOG_MAX: u32 = 4_096;

/// A bound address that accepts no connection yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: Limits,
    tls: Option<Tls>,
    proxies: Proxies,
    counts: Arc<Counts>,
}

/// Why no connections can be accepted at an address.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program listens there.
    #[error("{address} is in use by another program")]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The port needs rights that this program does not have.
    #[error("this program may not listen at {address}; ports below 1024 need a right of their own")]
    NotAllowed {
        /// The address.
        address: SocketAddr,
    },
    /// No interface of this machine has the address.
    #[error("{address} is no address of this machine")]
    NotOurs {
        /// The address.
        address: SocketAddr,
    },
    /// The operating system refuses for another reason.
    #[error("cannot listen at {address}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// Its reason.
        source: io::Error,
    },
}

/// The time to go was over before everything had come to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{requests} requests were still being handled when the time to shut down was over")]
pub struct NotDrained {
    /// How many requests were still being handled.
    pub requests: usize,
}

/// Listens, with more room than usual for connections that wait to be taken: in a burst, the kernel forgets those beyond
/// it, and their peers believe to be connected.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of a process before us may still be closing, and are no reason not to start.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG_MAX)
}

impl Server {
    /// Takes an address. Port 0 takes a free one, see [`Server::address`].
    #[expect(clippy::unused_async, reason = "listening needs a runtime, and an async function cannot do without one")]
    pub async fn bind(address: SocketAddr, limits: Limits) -> Result<Self, ListenError> {
        let listener = listen(address).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address },
            io::ErrorKind::PermissionDenied => ListenError::NotAllowed { address },
            io::ErrorKind::AddrNotAvailable => ListenError::NotOurs { address },
            _ => ListenError::Other { address, source },
        })?;
        Ok(Self { listener, limits, tls: None, proxies: Proxies::default(), counts: Arc::default() })
    }

    /// Speaks TLS alone.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Takes from these proxies for whom a request is, and without TLS takes no connection from anybody else.
    #[must_use]
    pub fn behind(self, proxies: Vec<IpNet>) -> Self {
        Self { proxies: Proxies::new(proxies), ..self }
    }

    /// Counts here what it sees.
    #[must_use]
    pub fn counted_by(self, counts: Arc<Counts>) -> Self {
        Self { counts, ..self }
    }

    /// TLS, where it is spoken.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` resolves, then lets what is under way come to its end, as long as the limits allow.
    pub async fn serve(
        self,
        router: Router,
        drain: &Drain,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), NotDrained> {
        let Self { listener, limits, tls, proxies, counts } = self;
        let door = Door {
            slots: Slots::new(limits.connections_per_source_max),
            permits: Arc::new(Semaphore::new(limits.connections_max)),
            room_timeout: limits.room_timeout,
            // Without TLS whoever is no proxy would send its requests, and its key, for everybody to read.
            proxies_only: tls.is_none() && !proxies.is_empty(),
            proxies: proxies.clone(),
            strangers: Throttle::new(STRANGERS_TOLD_EVERY),
            counts: Arc::clone(&counts),
        };
        let going = CancellationToken::new();
        let builder = protocol::builder(&limits);
        let shared = Arc::new(Shared { router, builder, limits, proxies, tls, counts, going: going.clone() });
        let tasks = TaskTracker::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let admitted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                admitted = door.next(&listener) => admitted,
            };
            let Some((stream, ends, place)) = admitted else { continue };
            let attending = attend(Arc::clone(&shared), stream, ends);
            tasks.spawn(async move {
                attending.await;
                drop(place);
            });
        }
        drop(listener);
        drain.begin();
        going.cancel();
        tasks.close();
        let deadline = Instant::now().checked_add(limits.drain).unwrap_or_else(Instant::now);
        let end = async {
            tasks.wait().await;
            drain.finished().await;
        };
        timeout_at(deadline, end).await.map_err(|_| NotDrained { requests: drain.running() })
    }
}

/// Who comes in.
struct Door {
    slots: Slots,
    permits: Arc<Semaphore>,
    room_timeout: Duration,
    proxies_only: bool,
    proxies: Proxies,
    /// How often it is told that somebody was no proxy.
    strangers: Throttle,
    counts: Arc<Counts>,
}

/// The place of a connection, handshake included, until it is dropped.
struct Place {
    _slot: Option<Slot>,
    _permit: OwnedSemaphorePermit,
    counts: Arc<Counts>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counts.note(Counted::ConnectionEnded);
    }
}

impl Door {
    /// The next connection, unless it is refused; then it is closed at once.
    ///
    /// A source that has its share is refused before it is asked whether the server has room, so that it cannot keep
    /// others waiting for the room. Only when many sources together have filled the server does a newcomer wait, and
    /// those behind it with it: in the order in which they came, and no longer than the time says.
    async fn next(&self, listener: &TcpListener) -> Option<(TcpStream, Ends, Place)> {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                self.counts.note(Counted::AcceptFailed);
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_REST).await;
                return None;
            }
        };
        let peer = peer.ip();
        let is_proxy = self.proxies.contain(peer);
        if self.proxies_only && !is_proxy {
            self.counts.note(Counted::NotAProxy);
            // Citizens come through the proxies, so this is a machine of the inner network: most often a proxy that
            // nobody has named, whose operator would see nothing but closed connections.
            if self.strangers.lets_through(Instant::now()) {
                tracing::warn!(%peer, "a connection from {peer} was not taken: it is in none of [server] trusted_proxies");
            }
            return None;
        }
        // A proxy brings the connections of many.
        let slot = if is_proxy { None } else { Some(self.slots.take(Source::of(peer)).or_else(|| self.full())?) };
        let permit = timeout(self.room_timeout, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            self.counts.note(Counted::ServerFull);
            return None;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it began");
        }
        let is_local = stream.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback());
        self.counts.note(Counted::ConnectionTaken);
        let place = Place { _slot: slot, _permit: permit, counts: Arc::clone(&self.counts) };
        Some((stream, Ends { peer, is_local }, place))
    }

    fn full(&self) -> Option<Slot> {
        self.counts.note(Counted::SourceFull);
        None
    }
}
