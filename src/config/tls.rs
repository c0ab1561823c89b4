//! `[tls]`: the certificate of the listener.

use std::path::{Path, PathBuf};

use super::reader::{Keys, Section};

pub(super) const KEYS: Keys = Keys { schema: "tls", names: &["certificate", "private_key"] };

const PATH_LENGTH_MAX: usize = 1_000;

/// Where the certificate of the listener is kept. The files are read when the listener begins, and again when they
/// change, so that settings can be read where the key is not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tls {
    /// The chain of certificates in PEM, the server's own first.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub private_key: PathBuf,
}

impl Tls {
    /// Without any of the two there is no TLS; one of them alone is a mistake.
    pub(super) fn read(section: &Section<'_>, folder: &Path) -> Option<Self> {
        if !is_wanted(section) {
            return None;
        }
        let path = |name| section.require(name).and_then(|value| value.printable(PATH_LENGTH_MAX));
        let (certificate, private_key) = (path("certificate"), path("private_key"));
        Some(Self { certificate: folder.join(certificate?), private_key: folder.join(private_key?) })
    }
}

/// Whether there is anything about TLS, be it right or wrong.
pub(super) fn is_wanted(section: &Section<'_>) -> bool {
    KEYS.names.iter().any(|name| section.get(name).is_some())
}
