//! TLS as the BSI wants it (TR-02102-2), and certificates that are exchanged while the service runs.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use rustls::{
    CertificateError, RootCertStore, ServerConfig,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{self, Ticketer, cipher_suite as suite, kx_group},
    },
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use sha2::{Digest, Sha256};
use tokio::{sync::Notify, time::timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{Counted, Counts};
use crate::config;

/// How often the files are looked at.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// The most bytes of one file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most certificates of a chain.
const CHAIN_LENGTH_MAX: usize = 16;
/// The last second that a certificate can name (RFC 5280, 4.1.2.5), in seconds since 1970.
const END_OF_TIME: Duration = Duration::from_secs(253_402_300_799);
/// How many tickets a client is given after a handshake of TLS 1.3; one resumes one connection.
const TICKETS: usize = 2;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file is larger than any of its kind.
    #[error("{}: must be at most {FILE_BYTES_MAX} bytes", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// There is no chain of certificates in a file.
    #[error("{}: must hold 1 to {CHAIN_LENGTH_MAX} certificates in PEM, the server's own first", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// There is no private key in a file.
    #[error("{}: must hold one private key in PEM, without a passphrase", file.display())]
    NoKey {
        /// The file.
        file: PathBuf,
    },
    /// Key and certificate do not go together, or are of a kind that nobody uses.
    #[error("{} and {}: cannot be used together", certificate.display(), private_key.display())]
    Unusable {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        private_key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The suites and versions do not make a server.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// TLS of a listener. Clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificates: Arc<Certificates>,
    wanted: Arc<Notify>,
}

/// A certificate with its key, and until when it is good.
#[derive(Debug)]
struct Pair {
    key: Arc<CertifiedKey>,
    digest: [u8; 32],
    expires_at: Option<Timestamp>,
}

/// The certificate in use, and where a new one is looked for.
#[derive(Debug)]
struct Certificates {
    files: config::Tls,
    current: RwLock<Pair>,
    /// The files as they were last looked at, so that one mistake is told once.
    seen: Mutex<Option<[u8; 32]>>,
}

/// What looking at the files came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reloaded {
    /// Nothing has changed.
    Same,
    /// What is there now is in use.
    Taken,
    /// What is there now cannot be used, and what was in use stays.
    Refused,
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").field("files", &self.certificates.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads certificate and key.
    pub fn load(files: &config::Tls) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let pair = Pair::read(files)?;
        let seen = Mutex::new(Some(pair.digest));
        let certificates = Arc::new(Certificates { files: files.clone(), current: RwLock::new(pair), seen });
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Certificates>::clone(&certificates);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Sessions are resumed by tickets whose keys change every few hours, so that nothing is kept for each client.
        config.ticketer = Ticketer::new()?;
        config.send_tls13_tickets = TICKETS;
        // Data before the handshake is complete can be played back, and so could a payment.
        config.max_early_data_size = 0;
        // Without the extended master secret a session of TLS 1.2 is not bound to its handshake (RFC 7627).
        config.require_ems = true;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificates, wanted: Arc::default() })
    }

    /// Until when the certificate in use is good.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.certificates.current.read().unwrap_or_else(PoisonError::into_inner).expires_at
    }

    /// Looks at the files now.
    pub async fn reload(&self, counts: &Counts) -> Reloaded {
        let certificates = Arc::clone(&self.certificates);
        let looked = tokio::task::spawn_blocking(move || certificates.look()).await;
        match looked {
            Ok(Ok(false)) => Reloaded::Same,
            Ok(Ok(true)) => {
                counts.note(Counted::CertificateTaken);
                let until = self.expires_at().map(tracing::field::display);
                tracing::info!(expires_at = until, "a new certificate is in use");
                Reloaded::Taken
            }
            Ok(Err(error)) => {
                counts.note(Counted::CertificateRefused);
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::error!(%error, cause, "a new certificate cannot be used, the old one stays: {error}");
                Reloaded::Refused
            }
            Err(broken) => {
                counts.note(Counted::CertificateRefused);
                tracing::error!(error = %broken, "looking for a new certificate broke");
                Reloaded::Refused
            }
        }
    }

    /// Looks at the files again and again, until the service stops.
    pub async fn watch(self, counts: Arc<Counts>, stop: CancellationToken) {
        let next = || timeout(POLL_INTERVAL, self.wanted.notified());
        while stop.run_until_cancelled(next()).await.is_some() {
            self.reload(&counts).await;
        }
    }

    /// Has the files looked at without waiting for the next time.
    pub fn look_now(&self) {
        self.wanted.notify_one();
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

/// TLS 1.3 and 1.2 with forward secrecy and AES-GCM on the curves of NIST. TR-02102-2 lists neither ChaCha20-Poly1305
/// nor X25519; every browser and library that speaks those also speaks these.
fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![kx_group::SECP256R1, kx_group::SECP384R1],
        ..aws_lc_rs::default_provider()
    }
}

impl Certificates {
    /// Whether there is something new, which is in use from now on.
    fn look(&self) -> Result<bool, TlsError> {
        let read = Files::read(&self.files);
        let digest = read.as_ref().ok().map(Files::digest);
        {
            // Files that cannot be read are as good as a content of their own: told once, until that changes.
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == digest {
                return Ok(false);
            }
            *seen = digest;
        }
        let pair = Pair::of(&self.files, &read?)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // A file that was broken for a while may have been put back as it was.
        let is_new = current.digest != pair.digest;
        *current = pair;
        Ok(is_new)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}

/// Both files as they are.
struct Files {
    certificate: Vec<u8>,
    private_key: Vec<u8>,
}

impl Files {
    fn read(files: &config::Tls) -> Result<Self, TlsError> {
        Ok(Self { certificate: read(&files.certificate)?, private_key: read(&files.private_key)? })
    }

    fn digest(&self) -> [u8; 32] {
        let each = [&self.certificate, &self.private_key].map(Sha256::digest);
        Sha256::digest(each.concat()).into()
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(FILE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(TlsError::TooLarge { file: file.to_owned() });
    }
    Ok(bytes)
}

impl Pair {
    fn read(files: &config::Tls) -> Result<Self, TlsError> {
        Self::of(files, &Files::read(files)?)
    }

    fn of(names: &config::Tls, files: &Files) -> Result<Self, TlsError> {
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(&files.certificate).collect();
        let no_certificate = || TlsError::NoCertificate { file: names.certificate.clone() };
        let chain =
            chain.ok().filter(|chain| (1..=CHAIN_LENGTH_MAX).contains(&chain.len())).ok_or_else(no_certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&files.private_key)
            .map_err(|_| TlsError::NoKey { file: names.private_key.clone() })?;
        let unusable = |source| TlsError::Unusable {
            certificate: names.certificate.clone(),
            private_key: names.private_key.clone(),
            source,
        };
        let expires_at = chain.first().and_then(expires_at);
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(unusable)?;
        Ok(Self { key: Arc::new(key), digest: files.digest(), expires_at })
    }
}

/// When a certificate ends. It is asked whether it is good at the end of time, and the answer says until when it was;
/// so nobody but the library that clients use as well reads the certificate.
fn expires_at(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let algorithms = provider().signature_verification_algorithms.all;
    let end = UnixTime::since_unix_epoch(END_OF_TIME);
    match verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], end, algorithms) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Timestamp::from_second(i64::try_from(not_after.as_secs()).ok()?).ok()
        }
        Ok(()) | Err(_) => None,
    }
}
