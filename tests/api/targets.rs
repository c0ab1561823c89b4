//! What a request must name, and heads that two readers could read in two ways.

use http::{Method, Request, StatusCode};
use http_body_util::Empty;
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use zahlstelle::http::Counted;

use crate::{client::Portal, house::House};

#[tokio::test(flavor = "multi_thread")]
async fn only_hosts_of_ours_are_served() {
    let house = House::open(1).await;
    let port = house.address.port();
    for host in ["127.0.0.1", "localhost", "localhost:1", "[::1]:8080", &format!("127.0.0.1:{port}")] {
        let answer = asked(&house, &format!("GET /openapi.yaml HTTP/1.1\r\nhost: {host}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{host}: {answer}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "zahlung.example.org"] {
        for path in ["/openapi.yaml", "/v1/payments", "/nothing"] {
            let answer = asked(&house, &format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 421") && answer.contains("wrong_host"), "{host}{path}: {answer}");
            assert!(answer.contains("request-id: ") && !answer.contains("evil"), "{answer}");
        }
        let page = asked(&house, &format!("GET /pay/x HTTP/1.1\r\nhost: {host}\r\n")).await;
        assert!(page.starts_with("HTTP/1.1 421") && page.contains("text/html"), "{page}");
        // Whoever watches over the service asks an address.
        let health = asked(&house, &format!("GET /health/live HTTP/1.1\r\nhost: {host}\r\n")).await;
        assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    }
    assert_eq!(house.counts.of(Counted::WrongHost), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_host_and_a_path_are_understood() {
    let house = House::open(1).await;
    for head in [
        "GET http://127.0.0.1/openapi.yaml HTTP/1.1\r\nhost: 127.0.0.1\r\n",
        "GET http://evil.example/openapi.yaml HTTP/1.1\r\nhost: 127.0.0.1\r\n",
        "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n",
        "CONNECT 127.0.0.1:443 HTTP/1.1\r\nhost: 127.0.0.1:443\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: 127.0.0.1\r\n",
        "GET /openapi.yaml HTTP/1.1\r\n",
        "GET /openapi.yaml HTTP/1.0\r\n",
        "GET /openapi.yaml HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: 127.0.0.1\r\n",
        "GET /openapi.yaml HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n",
        "GET /openapi.yaml HTTP/1.1\r\nhost: x@127.0.0.1\r\n",
        "GET /openapi.yaml HTTP/1.1\r\nhost: 127.0.0.1/x\r\n",
        "GET /openapi.yaml HTTP/1.1\r\nhost:\r\n",
    ] {
        let answer = asked(&house, head).await;
        assert!(answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.0 400"), "{head}: {answer}");
        assert!(answer.contains("target_invalid"), "{head}: {answer}");
    }
    assert_eq!(house.counts.of(Counted::TargetInvalid), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_names_its_host_beside_the_path() {
    let house = House::open(1).await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let mut client = JoinSet::new();
    client.spawn(connection);
    for (authority, host, status) in [
        ("127.0.0.1", None, 200),
        ("127.0.0.1", Some("127.0.0.1"), 200),
        ("127.0.0.1", Some("evil.example"), 400),
        ("evil.example", None, 421),
    ] {
        let mut request = Request::get(format!("http://{authority}/openapi.yaml"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = requests.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::from_u16(status).unwrap(), "{authority} {host:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_one_length() {
    let house = House::open(1).await;
    let bearer = house.portal().await.bearer().unwrap();
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {bearer}\r\nidempotency-key: key\r\n\
         content-type: application/json\r\n"
    );
    // With both the chunks count, as the standard wants it, and the connection ends: what a proxy may have taken for
    // the rest of the body is never read as a request.
    let hidden = "GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    for lengths in
        ["content-length: 60\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 3"]
    {
        let answer = exchanged(&house, &format!("{head}{lengths}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{hidden}")).await;
        assert!(answer.starts_with("HTTP/1.1 422") && answer.contains("validation_failed"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
    for lengths in [
        "content-length: 2\r\ncontent-length: 3",
        "content-length: 2, 3",
        "content-length: +2",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked, identity",
    ] {
        let answer = exchanged(&house, &format!("{head}{lengths}\r\n\r\n{{}}{hidden}")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{lengths}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{lengths}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_told_so() {
    let house = House::open(1).await;
    let portal = Portal::new(house.address, None);
    let long = format!("/v1/payments?reference={}", "x".repeat(8 << 10));
    portal.send(Method::GET, &long, &[], "").await.problem(414, "target_too_long");
    let cookie = format!("GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: a={}\r\n", "x".repeat(33 << 10));
    let answer = asked(&house, &cookie).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    // Over HTTP/2 as well.
    let stream = TcpStream::connect(house.address).await.unwrap();
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let mut client = JoinSet::new();
    client.spawn(connection);
    let request = Request::get("http://127.0.0.1/health/live").header("cookie", "x".repeat(33 << 10));
    let answer = requests.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await;
    match answer {
        Ok(answer) => assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        // The client's own library may keep to what the server has announced.
        Err(error) => assert!(!error.is_timeout(), "{error}"),
    }
}

/// What comes back for a head, until the server closes.
async fn asked(house: &House, head: &str) -> String {
    exchanged(house, &format!("{head}connection: close\r\n\r\n")).await
}

async fn exchanged(house: &House, bytes: &str) -> String {
    let mut client = TcpStream::connect(house.address).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = client.write_all(bytes.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
