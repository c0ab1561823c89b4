//! Clients that take nothing of what they have asked for, or ask and do not wait.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::Bytes,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};
use zahlstelle::http::{Counted, Limits};

use crate::{
    client::Portal,
    house::{House, limits},
};

/// Soon enough for a test that waits for it, and late enough for a busy machine.
const SOON: Duration = Duration::from_millis(300);
/// So many answers of some 60 kB are more than the operating system takes for a client that reads nothing.
const PIPELINED: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_cut_off() {
    let house = House::open_with(1, Limits { write_timeout: SOON, ..limits() }, |tenant| tenant).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut client = socket.connect(house.address).await.unwrap();
    let request = "GET /openapi.yaml HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".repeat(PIPELINED);
    // The server stops reading once it cannot write.
    let _ = client.write_all(request.as_bytes()).await;
    while house.counts.of(Counted::WriteTimeout) == 0 {
        tokio::task::yield_now().await;
    }
    while house.counts.connections_open() > 0 {
        tokio::task::yield_now().await;
    }
    let mut answers = Vec::new();
    let _ = client.read_to_end(&mut answers).await;
    let description = Portal::new(house.address, None).get("/openapi.yaml").await.body.len();
    assert!(answers.len() < PIPELINED * description, "everything came: {} bytes", answers.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_what_it_asked_for_gets_everything() {
    let house = House::open(1).await;
    let mut client = TcpStream::connect(house.address).await.unwrap();
    let mut request = "GET /openapi.yaml HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".repeat(PIPELINED);
    request.push_str("GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    let (mut reader, mut writer) = client.split();
    let writing = async { writer.write_all(request.as_bytes()).await.unwrap() };
    let mut answers = Vec::new();
    let reading = async { reader.read_to_end(&mut answers).await.unwrap() };
    tokio::join!(writing, reading);
    assert!(answers.ends_with(b"ok\n"));
    assert_eq!(house.counts.of(Counted::WriteTimeout), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_takes_nothing_is_cut_off_though_its_connection_is_busy() {
    let house = House::open_with(1, Limits { answer_timeout: SOON, ..limits() }, |tenant| tenant).await;
    let (mut requests, mut client) = http_2(&house, 1).await;
    let held = requests.send_request(get(&house, "/openapi.yaml", None)).await.unwrap();
    // The client goes on asking for what needs no room, so the connection is never idle and always gets on.
    while requests.ready().await.is_ok() {
        let Ok(answer) = requests.send_request(get(&house, "/health/ready", None)).await else { break };
        drop(answer);
    }
    let _ = client.join_next().await.unwrap().unwrap();
    assert_eq!(house.counts.of(Counted::WriteTimeout), 1);
    assert!(held.into_body().collect().await.is_err(), "the rest of the answer never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_gives_up_what_it_has_asked_for_is_bidden_farewell() {
    let house = House::open(1).await;
    let bearer = house.portal().await.bearer().unwrap();
    let (mut requests, mut client) = http_2(&house, 65_535).await;
    let mut begun = 0;
    while requests.ready().await.is_ok() {
        let asked = requests.send_request(get(&house, "/v1/events?wait_seconds=30", Some(&bearer)));
        begun += 1;
        assert!(begun < 250, "nobody stops it");
        // The work has begun before it is given up, so the library's own count of resets never sees it.
        while house.drain.running() < begun && !requests.is_closed() {
            tokio::task::yield_now().await;
        }
        drop(asked);
    }
    let _ = client.join_next().await.unwrap().unwrap();
    assert_eq!(house.counts.of(Counted::RequestsAbandoned), 1);
    assert_eq!(Portal::new(house.address, None).get("/health/live").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_reset_at_once_end_the_connection() {
    let house = House::open(1).await;
    let mut client = TcpStream::connect(house.address).await.unwrap();
    // The preface, empty settings, and then streams that are opened and reset before anybody looks (RFC 9113).
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    // :method GET, :scheme http, :path /, and :authority 127.0.0.1 as a literal.
    let mut head = vec![0x82, 0x86, 0x84, 0x41, 9];
    head.extend(b"127.0.0.1");
    for number in 0..2_000_u32 {
        let stream = (number * 2 + 1).to_be_bytes();
        bytes.extend([0, 0, u8::try_from(head.len()).unwrap(), 1, 5]);
        bytes.extend(stream);
        bytes.extend(&head);
        bytes.extend([0, 0, 4, 3, 0]);
        bytes.extend(stream);
        bytes.extend(8_u32.to_be_bytes());
    }
    let _ = client.write_all(&bytes).await;
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    while house.counts.connections_open() > 0 {
        tokio::task::yield_now().await;
    }
    let cut = house.counts.of(Counted::GoAway) + house.counts.of(Counted::RequestsAbandoned);
    assert_eq!(cut, 1, "{:?}", house.counts);
}

async fn http_2(house: &House, window: u32) -> (SendRequest<Empty<Bytes>>, JoinSet<Result<(), hyper::Error>>) {
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (requests, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let mut client = JoinSet::new();
    client.spawn(connection);
    (requests, client)
}

fn get(house: &House, path: &str, bearer: Option<&str>) -> Request<Empty<Bytes>> {
    let request = Request::get(format!("http://{}{path}", house.address));
    let request = bearer.into_iter().fold(request, |request, bearer| request.header("authorization", bearer));
    request.body(Empty::new()).unwrap()
}
