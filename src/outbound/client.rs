//! The HTTP client towards providers: bounded in time, size and number, without redirects and without retries.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use zahlstelle_contract::{
    outcome::{NotSentCause, UnknownCause},
    transport::{HttpMethod, HttpRequest, HttpResponse, Transport, TransportError},
};

/// What a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long name resolution, connection and TLS handshake may take.
    pub connect_timeout: Duration,
    /// How long a whole call may take.
    pub call_timeout: Duration,
    /// How large an answer may be.
    pub response_bytes_max: usize,
    /// How many connections are kept for the next call.
    pub idle_connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(10),
            response_bytes_max: 256 * 1_024,
            idle_connections_max: 16,
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The trust store of the machine cannot be read.
    #[error("the machine's trusted certificates cannot be read")]
    TrustStore(#[from] std::io::Error),
}

/// The client. One is made for each provider account, so that a slow provider can exhaust only its own calls.
#[derive(Clone, Debug)]
pub struct Client {
    pool: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: Limits,
    calls: Arc<Semaphore>,
}

impl Client {
    /// A client that makes at most `calls_max` calls at a time.
    pub fn new(limits: Limits, calls_max: u16) -> Result<Self, ClientError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(limits.connect_timeout));
        http.set_nodelay(true);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(provider)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(limits.idle_connections_max)
            .build(connector);
        Ok(Self { pool, limits, calls: Arc::new(Semaphore::new(usize::from(calls_max))) })
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> Result<HttpResponse, TransportError> {
        let response = self.pool.request(request).await.map_err(|error| sort(&error))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), self.limits.response_bytes_max).collect().await;
        let body = body.map_err(|error| {
            let too_large = error.downcast_ref::<LengthLimitError>().is_some();
            TransportError::NoAnswer(if too_large { UnknownCause::Unreadable } else { UnknownCause::ConnectionLost })
        })?;
        Ok(HttpResponse { status, body: body.to_bytes().to_vec() })
    }
}

#[async_trait]
impl Transport for Client {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let request = build(request).ok_or(TransportError::NotSent(NotSentCause::BadRequest))?;
        // Waiting for a free call would only move the queue in front of the caller's own deadline.
        let _call = self.calls.try_acquire().map_err(|_| TransportError::NotSent(NotSentCause::Busy))?;
        match tokio::time::timeout(self.limits.call_timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            // The time may have run out while connecting, but nobody can say so: it may have been sent.
            Err(_) => Err(TransportError::NoAnswer(UnknownCause::Timeout)),
        }
    }
}

fn build(request: HttpRequest) -> Option<http::Request<Full<Bytes>>> {
    let method = match request.method {
        HttpMethod::Get => http::Method::GET,
        HttpMethod::Post => http::Method::POST,
        HttpMethod::Patch => http::Method::PATCH,
    };
    let mut builder = http::Request::builder().method(method).uri(request.url);
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    for (name, value) in &request.secret_headers {
        let mut value = http::HeaderValue::from_str(value.expose_secret()).ok()?;
        value.set_sensitive(true);
        builder = builder.header(*name, value);
    }
    builder.body(Full::new(Bytes::from(request.body))).ok()
}

/// Whether anything can have left: only a failed connection proves that nothing has.
fn sort(error: &legacy::Error) -> TransportError {
    if error.is_connect() {
        TransportError::NotSent(NotSentCause::NoConnection)
    } else {
        TransportError::NoAnswer(UnknownCause::ConnectionLost)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

    use super::*;

    fn post(url: String) -> HttpRequest {
        let headers = vec![("content-type", "application/json".to_owned())];
        HttpRequest { method: HttpMethod::Post, url, headers, secret_headers: Vec::new(), body: b"{}".to_vec() }
    }

    fn client(limits: Limits) -> Client {
        Client::new(limits, 1).unwrap()
    }

    #[tokio::test]
    async fn b5_a_refused_connection_was_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let answer = client(Limits::default()).send(post(format!("http://{address}/"))).await;
        assert_eq!(answer.unwrap_err(), TransportError::NotSent(NotSentCause::NoConnection));
    }

    #[tokio::test]
    async fn b5_a_connection_that_breaks_after_the_request_is_unknown_and_not_repeated() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = async {
            let mut connections = 0;
            let (mut stream, _) = listener.accept().await.unwrap();
            connections += 1;
            let mut buffer = [0; 1_024];
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            drop(stream);
            connections
        };
        let client = client(Limits::default());
        let (answer, connections) = tokio::join!(client.send(post(format!("http://{address}/"))), server);
        assert_eq!(answer.unwrap_err(), TransportError::NoAnswer(UnknownCause::ConnectionLost));
        assert_eq!(connections, 1);
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_unknown() {
        let server = MockServer::start().await;
        let slow = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
        Mock::given(matchers::any()).respond_with(slow).mount(&server).await;
        let limits = Limits { call_timeout: Duration::from_millis(50), ..Limits::default() };
        let answer = client(limits).send(post(server.uri())).await;
        assert_eq!(answer.unwrap_err(), TransportError::NoAnswer(UnknownCause::Timeout));
    }

    #[tokio::test]
    async fn redirects_are_answers_and_large_answers_are_unreadable() {
        let server = MockServer::start().await;
        let moved = ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/");
        Mock::given(matchers::path("/moved")).respond_with(moved).mount(&server).await;
        let large = ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 2_000]);
        Mock::given(matchers::path("/large")).respond_with(large).mount(&server).await;
        let client = client(Limits { response_bytes_max: 1_000, ..Limits::default() });
        assert_eq!(client.send(post(format!("{}/moved", server.uri()))).await.unwrap().status, 302);
        let answer = client.send(post(format!("{}/large", server.uri()))).await;
        assert_eq!(answer.unwrap_err(), TransportError::NoAnswer(UnknownCause::Unreadable));
    }

    #[tokio::test]
    async fn more_calls_than_allowed_are_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let client = client(Limits::default());
        let first = client.send(post(url.clone()));
        let second = async {
            // The first call holds its place from the moment it has connected.
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 1_024];
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            let refused = client.send(post(url.clone())).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            refused
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(second.unwrap_err(), TransportError::NotSent(NotSentCause::Busy));
        assert_eq!(first.unwrap().status, 200);
    }
}
