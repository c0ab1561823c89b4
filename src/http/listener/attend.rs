//! One connection, from the first byte to its end.

use std::{convert::Infallible, io, net::IpAddr, pin::pin, sync::Arc};

use axum::{Router, body::Body};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto::Builder, graceful::GracefulConnection},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    Limits,
    activity::{Activity, Answer},
    patience::Patient,
};
use crate::http::{
    Counted, Counts,
    source::{Peer, Proxies, Source},
    tls::Tls,
};

/// What every connection of a listener shares.
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) builder: Builder<TokioExecutor>,
    pub(super) limits: Limits,
    pub(super) proxies: Proxies,
    pub(super) tls: Option<Tls>,
    pub(super) counts: Arc<Counts>,
    pub(super) going: CancellationToken,
}

/// Who has connected, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) peer: IpAddr,
    /// Whether the connection was made on this machine.
    pub(super) is_local: bool,
}

/// Why a connection is not carried on.
#[derive(Clone, Copy, Debug)]
enum Leave {
    /// Nothing has come of it.
    Silent,
    /// It has had no request for too long.
    Idle,
    /// Its answers are not taken.
    Untaken,
    /// Its requests are given up.
    Abandoned,
    /// The server goes.
    Going,
}

/// Carries a connection, after the handshake where there is one.
pub(super) async fn attend(shared: Arc<Shared>, stream: TcpStream, ends: Ends) {
    let stream = Patient::new(stream, shared.limits.write_timeout);
    let Some(tls) = &shared.tls else { return carry(&shared, stream, ends).await };
    let handshake = timeout(shared.limits.handshake_timeout, tls.acceptor().accept(stream));
    let shaken = tokio::select! {
        biased;
        () = shared.going.cancelled() => return,
        shaken = handshake => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => carry(&shared, stream, ends).await,
        Ok(Err(error)) => {
            shared.counts.note(Counted::HandshakeFailed);
            tracing::debug!(%error, "a handshake came to nothing");
        }
        Err(_) => shared.counts.note(Counted::HandshakeTimeout),
    }
}

/// Before the version of the protocol is known the builder has no timeout of its own, over HTTP/2 it is content with a
/// peer that answers pings, and it never asks whether an answer is taken; so all these are let go here.
async fn carry<S>(shared: &Shared, stream: S, ends: Ends)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::default();
    let served = shared.builder.serve_connection(TokioIo::new(stream), service(shared, &activity, ends));
    let mut connection = pin!(served.into_owned());
    let leave = tokio::select! {
        biased;
        ended = &mut connection => return note(ended, &shared.counts),
        leave = leave(&activity, shared) => leave,
    };
    match leave {
        Leave::Silent => shared.counts.note(Counted::HeadTimeout),
        Leave::Untaken => shared.counts.note(Counted::WriteTimeout),
        Leave::Abandoned => shared.counts.note(Counted::RequestsAbandoned),
        Leave::Idle => {
            shared.counts.note(Counted::Idle);
            GracefulConnection::graceful_shutdown(connection.as_mut());
            // What was answered may still be on its way, but a peer that takes none of it may not keep its place.
            if let Ok(ended) = timeout(shared.limits.idle_timeout, connection).await {
                note(ended, &shared.counts);
            }
        }
        Leave::Going => {
            GracefulConnection::graceful_shutdown(connection.as_mut());
            note(connection.await, &shared.counts);
        }
    }
}

async fn leave(activity: &Activity, shared: &Shared) -> Leave {
    let limits = &shared.limits;
    let for_its_own_sake = async {
        if timeout(limits.head_timeout, activity.first()).await.is_err() {
            return Leave::Silent;
        }
        activity.idle_for(limits.idle_timeout).await;
        Leave::Idle
    };
    tokio::select! {
        () = shared.going.cancelled() => Leave::Going,
        leave = for_its_own_sake => leave,
        () = activity.unsent_for(limits.answer_timeout) => Leave::Untaken,
        () = activity.abandoned() => Leave::Abandoned,
    }
}

/// The router as a service that knows who asks, and notes what its connection is doing.
fn service(
    shared: &Shared,
    activity: &Activity,
    ends: Ends,
) -> impl hyper::service::Service<
    hyper::Request<Incoming>,
    Response = hyper::Response<Answer>,
    Error = Infallible,
    Future: Send + 'static,
>
+ Send
+ 'static
+ use<> {
    let (router, proxies) = (shared.router.clone(), shared.proxies.clone());
    let activity = activity.clone();
    service_fn(move |request: hyper::Request<Incoming>| {
        let running = activity.begin();
        let activity = activity.clone();
        let source = Source::of(proxies.client(ends.peer, request.headers()));
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer { source, is_local: ends.is_local });
        let answer = router.clone().oneshot(request);
        async move {
            let answer = answer.await?;
            running.answered();
            Ok(answer.map(|body| activity.answer(body)))
        }
    })
}

type Ended = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Counts how a connection has ended, where that was nobody's wish.
fn note(ended: Ended, counts: &Counts) {
    let Err(error) = ended else { return };
    tracing::debug!(%error, "a connection broke");
    let causes = || {
        let first: &(dyn std::error::Error + 'static) = error.as_ref();
        std::iter::successors(Some(first), |error| error.source())
    };
    let stuck = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    let counted = if causes().filter_map(|error| error.downcast_ref::<io::Error>()).any(stuck) {
        Counted::WriteTimeout
    } else if causes()
        .filter_map(|error| error.downcast_ref::<h2::Error>())
        .any(|error| !error.is_remote() && !error.is_io())
    {
        Counted::GoAway
    } else if causes().filter_map(|error| error.downcast_ref::<hyper::Error>()).any(hyper::Error::is_timeout) {
        Counted::HeadTimeout
    } else {
        Counted::ConnectionBroken
    };
    counts.note(counted);
}
