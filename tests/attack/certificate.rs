//! Certificates of this machine, made for a test.

use std::{fs, path::Path, sync::Arc};

use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// A certificate that nobody but its own clients trusts, with its key.
pub(crate) struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Certificate {
    pub(crate) fn new(algorithm: &'static SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        Self { certificate, key }
    }

    /// Writes both where the settings of a service look for them.
    pub(crate) fn write(&self, folder: &Path) {
        fs::write(folder.join("chain.pem"), self.certificate.pem()).unwrap();
        fs::write(folder.join("key.pem"), self.key.serialize_pem()).unwrap();
    }

    /// The settings of a client that trusts it.
    pub(crate) fn trusted(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let versions = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into());
        let builder = versions.with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }
}
