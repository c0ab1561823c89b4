//! The accept loop and one connection.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::{is_loopback, shared::Shared};
use crate::exchange::{Delivery, Origin, Request, Response};

/// The largest body of a request, in bytes.
const REQUEST_BODY_BYTES_MAX: usize = 1024 * 1024;
/// How many connections are open at once; more wait.
const CONNECTIONS_MAX: usize = 512;
/// How long the head of a request may take, in seconds.
const HEADER_READ_SECONDS: u64 = 10;
/// How long the body of a request may take, in seconds.
const BODY_READ_SECONDS: u64 = 10;
/// How long a stopping twin waits for the requests that it has begun to answer, in seconds.
const STOP_SECONDS: u64 = 5;
/// How long an answer may be held back by a fault, in milliseconds.
const DELAY_MILLIS_MAX: u64 = 10 * 60 * 1000;
/// The pause after the system could not accept, e.g. because of too many open files, in milliseconds.
const ACCEPT_PAUSE_MILLIS: u64 = 50;

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
enum Hangup {
    #[error("a fault broke the connection")]
    Fault,
    #[error("the twin is stopping")]
    Stopping,
}

/// Serves until told to stop, then lets the open connections finish their answers.
pub(super) async fn run(socket: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => break,
            _ = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&socket, &slots) => accepted,
        };
        if let Some((stream, peer, slot)) = accepted {
            let shared = Arc::clone(&shared);
            let stopped = stopped.clone();
            connections.spawn(async move {
                connection(stream, peer, shared, stopped).await;
                drop(slot);
            });
        }
    }
    while connections.join_next().await.is_some() {}
}

/// The next connection with its slot, or nothing when the system could not accept.
async fn accept(
    socket: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    let Ok((stream, peer)) = socket.accept().await else {
        tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MILLIS)).await;
        return None;
    };
    Some((stream, peer, slot))
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let origin = if is_loopback(peer.ip()) { Origin::Loopback } else { Origin::Elsewhere };
    let stopping = stopped.clone();
    let service = service_fn(move |request| answer(request, origin, Arc::clone(&shared), stopping.clone()));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEADER_READ_SECONDS))
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    // How a connection ends is the client's affair: the state has long been decided.
    tokio::select! {
        biased;
        _ = serving.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => serving.as_mut().graceful_shutdown(),
    }
    tokio::time::timeout(Duration::from_secs(STOP_SECONDS), serving).await.ok();
}

async fn answer(
    request: hyper::Request<Incoming>,
    origin: Origin,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) -> Result<hyper::Response<Full<Bytes>>, Hangup> {
    let (head, body) = request.into_parts();
    let reading = Limited::new(body, REQUEST_BODY_BYTES_MAX).collect();
    let body = match tokio::time::timeout(Duration::from_secs(BODY_READ_SECONDS), reading).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Ok(refused(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => return Ok(refused(StatusCode::REQUEST_TIMEOUT)),
    };
    let request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body: body.to_bytes().to_vec(),
        origin,
    };
    let response = shared.handle(&request);
    match response.delivery {
        Delivery::Answer => {}
        Delivery::Delay { millis } => {
            let pause = tokio::time::sleep(Duration::from_millis(millis.min(DELAY_MILLIS_MAX)));
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return Err(Hangup::Stopping),
                () = pause => {}
            }
        }
        Delivery::DropConnection | Delivery::RefuseConnection => return Err(Hangup::Fault),
    }
    Ok(carry(response))
}

fn carry(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut carried = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *carried.status_mut() = response.status;
    *carried.headers_mut() = response.headers;
    carried
}

fn refused(status: StatusCode) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}
