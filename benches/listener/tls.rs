//! Certificates, clients, and full handshakes: ECDSA on P-256, TLS 1.3, no session resumed.

use std::{fs, net::SocketAddr, sync::Arc};

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::TLS13,
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};
use tokio_util::task::TaskTracker;
use zahlstelle::{config, http::tls::Tls};

use crate::{CLIENTS, HANDSHAKES, RUNS, load, row, service::Service};

/// A certificate in two files, and a client that trusts it.
pub(crate) struct Pair {
    files: config::Tls,
    client: Arc<ClientConfig>,
}

impl Pair {
    pub(crate) fn new(folder: &TempDir) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let (chain, private_key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        fs::write(&chain, certificate.pem()).expect("a file");
        fs::write(&private_key, key.serialize_pem()).expect("a file");
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).expect("a root");
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_protocol_versions(&[&TLS13]).expect("a version");
        let mut client = builder.with_root_certificates(roots).with_no_client_auth();
        client.resumption = Resumption::disabled();
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { files: config::Tls { certificate: chain, private_key }, client: Arc::new(client) }
    }

    /// TLS as our listener speaks it.
    pub(crate) fn load(&self) -> Tls {
        Tls::load(&self.files).expect("a certificate")
    }

    pub(crate) async fn connect(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        connect(Arc::clone(&self.client), address).await
    }
}

async fn connect(client: Arc<ClientConfig>, address: SocketAddr) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a setting");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(client).connect(name, stream).await.expect("a handshake")
}

/// The curve of our listener first, so that no handshake needs a second round trip.
fn provider() -> Arc<CryptoProvider> {
    let kx_groups = vec![aws_lc_rs::kx_group::SECP256R1];
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

/// Full handshakes of our listener against an acceptor that does nothing else.
pub(crate) async fn handshakes(folder: &TempDir) {
    let pair = Pair::new(folder);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let service = Service::new(folder);
        let (address, _) = service.listen_arranged(|server| server.with_tls(pair.load())).await;
        ours.push(shake_many(&pair, address).await);
        bare.push(shake_many(&pair, accept_bare(&pair).await).await);
    }
    row("TLS 1.3 handshake, ECDSA P-256", ours, bare);
}

async fn shake_many(pair: &Pair, address: SocketAddr) -> load::Measured {
    load::run(CLIENTS, HANDSHAKES, |_| {
        let client = Arc::clone(&pair.client);
        async move { drop(connect(client, address).await) }
    })
    .await
}

async fn accept_bare(pair: &Pair) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_file(&pair.files.certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(&pair.files.private_key).expect("a key");
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).expect("a version");
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).expect("a server");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let tasks = TaskTracker::new();
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("a setting");
            let acceptor = acceptor.clone();
            connections.spawn(async move { drop(acceptor.accept(stream).await) });
        }
    });
    address
}
