//! Deliveries over real sockets of this machine. The public internet is played by one loopback address that the policy
//! allows, the city's inner network by another one that it does not.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    sync::Mutex,
};

use hyper_rustls::HttpsConnectorBuilder;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use super::*;

const OUTSIDE: &str = "127.0.0.1";
const INSIDE: &str = "127.0.0.2";
const OK: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// A name server that says what it was told to, in turn, and the last thing for ever.
struct Stub {
    answers: Mutex<VecDeque<Vec<&'static str>>>,
    asked: Mutex<Vec<String>>,
}

impl Stub {
    fn new<const N: usize>(answers: [&[&'static str]; N]) -> Arc<Self> {
        let answers = answers.into_iter().map(<[_]>::to_vec).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }

    fn times_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait::async_trait]
impl Resolver for Stub {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let addresses = answer.ok_or(io::ErrorKind::NotFound)?;
        Ok(addresses.iter().map(|address| address.parse().unwrap()).collect())
    }
}

/// How long a connection may take in a test in which it must not come about.
const HASTY_CONNECT: Duration = Duration::from_millis(300);

/// Limits for tests in which time must run out.
fn hasty() -> HookLimits {
    let delivery_timeout = Duration::from_millis(900);
    HookLimits { connect_timeout: HASTY_CONNECT, delivery_timeout, ..HookLimits::default() }
}

fn outside_only() -> AddressPolicy {
    AddressPolicy::new(vec![format!("{OUTSIDE}/32").parse().unwrap()])
}

fn client(limits: HookLimits, resolver: &Arc<Stub>) -> HookClient {
    HookClient::with_resolver(outside_only(), limits, Arc::clone(resolver) as Arc<dyn Resolver>).unwrap()
}

/// A client for tests in which no name is resolved.
fn plain_client(limits: HookLimits) -> HookClient {
    client(limits, &Stub::new([]))
}

async fn deliver(client: &HookClient, url: &str) -> Result<HookAnswer, HookError> {
    client.deliver(&Url::parse(url).unwrap(), &[], Bytes::from_static(b"{}")).await
}

/// A listener outside, and its address as a URL.
async fn outside() -> (TcpListener, String) {
    let listener = TcpListener::bind((OUTSIDE, 0)).await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    (listener, url)
}

/// A listener inside, which nobody may ever reach.
struct Inside(std::net::TcpListener);

impl Inside {
    fn bind(port: u16) -> Self {
        let listener = std::net::TcpListener::bind((INSIDE, port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn was_never_reached(&self) -> bool {
        self.0.accept().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Takes a connection and reads a whole request of a body of two bytes.
async fn request(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let text = next_request(&mut stream).await;
    (stream, text)
}

async fn next_request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"{}") {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0, "{}", String::from_utf8_lossy(&text));
    }
    String::from_utf8(text).unwrap()
}

/// Answers one delivery with these bytes and closes.
async fn answering(answer: &[u8]) -> Result<HookAnswer, HookError> {
    let (listener, url) = outside().await;
    let server = async {
        let (mut stream, _) = request(&listener).await;
        stream.write_all(answer).await.unwrap();
    };
    let client = plain_client(HookLimits::default());
    tokio::join!(deliver(&client, &url), server).0
}

fn blocked(class: AddressClass) -> Result<HookAnswer, HookError> {
    Err(HookError::Address(AddressError::Blocked { class }))
}

#[tokio::test]
async fn g3_what_was_given_is_sent_and_nothing_is_added() {
    let (listener, url) = outside().await;
    let client = plain_client(HookLimits::default());
    let headers = [("content-type", "application/json".to_owned()), ("webhook-id", "msg_1".to_owned())];
    let url = Url::parse(&format!("{url}?key=1")).unwrap();
    let server = async {
        let (mut stream, text) = request(&listener).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nok")
            .await
            .unwrap();
        text
    };
    let (answer, text) = tokio::join!(client.deliver(&url, &headers, Bytes::from_static(b"{}")), server);
    assert_eq!(answer, Ok(HookAnswer { status: 200, retry_after: Some(Duration::from_secs(7)) }));
    let host = listener.local_addr().unwrap();
    let expected = format!(
        "POST /hook?key=1 HTTP/1.1\r\ncontent-type: application/json\r\nwebhook-id: msg_1\r\nhost: {host}\r\n\
         content-length: 2\r\n\r\n{{}}"
    );
    assert_eq!(text, expected, "no cookie, no encoding that would have to be undone, no other header");
}

#[tokio::test]
async fn g5_a_name_of_an_inner_address_is_refused_when_connecting() {
    let inside = Inside::bind(0);
    for addresses in [[INSIDE].as_slice(), &["::ffff:127.0.0.2"], &[OUTSIDE, INSIDE], &["64:ff9b::127.0.0.2"]] {
        let stub = Stub::new([addresses]);
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://portal.example:{}/", inside.address().port());
            assert_eq!(
                deliver(&client(HookLimits::default(), &stub), &url).await,
                blocked(AddressClass::Loopback),
                "{addresses:?}"
            );
        }
        assert_eq!(stub.times_asked(), 2, "the name was resolved, so the address was refused and not the URL");
    }
    assert!(inside.was_never_reached());
}

#[tokio::test]
async fn g5_a_name_that_is_bound_anew_after_the_check_leads_nowhere() {
    let (listener, _) = outside().await;
    let inside = Inside::bind(listener.local_addr().unwrap().port());
    let stub = Stub::new([&[OUTSIDE], &[INSIDE]]);
    let client = client(HookLimits::default(), &stub);
    let url = format!("http://portal.example:{}/", inside.address().port());
    let server = async {
        let (mut stream, text) = request(&listener).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
        text
    };
    let (first, text) = tokio::join!(deliver(&client, &url), server);
    assert_eq!(first.unwrap().status, 204);
    assert!(text.contains(&format!("host: portal.example:{}\r\n", inside.address().port())), "{text}");
    assert_eq!(stub.times_asked(), 1, "a second look-up before connecting could answer otherwise than the checked one");
    assert_eq!(deliver(&client, &url).await, blocked(AddressClass::Loopback));
    assert_eq!(stub.times_asked(), 2, "the second connection met the new binding");
    assert!(inside.was_never_reached());
}

/// The URL is checked before, but the connector does not rely on it.
#[tokio::test]
async fn g5_the_connector_itself_refuses_an_address_that_meets_no_resolver() {
    let inside = Inside::bind(0);
    let limits = HookLimits::default();
    let mut connector = HookConnector::new(outside_only(), Stub::new([]), &limits, trusting_the_platform().unwrap());
    for uri in
        [format!("http://{}/", inside.address()), format!("https://[::ffff:7f00:2]:{}/", inside.address().port())]
    {
        let Err(fault) = connector.call(uri.parse().unwrap()).await else { panic!("{uri} was connected to") };
        assert!(
            matches!(fault, ConnectFault::Address(AddressError::Blocked { class: AddressClass::Loopback })),
            "{fault:?}"
        );
    }
    assert!(inside.was_never_reached());
}

#[tokio::test]
async fn g5_the_system_resolver_is_guarded_as_well() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let client = HookClient::new(AddressPolicy::default(), HookLimits::default()).unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    assert_eq!(deliver(&client, &url).await, blocked(AddressClass::Loopback));
    assert!(listener.accept().is_err());
}

#[tokio::test]
async fn g5_a_redirect_is_an_answer_and_is_not_followed() {
    let inside = Inside::bind(0);
    for status in [301, 302, 303, 307, 308] {
        let moved =
            format!("HTTP/1.1 {status} Moved\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", inside.address());
        let answer = answering(moved.as_bytes()).await.unwrap();
        assert_eq!((answer.status, answer.is_taken()), (status, false));
    }
    assert!(inside.was_never_reached());
}

#[tokio::test]
async fn g5_without_encryption_only_named_networks_are_called() {
    let stub = Stub::new([&["8.8.8.8"]]);
    let answer = deliver(&client(HookLimits::default(), &stub), "http://portal.example/").await;
    assert_eq!(answer, Err(HookError::Address(AddressError::NotEncrypted)));
    assert_eq!(stub.times_asked(), 1);
    let closed = HookClient::with_resolver(AddressPolicy::default(), HookLimits::default(), stub).unwrap();
    let answer = deliver(&closed, "http://portal.example/").await;
    assert_eq!(answer, Err(HookError::Address(AddressError::NotEncrypted)));
}

#[tokio::test]
async fn g7_an_endpoint_that_says_nothing_is_left_in_time() {
    for said in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nx: "] {
        let (listener, url) = outside().await;
        let server = async {
            let (mut stream, _) = request(&listener).await;
            stream.write_all(said.as_bytes()).await.unwrap();
            // Until the client has had enough.
            assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or_default(), 0);
        };
        let client = plain_client(hasty());
        let (answer, ()) = tokio::join!(deliver(&client, &url), server);
        assert_eq!(answer, Err(HookError::Timeout), "{said:?}");
    }
}

#[tokio::test]
async fn g7_an_endpoint_that_never_reads_is_left_in_time() {
    let (listener, url) = outside().await;
    let client = plain_client(hasty());
    // More than the buffers of the operating system take.
    let body = Bytes::from(vec![b'x'; 64 << 20]);
    let url = Url::parse(&url).unwrap();
    let (answer, accepted) = tokio::join!(client.deliver(&url, &[], body), listener.accept());
    assert_eq!(answer, Err(HookError::Timeout));
    drop(accepted.unwrap());
}

#[tokio::test]
async fn g7_an_answer_of_a_gigabyte_costs_nothing() {
    for head in ["content-length: 1073741824\r\n", "transfer-encoding: chunked\r\n", ""] {
        let (listener, url) = outside().await;
        let server = async {
            let (mut stream, _) = request(&listener).await;
            let mut sent = 0;
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes()).await.unwrap();
            let mut piece = b"10000\r\n".to_vec();
            piece.resize(piece.len() + (64 << 10), b'x');
            piece.extend(b"\r\n");
            while sent < 1 << 30 && stream.write_all(&piece).await.is_ok() {
                sent += piece.len();
            }
            sent
        };
        let client = plain_client(HookLimits::default());
        let (answer, sent) = tokio::join!(deliver(&client, &url), server);
        assert_eq!(answer.map(|answer| answer.status), Ok(200), "{head}");
        assert!(sent > 16 << 10, "the endpoint did send: {sent} bytes");
        assert!(sent < 64 << 20, "the connection was dropped after what its buffers hold: {sent} bytes");
    }
}

/// The status has been said; whether the rest comes only decides whether the connection is used again.
#[tokio::test]
async fn a_body_that_stalls_or_breaks_does_not_undo_the_status() {
    assert_eq!(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha").await.unwrap().status, 200);
    let (listener, url) = outside().await;
    let server = async {
        let (mut stream, _) = request(&listener).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha").await.unwrap();
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or_default(), 0);
    };
    let client = plain_client(HookLimits::default());
    let (answer, ()) = tokio::join!(deliver(&client, &url), server);
    assert_eq!(answer.unwrap().status, 200);
}

#[tokio::test]
async fn what_is_no_answer_is_told_as_broken() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
    let large = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(2 * HEAD_BYTES_MAX));
    for answer in
        ["", "hello\r\n\r\n", "HTTP/1.1 99999 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nbad header\r\n\r\n", &many, &large]
    {
        assert_eq!(answering(answer.as_bytes()).await, Err(HookError::Broken), "{answer:.60}");
    }
}

#[tokio::test]
async fn why_there_is_no_connection_is_told() {
    let client = plain_client(HookLimits::default());
    assert_eq!(deliver(&client, "https://portal.example/").await, Err(HookError::Resolve));
    let nobody = self::client(HookLimits::default(), &Stub::new([&[]]));
    assert_eq!(deliver(&nobody, "https://portal.example/").await, Err(HookError::Resolve));
    let (listener, url) = outside().await;
    drop(listener);
    assert_eq!(deliver(&client, &url).await, Err(HookError::Connect));
    let header = [("webhook-id", "a\nb".to_owned())];
    let answer = client.deliver(&Url::parse(&url).unwrap(), &header, Bytes::new()).await;
    assert_eq!(answer, Err(HookError::Header));
}

#[tokio::test]
async fn a_server_without_encryption_gets_no_delivery_by_https() {
    let (listener, url) = outside().await;
    let url = url.replace("http:", "https:");
    let client = plain_client(HookLimits::default());
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        hello[0]
    };
    let (answer, first) = tokio::join!(deliver(&client, &url), server);
    assert_eq!((answer, first), (Err(HookError::Tls), 22), "a handshake was begun");
    let silent = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.unwrap_or_default()
    };
    let client = plain_client(hasty());
    let (answer, said) = tokio::join!(deliver(&client, &url), silent);
    assert_eq!(answer, Err(HookError::Connect));
    assert!(said > 0, "the handshake was begun and not answered");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_delivery_to_the_same_origin() {
    let (listener, url) = outside().await;
    let client = plain_client(HookLimits::default());
    let server = async {
        let (mut stream, _) = request(&listener).await;
        stream.write_all(OK).await.unwrap();
        next_request(&mut stream).await;
        stream.write_all(OK).await.unwrap();
    };
    let deliveries = async { (deliver(&client, &url).await, deliver(&client, &url).await) };
    let ((first, second), ()) = tokio::join!(deliveries, server);
    assert_eq!((first.unwrap().status, second.unwrap().status), (204, 204));
}

#[tokio::test]
async fn with_every_place_taken_a_delivery_is_told_that_the_endpoint_is_not_to_blame() {
    let (listener, url) = outside().await;
    let (_other, other_url) = outside().await;
    let limits = HookLimits { connections_max: 1, connect_timeout: HASTY_CONNECT, ..HookLimits::default() };
    let client = plain_client(limits);
    let server = async {
        let (mut stream, _) = request(&listener).await;
        // The place is taken until the first endpoint answers.
        let busy = deliver(&client, &other_url).await;
        stream.write_all(OK).await.unwrap();
        busy
    };
    let (answer, busy) = tokio::join!(deliver(&client, &url), server);
    assert_eq!((answer.map(|answer| answer.status), busy), (Ok(204), Err(HookError::Busy)));
}

#[tokio::test]
async fn an_idle_connection_gives_its_place_up_to_another_origin() {
    let (listener, url) = outside().await;
    let (other, other_url) = outside().await;
    let idle_timeout = Duration::from_millis(100);
    let client = plain_client(HookLimits { connections_max: 1, idle_timeout, ..HookLimits::default() });
    let server = async {
        let (mut kept, _) = request(&listener).await;
        kept.write_all(OK).await.unwrap();
        let (mut stream, _) = request(&other).await;
        stream.write_all(OK).await.unwrap();
        kept.read(&mut [0; 16]).await.unwrap_or_default()
    };
    let deliveries = async { (deliver(&client, &url).await, deliver(&client, &other_url).await) };
    let ((first, second), rest) = tokio::join!(deliveries, server);
    assert_eq!((first.unwrap().status, second.unwrap().status), (204, 204));
    assert_eq!(rest, 0, "the first connection had been closed");
}

/// A certificate for `portal.example` that its own issuer signed, for a server and for a client that trusts it.
fn certificate() -> (TlsAcceptor, Encryption) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["portal.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), HttpsConnectorBuilder::new().with_tls_config(client))
}

/// The address is the checked one, and yet the certificate is held against the name.
#[tokio::test]
async fn g5_the_certificate_must_be_good_for_the_name_and_its_issuer_trusted() {
    let (listener, _) = outside().await;
    let port = listener.local_addr().unwrap().port();
    let (acceptor, encryption) = certificate();
    let stub = || -> Arc<dyn Resolver> { Stub::new([&[OUTSIDE]]) };
    let limits = HookLimits::default();
    let trusting = HookClient::with_encryption(outside_only(), limits, stub(), encryption);
    let stranger = HookClient::with_resolver(outside_only(), limits, stub()).unwrap();
    let shake = async || acceptor.accept(listener.accept().await.unwrap().0).await;
    for (client, host) in [(&trusting, "other.example"), (&stranger, "portal.example")] {
        let url = format!("https://{host}:{port}/");
        let (answer, shaken) = tokio::join!(deliver(client, &url), shake());
        assert_eq!((answer, shaken.is_err()), (Err(HookError::Tls), true), "{host}");
    }
    let server = async {
        let mut stream = shake().await.unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"{}") {
            assert!(stream.read_buf(&mut text).await.unwrap() > 0);
        }
        stream.write_all(OK).await.unwrap();
        (stream.get_ref().1.server_name().map(str::to_owned), stream)
    };
    let url = format!("https://portal.example:{port}/");
    let (answer, (name, _stream)) = tokio::join!(deliver(&trusting, &url), server);
    assert_eq!((answer.map(|answer| answer.status), name.as_deref()), (Ok(204), Some("portal.example")));
}
