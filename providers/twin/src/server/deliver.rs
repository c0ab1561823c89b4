//! Posting notifications: each on a connection of its own, a few at a time, again and again as the world asks.

use std::{collections::VecDeque, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::watch, task::JoinSet};
use url::Url;

use super::shared::Shared;
use crate::outbox::OutgoingDelivery;

/// How long the receiver may take, in seconds, as Adyen documents it.
const ANSWER_SECONDS: u64 = 10;
/// How many deliveries are out at once.
const DELIVERIES_MAX: usize = 16;
/// The largest body of an answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Delivers until told to stop.
pub(super) async fn run(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut out: JoinSet<(u64, Option<u16>)> = JoinSet::new();
    let mut waiting: VecDeque<OutgoingDelivery> = VecDeque::new();
    loop {
        waiting.extend(shared.due_notifications());
        while out.len() < DELIVERIES_MAX {
            let Some(delivery) = waiting.pop_front() else { break };
            out.spawn(async move { (delivery.id, post(&delivery).await) });
        }
        let pause = pause(&shared);
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => break,
            Some(ended) = out.join_next(), if !out.is_empty() => {
                if let Ok((id, status)) = ended {
                    shared.delivered(id, status);
                }
            }
            () = shared.woken() => {}
            () = sleep(pause) => {}
        }
    }
    // What is still out is broken off; after a restart it is sent again, as nobody knows whether it arrived.
    out.shutdown().await;
}

/// How long nothing will happen by itself.
fn pause(shared: &Shared) -> Option<Duration> {
    let due = shared.next_due()?;
    Some(Duration::try_from(shared.clock.now().duration_until(due)).unwrap_or(Duration::ZERO))
}

async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// Posts one notification; the status, or nothing when there was none in time.
async fn post(delivery: &OutgoingDelivery) -> Option<u16> {
    tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS), exchange(delivery)).await.ok().flatten()
}

async fn exchange(delivery: &OutgoingDelivery) -> Option<u16> {
    let url = Url::parse(&delivery.url).ok()?;
    let addresses = url.socket_addrs(|| None).ok()?;
    let stream = TcpStream::connect(addresses.as_slice()).await.ok()?;
    let (mut sender, connection) = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.ok()?;
    let mut request = hyper::Request::builder()
        .method(Method::POST)
        .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(header::HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
        .header(header::CONNECTION, "close");
    for (name, value) in &delivery.headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(delivery.body.clone()))).ok()?;
    let answer = async {
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        // The body is read so that the receiver sees its answer taken; what it says does not matter.
        Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.ok();
        Some(status)
    };
    let mut answer = pin!(answer);
    tokio::select! {
        biased;
        status = &mut answer => status,
        // A receiver that closes the connection with its answer ends both in the same moment; the answer has arrived.
        _ = connection => answer.await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Posts to a receiver that gives these bytes back and closes the connection.
    async fn posted(answer: &'static [u8]) -> Option<u16> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let delivery = OutgoingDelivery { id: 1, url, headers: Vec::new(), body: b"{}".to_vec() };
        let receiver = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut taken = Vec::new();
            while !taken.ends_with(b"{}") {
                assert!(stream.read_buf(&mut taken).await.unwrap() > 0);
            }
            stream.write_all(answer).await.unwrap();
        };
        tokio::join!(post(&delivery), receiver).0
    }

    #[tokio::test]
    async fn an_answer_that_closes_its_connection_is_an_answer() {
        let whole = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\n[accepted]";
        assert_eq!(posted(whole).await, Some(200));
        assert_eq!(posted(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[accepted]").await, Some(200));
        assert_eq!(posted(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await, Some(503));
        assert_eq!(posted(b"").await, None);
    }
}
