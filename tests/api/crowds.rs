//! Many connections: of one source, of a proxy, of strangers.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use zahlstelle::http::{Counted, Limits};

use crate::{
    client::Portal,
    house::{House, limits},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_source_has_so_many_connections_and_others_have_theirs() {
    // There is room for all, so only the bound of the source can stand in the way.
    let house = House::open_with(1, Limits { connections_per_source_max: 2, ..limits() }, |tenant| tenant).await;
    let mut crowd = [from(&house, "127.0.0.2").await, from(&house, "127.0.0.2").await];
    // They have not even sent anything.
    let mut third = from(&house, "127.0.0.2").await;
    assert!(is_closed(&mut third).await);
    assert_eq!(house.counts.of(Counted::SourceFull), 1);
    let mut other = from(&house, "127.0.0.3").await;
    assert!(answers(&mut other).await);
    for client in &mut crowd {
        assert!(answers(client).await);
    }
    // A place that is given back is there again.
    drop(crowd);
    while house.counts.connections_open() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(answers(&mut from(&house, "127.0.0.2").await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_one_source_leaves_room_for_others() {
    let bounds = Limits { connections_max: 3, connections_per_source_max: 2, ..limits() };
    let house = House::open_with(1, bounds, |tenant| tenant).await;
    let mut flood = Vec::new();
    for _ in 0..50 {
        flood.push(from(&house, "127.0.0.2").await);
    }
    // The flood would have taken every place, and the queue behind them, had it not been refused at the door.
    assert!(answers(&mut from(&house, "127.0.0.3").await).await);
    assert_eq!(house.counts.of(Counted::SourceFull), 48);
    assert_eq!(house.counts.of(Counted::ServerFull), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_for_room_is_refused() {
    let bounds = Limits { connections_max: 1, room_timeout: Duration::ZERO, ..limits() };
    let house = House::open_with(1, bounds, |tenant| tenant).await;
    let mut first = from(&house, "127.0.0.2").await;
    assert!(answers(&mut first).await);
    assert!(is_closed(&mut from(&house, "127.0.0.3").await).await);
    assert_eq!(house.counts.of(Counted::ServerFull), 1);
    drop(first);
    while house.counts.connections_open() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(answers(&mut from(&house, "127.0.0.3").await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_only_named_proxies_may_connect() {
    let bounds = Limits { connections_per_source_max: 1, ..limits() };
    let proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let house = House::open_arranged(1, bounds, |tenant| tenant, |server| server.behind(proxies)).await;
    let mut stranger = from(&house, "127.0.0.2").await;
    assert!(is_closed(&mut stranger).await);
    assert_eq!(house.counts.of(Counted::NotAProxy), 1);
    // The proxy brings the connections of many.
    let mut connections = [from(&house, "127.0.0.1").await, from(&house, "127.0.0.1").await];
    for connection in &mut connections {
        assert!(answers(connection).await);
    }
    assert_eq!(house.counts.of(Counted::SourceFull), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_nobody_waits_for_are_bounded_too() {
    let house = House::open_with(1, Limits { requests_max: 1, ..limits() }, |tenant| tenant).await;
    let portal = house.portal().await;
    house.gate.hold_after(0);
    let mut client = TcpStream::connect(house.address).await.unwrap();
    let body = crate::house::new_payment("13.00").to_string();
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {}\r\nidempotency-key: key\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        portal.bearer().unwrap(),
        body.len()
    );
    client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    house.gate.until_held().await;
    drop(client);
    Portal::new(house.address, None).get("/v1/payments").await.problem(503, "busy");
    assert_eq!(house.counts.of(Counted::ServerBusy), 1);
    house.gate.release();
    while house.drain.running() > 0 {
        tokio::task::yield_now().await;
    }
    let again = portal.post_raw("/v1/payments", "key", body).await;
    assert!(again.is_replayed());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_bodies_slowly_takes_places_from_nobody_else() {
    let bounds = Limits { requests_max: 8, requests_per_source_max: 4, ..limits() };
    let house = House::open_with(1, bounds, |tenant| tenant).await;
    let head = "POST /hooks/adyen/adyen-test HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\n";
    let mut crowd = Vec::new();
    for _ in 0..12 {
        let mut client = from(&house, "127.0.0.2").await;
        client.write_all(head.as_bytes()).await.unwrap();
        crowd.push(client);
    }
    while house.drain.running() < 4 || house.counts.of(Counted::SourceBusy) < 8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(Portal::new(house.address, None).get("/openapi.yaml").await.status, 200, "others are served");
    assert_eq!(house.counts.of(Counted::ServerBusy), 0);
    drop(crowd);
    while house.drain.running() > 0 {
        tokio::task::yield_now().await;
    }
    let mut client = from(&house, "127.0.0.2").await;
    client.write_all(b"GET /openapi.yaml HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, *b"HTTP/1.1 200 OK", "places are given back");
}

/// A connection from an address of this machine.
pub(crate) async fn from(house: &House, address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    socket.connect(house.address).await.unwrap()
}

async fn answers(client: &mut TcpStream) -> bool {
    client.write_all(b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    client.read_exact(&mut answer).await.unwrap();
    answer == *b"HTTP/1.1 200 OK"
}

async fn is_closed(client: &mut TcpStream) -> bool {
    // A connection that is refused may be reset.
    matches!(client.read(&mut [0; 1]).await, Ok(0) | Err(_))
}
