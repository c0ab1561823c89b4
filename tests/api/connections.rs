//! Clients that hang up, are slow, or come while the server goes.

use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use zahlstelle::http::{Limits, ListenError, NotDrained, Server};

use crate::{
    client::Portal,
    house::{House, limits, new_payment},
};

/// Soon enough for a test that waits for it, and late enough for a busy machine.
const SOON: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn b7_a_client_that_hangs_up_changes_nothing() {
    // With one connection at a time the next one proves that the server has let go of the one before.
    let house = House::open_with(1, Limits { connections_max: 1, ..limits() }, |tenant| tenant).await;
    let id = house.create(&house.portal().await, "13.00").await;
    let portal = house.portal().await;
    let body = json!({"method": "card"}).to_string();
    let head = format!(
        "POST /v1/payments/{id}/attempts HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {}\r\nidempotency-key: start\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        portal.bearer().unwrap(),
        body.len()
    );
    // The intent is written, the provider has not been asked yet.
    house.gate.hold_after(1);
    let mut client = TcpStream::connect(house.address).await.unwrap();
    client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    house.gate.until_held().await;
    drop(client);
    assert_eq!(portal.get("/health/live").await.status, 200);
    assert_eq!(house.drain.running(), 1, "the work goes on without its client");
    house.gate.release();
    while house.drain.running() > 0 {
        tokio::task::yield_now().await;
    }
    // By its id and by its key the client learns what became of it.
    let payment = portal.get(&format!("/v1/payments/{id}")).await.expect(200);
    assert_eq!(payment["state"], "processing");
    let again = portal.post_raw(&format!("/v1/payments/{id}/attempts"), "start", body).await;
    assert!(again.is_replayed());
    house.stage.decide(again.expect(201)["next_action"]["url"].as_str().unwrap(), "approve");
    house.stage.settle().await;
    assert_eq!(portal.get(&format!("/v1/payments/{id}")).await.expect(200)["state"], "paid");
    assert_eq!(house.stage.transactions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn b7_a_client_that_does_not_wait_finds_the_payment_under_its_key() {
    let house = House::open_with(1, Limits { request_timeout: SOON, ..limits() }, |tenant| tenant).await;
    let portal = house.portal().await;
    house.gate.hold_after(0);
    let timed_out = portal.post("/v1/payments", "key", &new_payment("13.00")).await;
    timed_out.problem(504, "request_timeout");
    house.gate.release();
    while house.drain.running() > 0 {
        tokio::task::yield_now().await;
    }
    let again = portal.post("/v1/payments", "key", &new_payment("13.00")).await;
    assert!(again.is_replayed());
    again.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn b7_a_server_that_goes_also_waits_for_work_whose_client_has_gone() {
    let bounds = Limits { connections_max: 1, drain: Duration::ZERO, ..limits() };
    let mut house = House::open_with(1, bounds, |tenant| tenant).await;
    let bearer = house.portal().await.bearer().unwrap();
    let body = new_payment("13.00").to_string();
    house.gate.hold_after(0);
    let mut client = TcpStream::connect(house.address).await.unwrap();
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {bearer}\r\nidempotency-key: key\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    house.gate.until_held().await;
    drop(client);
    assert_eq!(Portal::new(house.address, None).get("/health/live").await.status, 200);
    house.stop();
    assert_eq!(house.gone().await, Err(NotDrained { requests: 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_answers_what_it_has_begun_and_takes_nothing_new() {
    let mut house = House::open(1).await;
    let portal = house.portal().await;
    let mut running = JoinSet::new();
    let waiting = portal.clone();
    running.spawn(async move { waiting.get("/v1/events?wait_seconds=30").await });
    while house.drain.running() < 1 {
        tokio::task::yield_now().await;
    }
    house.gate.hold_after(0);
    let slow = portal.clone();
    running.spawn(async move { slow.post("/v1/payments", "key", &new_payment("13.00")).await });
    house.gate.until_held().await;
    house.stop();
    // The waiting one is answered at once, with nothing, because only the server's end could wake it.
    let feed = running.join_next().await.unwrap().unwrap();
    assert_eq!(feed.expect(200), json!({"data": [], "next_after": 0}));
    assert_eq!(TcpStream::connect(house.address).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    house.gate.release();
    running.join_next().await.unwrap().unwrap().expect(201);
    assert_eq!(house.gone().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_waits_no_longer_than_it_may() {
    let mut house = House::open_with(1, Limits { drain: Duration::ZERO, ..limits() }, |tenant| tenant).await;
    let portal = house.portal().await;
    house.gate.hold_after(0);
    let mut running = JoinSet::new();
    running.spawn(async move { portal.post("/v1/payments", "key", &new_payment("13.00")).await });
    house.gate.until_held().await;
    house.stop();
    assert_eq!(house.gone().await, Err(NotDrained { requests: 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_and_slow_clients_are_let_go() {
    let soon = Limits { head_timeout: SOON, body_timeout: SOON, ..limits() };
    let house = House::open_with(1, soon, |tenant| tenant).await;
    for begun in ["", "G", "PRI * HT", "PRI * HTTP/2.0\r\n\r\n", "GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n"] {
        let mut client = TcpStream::connect(house.address).await.unwrap();
        client.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{begun:?}: {}", String::from_utf8_lossy(&answer));
    }
    let portal = house.portal().await;
    let mut client = TcpStream::connect(house.address).await.unwrap();
    let bearer = portal.bearer().unwrap();
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {bearer}\r\ncontent-length: 100\r\n\r\n{{"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_too_slow"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_only_answer_pings_are_let_go() {
    let bounds = Limits { connections_max: 1, idle_timeout: SOON, ..limits() };
    let house = House::open_with(1, bounds, |tenant| tenant).await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let mut client = JoinSet::new();
    client.spawn(connection);
    let request = Request::get(format!("http://{}/health/live", house.address)).body(Empty::<Bytes>::new()).unwrap();
    let answer = requests.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.into_body().collect().await.unwrap();
    // The client keeps its end and answers whatever it is asked; the server bids it farewell all the same.
    client.join_next().await.unwrap().unwrap().unwrap();
    assert!(requests.is_closed());
    // Its place is free for somebody else.
    assert_eq!(Portal::new(house.address, None).get("/health/live").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_take_no_answer_are_let_go() {
    let bounds = Limits { connections_max: 1, idle_timeout: SOON, ..limits() };
    let house = House::open_with(1, bounds, |tenant| tenant).await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(1);
    let (mut requests, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let mut client = JoinSet::new();
    client.spawn(connection);
    let request = Request::get(format!("http://{}/openapi.yaml", house.address)).body(Empty::<Bytes>::new()).unwrap();
    // The answer has begun, and all but its first byte waits for the client to make room.
    let answer = requests.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(Portal::new(house.address, None).get("/health/live").await.status, 200);
    drop(answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_its_time_is_not_idle() {
    let bounds = Limits { connections_max: 1, idle_timeout: SOON, ..limits() };
    let house = House::open_with(1, bounds, |tenant| tenant).await;
    let portal = house.portal().await;
    // It waits for longer than a connection may be idle.
    portal.get("/v1/events?wait_seconds=1").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_bounds() {
    let house = House::open(1).await;
    let many = "x: y\r\n".repeat(100);
    let large = format!("x: {}\r\n", "y".repeat(64 << 10));
    for headers in [many, large] {
        let mut client = TcpStream::connect(house.address).await.unwrap();
        let request = format!("GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{headers}\r\n");
        // The server may close before it has read everything.
        let _ = client.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 431");
        assert!(refused, "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_told_so() {
    let house = House::open(1).await;
    let taken = Server::bind(house.address, limits()).await.unwrap_err();
    assert!(matches!(taken, ListenError::InUse { .. }));
    assert_eq!(taken.to_string(), format!("{} is in use by another program", house.address));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_description_need_no_key() {
    let house = House::open(1).await;
    let nobody = Portal::new(house.address, None);
    let live = nobody.get("/health/live").await;
    assert_eq!((live.status, live.body.as_ref()), (200, b"ok\n".as_slice()));
    assert!(live.header("request-id").is_some());
    assert_eq!(nobody.get("/health/ready").await.expect(200)["status"], "ready");
    house.drain.begin();
    assert_eq!(nobody.get("/health/ready").await.expect(503)["status"], "not_ready");
    assert_eq!(nobody.get("/health/live").await.status, 200);
    let description = nobody.get("/openapi.yaml").await;
    assert_eq!((description.status, description.header("content-type")), (200, Some("application/yaml")));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_carried_like_every_request() {
    let soon = Limits { body_timeout: SOON, ..limits() };
    let house = House::open_with(1, soon, |tenant| tenant).await;
    let portal = house.portal().await;
    let created = portal.post("/v1/payments", "key", &new_payment("13.00")).await.expect(201);
    let page = created["checkout_url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().to_owned();
    let shown = portal.get(&page).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(shown.header("request-id").is_some());
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let large = portal.send(http::Method::POST, &page, &form, vec![b'x'; 70_000]).await;
    assert_eq!((large.status, large.header("content-type")), (413, Some("text/html; charset=utf-8")));
    let mut client = TcpStream::connect(house.address).await.unwrap();
    let head = format!("POST {page} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\nmethod=");
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}
