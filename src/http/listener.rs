//! The accept loop: every limit of a connection is set here, and none is left to a default.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulConnection},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{Drain, Limits};

/// The most header fields of a request.
const HEADERS_MAX: usize = 64;
/// The most bytes of a head over HTTP/1, and the read buffer.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// The most bytes of a header list over HTTP/2.
const HEADER_LIST_BYTES_MAX: u32 = 32 << 10;
/// The most requests at a time on one connection over HTTP/2.
const STREAMS_MAX: u32 = 64;
/// How many streams a peer may open and reset before it is told to go.
const RESET_STREAMS_MAX: usize = 20;
/// How many streams we may have reset because of a peer's mistakes before it is told to go.
const LOCAL_RESET_STREAMS_MAX: usize = 256;
/// Flow control of one stream, in bytes; it bounds what we hold before a handler reads.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
/// Flow control of one connection, in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// The largest frame we take, in bytes.
const FRAME_BYTES_MAX: u32 = 16 << 10;
/// The most bytes that wait to be sent on one stream.
const SEND_BUFFER_BYTES_MAX: usize = 256 << 10;
/// How often a silent peer is asked whether it is still there.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long its answer may take.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long accepting rests after it failed, e.g. because no file descriptor was left.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A bound address that accepts no connection yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: Limits,
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

impl Server {
    /// Takes an address. Port 0 takes a free one, see [`Server::address`].
    pub async fn bind(address: SocketAddr, limits: Limits) -> Result<Self, ListenError> {
        let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address },
            io::ErrorKind::PermissionDenied => ListenError::NotAllowed { address },
            io::ErrorKind::AddrNotAvailable => ListenError::NotOurs { address },
            _ => ListenError::Other { address, source },
        })?;
        Ok(Self { listener, limits })
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
        let Self { listener, limits } = self;
        let permits = Arc::new(Semaphore::new(limits.connections_max));
        let tasks = TaskTracker::new();
        let going = CancellationToken::new();
        let builder = builder(&limits);
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = accept(&listener, &permits) => accepted,
            };
            let Some((stream, permit)) = accepted else { break };
            let activity = Activity::default();
            let connection = builder.serve_connection(TokioIo::new(stream), service(&router, &activity)).into_owned();
            let going = going.clone();
            tasks.spawn(async move {
                attend(connection, &activity, &going, &limits).await;
                drop(permit);
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

/// The next connection, once there is room for it. [`None`] never comes while the semaphore is open.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection was gone before it began");
                }
                return Some((stream, permit));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(true)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(LOCAL_RESET_STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    builder
}

/// The router as a service that notes what its connection is doing.
fn service(
    router: &Router,
    activity: &Activity,
) -> impl hyper::service::Service<
    hyper::Request<hyper::body::Incoming>,
    Response = hyper::Response<Body>,
    Error = std::convert::Infallible,
    Future: Send + 'static,
> + Send
+ 'static {
    let router = router.clone();
    let activity = activity.clone();
    service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let running = activity.begin();
        let answer = router.clone().oneshot(request.map(Body::new));
        async move {
            let answer = answer.await;
            drop(running);
            answer
        }
    })
}

/// What the requests of one connection are doing. Clones share everything.
#[derive(Clone, Debug, Default)]
struct Activity(Arc<watch::Sender<Requests>>);

#[derive(Clone, Copy, Debug, Default)]
struct Requests {
    /// Whether there was one.
    any: bool,
    /// How many are being handled.
    running: usize,
}

impl Activity {
    /// Notes a request, until what is returned is dropped, also because its client has reset the stream.
    fn begin(&self) -> Running {
        self.0.send_modify(|requests| {
            *requests = Requests { any: true, running: requests.running.saturating_add(1) };
        });
        Running(self.clone())
    }

    /// Resolves with the first request.
    async fn first(&self) {
        // The sender is in our own hands, so the wait ends with the condition and not with an error.
        let _ = self.0.subscribe().wait_for(|requests| requests.any).await;
    }

    /// Resolves once no request has been handled for so long.
    async fn idle_for(&self, time: Duration) {
        let mut changes = self.0.subscribe();
        loop {
            let _ = changes.wait_for(|requests| requests.running == 0).await;
            if timeout(time, changes.changed()).await.is_err() {
                return;
            }
        }
    }
}

/// A request that is being handled.
#[derive(Debug)]
struct Running(Activity);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.send_modify(|requests| requests.running = requests.running.saturating_sub(1));
    }
}

/// Why a connection is not carried on.
#[derive(Clone, Copy, Debug)]
enum Leave {
    /// Nothing has come of it.
    Silent,
    /// It has had no request for too long.
    Idle,
    /// The server goes.
    Going,
}

/// Carries a connection to its end. Before the version of the protocol is known the builder has no timeout of its own,
/// and over HTTP/2 it is content with a peer that answers pings, so both are let go here.
async fn attend<C>(connection: C, activity: &Activity, going: &CancellationToken, limits: &Limits)
where
    C: GracefulConnection,
    C::Error: std::fmt::Display,
{
    let mut connection = pin!(connection);
    let leave = tokio::select! {
        biased;
        ended = &mut connection => return note(ended),
        leave = leave(activity, going, limits) => leave,
    };
    match leave {
        Leave::Silent => {}
        Leave::Idle => {
            connection.as_mut().graceful_shutdown();
            // What was answered may still be on its way, but a peer that takes none of it may not keep its place.
            if let Ok(ended) = timeout(limits.idle_timeout, connection).await {
                note(ended);
            }
        }
        Leave::Going => {
            connection.as_mut().graceful_shutdown();
            note(connection.await);
        }
    }
}

async fn leave(activity: &Activity, going: &CancellationToken, limits: &Limits) -> Leave {
    let for_its_own_sake = async {
        if timeout(limits.head_timeout, activity.first()).await.is_err() {
            return Leave::Silent;
        }
        activity.idle_for(limits.idle_timeout).await;
        Leave::Idle
    };
    tokio::select! {
        () = going.cancelled() => Leave::Going,
        leave = for_its_own_sake => leave,
    }
}

fn note<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
