//! TLS on real sockets: what is agreed on, what is not, and certificates that change.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{self, cipher_suite as suite, kx_group},
    },
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;
use zahlstelle::{
    config,
    http::{
        Counted, Counts, Limits,
        tls::{Reloaded, Tls, TlsError},
    },
};

use crate::{
    crowds::from,
    house::{House, limits},
};

/// Soon enough for a test that waits for it, and late enough for a handshake on a busy machine.
const SOON: Duration = Duration::from_secs(2);

/// A folder with a certificate and its key.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write(&certificate(2030));
        folder
    }

    fn files(&self) -> config::Tls {
        config::Tls { certificate: self.path("chain.pem"), private_key: self.path("key.pem") }
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.0.path()).join(name)
    }

    fn write(&self, (certificate, key): &(String, String)) {
        fs::write(self.path("chain.pem"), certificate).unwrap();
        fs::write(self.path("key.pem"), key).unwrap();
    }

    /// What a client trusts: the certificate as it is now.
    fn root(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path("chain.pem")).unwrap()
    }
}

/// A certificate that ends with a year, and its key.
fn certificate(year: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 12, 31);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

async fn open(tls: Tls, bounds: Limits) -> House {
    House::open_arranged(1, bounds, |tenant| tenant, |server| server.with_tls(tls)).await
}

/// What a client offers.
struct Offer {
    version: &'static SupportedProtocolVersion,
    suites: Vec<SupportedCipherSuite>,
    groups: Vec<&'static dyn SupportedKxGroup>,
    protocols: &'static [&'static str],
}

impl Offer {
    /// Everything that the library knows.
    fn of(version: &'static SupportedProtocolVersion) -> Self {
        let all = aws_lc_rs::default_provider();
        Self { version, suites: all.cipher_suites, groups: all.kx_groups, protocols: &["h2", "http/1.1"] }
    }

    fn client(self, root: CertificateDer<'static>) -> Arc<ClientConfig> {
        let provider =
            CryptoProvider { cipher_suites: self.suites, kx_groups: self.groups, ..aws_lc_rs::default_provider() };
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(provider));
        let builder = builder.with_protocol_versions(&[self.version]).unwrap();
        let mut client = builder.with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = self.protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(client)
    }
}

async fn shake(house: &House, client: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(house.address).await?;
    TlsConnector::from(client).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_bsi_recommends_is_agreed_on() {
    let folder = Folder::new();
    let house = open(Tls::load(&folder.files()).unwrap(), limits()).await;
    for (version, suite, agreed) in [
        (&TLS13, suite::TLS13_AES_256_GCM_SHA384, true),
        (&TLS13, suite::TLS13_AES_128_GCM_SHA256, true),
        (&TLS13, suite::TLS13_CHACHA20_POLY1305_SHA256, false),
        (&TLS12, suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, true),
        (&TLS12, suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true),
        (&TLS12, suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, false),
    ] {
        let offer = Offer { suites: vec![suite], ..Offer::of(version) };
        let shaken = shake(&house, offer.client(folder.root())).await;
        assert_eq!(shaken.is_ok(), agreed, "{suite:?}: {:?}", shaken.err());
    }
    for (group, agreed) in [(kx_group::SECP256R1, true), (kx_group::SECP384R1, true), (kx_group::X25519, false)] {
        let offer = Offer { groups: vec![group], ..Offer::of(&TLS13) };
        assert_eq!(shake(&house, offer.client(folder.root())).await.is_ok(), agreed, "{group:?}");
    }
    // A client that offers all gets the newest.
    let stream = shake(&house, Offer::of(&TLS13).client(folder.root())).await.unwrap();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(house.counts.of(Counted::HandshakeFailed), 3);
    // Plain HTTP is no handshake.
    let mut plain = TcpStream::connect(house.address).await.unwrap();
    plain.write_all(b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    while house.counts.of(Counted::HandshakeFailed) < 4 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_versions_are_refused() {
    let folder = Folder::new();
    let house = open(Tls::load(&folder.files()).unwrap(), limits()).await;
    // SSL 3.0, TLS 1.0 and 1.1, by the last byte of the version that the client knows; and 1.2, to show that nothing
    // else is wrong with the greeting.
    for minor in 0..=3 {
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        // No session, ECDHE-ECDSA with AES-128-GCM, no compression.
        hello.extend([0, 0, 2, 0xC0, 0x2B, 1, 0]);
        // Extensions: P-256, uncompressed points, ECDSA with SHA-256, extended master secret.
        hello.extend([0, 26, 0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3, 0, 23, 0, 0]);
        let length = u8::try_from(hello.len()).unwrap();
        let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
        record.extend(hello);
        let mut client = TcpStream::connect(house.address).await.unwrap();
        client.write_all(&record).await.unwrap();
        let mut answer = [0; 7];
        client.read_exact(&mut answer).await.unwrap();
        if minor == 3 {
            assert_eq!(answer[0], 22, "the server shakes hands: {answer:?}");
        } else {
            // An alert: fatal, protocol_version (RFC 8446, 6.2).
            assert_eq!((answer[0], &answer[5..]), (21, &[2, 70][..]), "3.{minor}: {answer:?}");
        }
    }
    while house.counts.of(Counted::HandshakeFailed) < 4 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocol_is_agreed_on_and_requests_are_answered() {
    let folder = Folder::new();
    let mut house = open(Tls::load(&folder.files()).unwrap(), limits()).await;
    for (offered, agreed) in
        [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&["spdy/3"], None), (&[], Some(""))]
    {
        let offer = Offer { protocols: offered, ..Offer::of(&TLS13) };
        let shaken = shake(&house, offer.client(folder.root())).await.ok();
        let chosen = shaken
            .map(|stream| String::from_utf8(stream.get_ref().1.alpn_protocol().unwrap_or_default().into()).unwrap());
        assert_eq!(chosen.as_deref(), agreed, "{offered:?}");
    }
    let offer = Offer { protocols: &["http/1.1"], ..Offer::of(&TLS13) };
    let client = offer.client(folder.root());
    let stream = shake(&house, Arc::clone(&client)).await.unwrap();
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let request = Request::get("/health/ready").header("host", "localhost").body(Empty::<Bytes>::new()).unwrap();
    let answer = requests.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "{\"status\":\"ready\"}");
    // The session is resumed without a second signature.
    let again = shake(&house, client).await.unwrap();
    assert_eq!(again.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
    // A server that goes says so: an end without farewell would be an error here.
    house.stop();
    driving.join_next().await.unwrap().unwrap().unwrap();
    drop(again);
    assert_eq!(house.gone().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_bids_farewell_in_tls() {
    let folder = Folder::new();
    let mut house = open(Tls::load(&folder.files()).unwrap(), limits()).await;
    let mut stream =
        shake(&house, Offer { protocols: &["http/1.1"], ..Offer::of(&TLS13) }.client(folder.root())).await.unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut begun = [0; 15];
    stream.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    house.stop();
    // Without close_notify the library reports an unexpected end.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(house.gone().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_shake_hands_is_let_go_and_has_his_share_until_then() {
    let folder = Folder::new();
    let bounds = Limits { handshake_timeout: SOON, connections_per_source_max: 1, ..limits() };
    let house = open(Tls::load(&folder.files()).unwrap(), bounds).await;
    let mut silent = from(&house, "127.0.0.2").await;
    while house.counts.of(Counted::ConnectionTaken) < 1 {
        tokio::task::yield_now().await;
    }
    let mut second = from(&house, "127.0.0.2").await;
    assert!(matches!(second.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert_eq!(house.counts.of(Counted::SourceFull), 1);
    // Others are not kept waiting.
    shake(&house, Offer::of(&TLS13).client(folder.root())).await.unwrap();
    assert!(matches!(silent.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert_eq!(house.counts.of(Counted::HandshakeTimeout), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_and_a_bad_one_leaves_the_old_one() {
    let folder = Folder::new();
    let tls = Tls::load(&folder.files()).unwrap();
    let house = open(tls.clone(), limits()).await;
    let counts = Counts::default();
    let ends = |tls: &Tls| tls.expires_at().unwrap().strftime("%F").to_string();
    assert_eq!(ends(&tls), "2030-12-31");
    assert_eq!(tls.reload(&counts).await, Reloaded::Same);

    let offer = Offer { protocols: &["http/1.1"], ..Offer::of(&TLS13) };
    let mut open_before = shake(&house, offer.client(folder.root())).await.unwrap();
    folder.write(&certificate(2031));
    let good = folder.root();
    assert_eq!(tls.reload(&counts).await, Reloaded::Taken);
    assert_eq!(ends(&tls), "2031-12-31");
    shake(&house, Offer::of(&TLS13).client(good.clone())).await.unwrap();
    // What was open stays open.
    open_before.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut begun = [0; 15];
    open_before.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");

    let kept = (fs::read(folder.path("chain.pem")).unwrap(), fs::read(folder.path("key.pem")).unwrap());
    for spoil in [
        |folder: &Folder| fs::write(folder.path("chain.pem"), "no certificate").unwrap(),
        |folder: &Folder| fs::write(folder.path("key.pem"), certificate(2032).1).unwrap(),
        |folder: &Folder| fs::write(folder.path("chain.pem"), certificate(2033).0).unwrap(),
        |folder: &Folder| fs::remove_file(folder.path("chain.pem")).unwrap(),
        |folder: &Folder| fs::write(folder.path("key.pem"), vec![b'-'; 2 << 20]).unwrap(),
    ] {
        spoil(&folder);
        assert_eq!(tls.reload(&counts).await, Reloaded::Refused);
        assert_eq!(tls.reload(&counts).await, Reloaded::Same, "one mistake is told once");
        shake(&house, Offer::of(&TLS13).client(good.clone())).await.unwrap();
        fs::write(folder.path("chain.pem"), &kept.0).unwrap();
        fs::write(folder.path("key.pem"), &kept.1).unwrap();
        assert_eq!(tls.reload(&counts).await, Reloaded::Same);
    }
    assert_eq!((counts.of(Counted::CertificateTaken), counts.of(Counted::CertificateRefused)), (1, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_it_has_the_files_looked_at() {
    let folder = Folder::new();
    let tls = Tls::load(&folder.files()).unwrap();
    let (counts, stop) = (Arc::new(Counts::default()), CancellationToken::new());
    let mut watching = JoinSet::new();
    watching.spawn(tls.clone().watch(Arc::clone(&counts), stop.clone()));
    folder.write(&certificate(2031));
    tls.look_now();
    while counts.of(Counted::CertificateTaken) == 0 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    watching.join_next().await.unwrap().unwrap();
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_with_its_file() {
    let folder = Folder::new();
    fs::write(folder.path("key.pem"), "").unwrap();
    let error = Tls::load(&folder.files()).unwrap_err();
    assert!(matches!(&error, TlsError::NoKey { file } if *file == folder.path("key.pem")), "{error}");
    fs::write(folder.path("key.pem"), certificate(2030).1).unwrap();
    let error = Tls::load(&folder.files()).unwrap_err();
    assert!(matches!(error, TlsError::Unusable { .. }), "{error}");
    fs::remove_file(folder.path("chain.pem")).unwrap();
    let error = Tls::load(&folder.files()).unwrap_err();
    assert!(matches!(error, TlsError::Unreadable { .. }), "{error}");
}
