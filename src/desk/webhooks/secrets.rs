//! The keys of endpoints: derived from a master key, so that no database ever holds one.

use std::{fmt, sync::Arc};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretSlice};
use sha2::Sha256;
use uuid::Uuid;

/// Names what is derived; a change of the way would have another name.
const HMAC_LABEL: &[u8] = b"zahlstelle webhook hmac 1";
const ED25519_LABEL: &[u8] = b"zahlstelle webhook ed25519 1";
const FINGERPRINT_LABEL: &[u8] = b"zahlstelle webhook fingerprint 1";
/// How many bytes of a fingerprint are kept: enough to tell keys apart, too few to say anything about one.
const FINGERPRINT_BYTES: usize = 8;

/// The master keys, newest first. The newest makes new secrets; the others only go on with what they have made.
#[derive(Clone, Default)]
pub struct MasterKeys(Arc<[MasterKey]>);

struct MasterKey {
    fingerprint: String,
    key: SecretSlice<u8>,
}

/// What one generation of an endpoint's keys is made of.
pub struct EndpointKeys {
    /// The secret that is shared with the receiver.
    pub hmac: SecretBox<[u8; 32]>,
    /// The seed of the pair whose public half the receiver knows.
    pub seed: SecretBox<[u8; 32]>,
}

impl MasterKeys {
    /// Takes keys of at least 32 bytes, newest first.
    pub fn new(keys: impl IntoIterator<Item = SecretSlice<u8>>) -> Self {
        let key = |key: SecretSlice<u8>| {
            let digest = derived(key.expose_secret(), &[FINGERPRINT_LABEL]);
            MasterKey { fingerprint: hex::encode(digest.split_at(FINGERPRINT_BYTES).0), key }
        };
        Self(keys.into_iter().map(key).collect())
    }

    /// The fingerprint of the key that new secrets are derived from, if there is any.
    pub fn newest(&self) -> Option<&str> {
        self.0.first().map(|key| key.fingerprint.as_str())
    }

    /// The keys of a generation of an endpoint; [`None`] when its master key is not among these.
    pub fn derive(&self, master: &str, tenant: &str, endpoint: Uuid, generation: u32) -> Option<EndpointKeys> {
        let master = self.0.iter().find(|key| key.fingerprint == master)?.key.expose_secret();
        let of = |label: &[u8]| {
            let parts = [label, tenant.as_bytes(), endpoint.as_bytes(), &generation.to_be_bytes()];
            SecretBox::new(Box::new(derived(master, &parts)))
        };
        Some(EndpointKeys { hmac: of(HMAC_LABEL), seed: of(ED25519_LABEL) })
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|key| &key.fingerprint)).finish()
    }
}

/// HMAC-SHA256 over the parts, each with its length, so that no two lists of parts look the same.
fn derived(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes keys of any length") };
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(byte: u8) -> SecretSlice<u8> {
        vec![byte; 32].into()
    }

    fn hmac(keys: &MasterKeys, master: &str, tenant: &str, endpoint: u128, generation: u32) -> Option<[u8; 32]> {
        let derived = keys.derive(master, tenant, Uuid::from_u128(endpoint), generation)?;
        Some(*derived.hmac.expose_secret())
    }

    #[test]
    fn every_generation_of_every_endpoint_has_keys_of_its_own() {
        let keys = MasterKeys::new([master(2), master(1)]);
        let newest = keys.newest().unwrap().to_owned();
        let older = MasterKeys::new([master(1)]).newest().unwrap().to_owned();
        let all = [
            hmac(&keys, &newest, "stadt", 1, 1),
            hmac(&keys, &newest, "stadt", 1, 2),
            hmac(&keys, &newest, "stadt", 2, 1),
            hmac(&keys, &newest, "dorf", 1, 1),
            hmac(&keys, &older, "stadt", 1, 1),
            keys.derive(&newest, "stadt", Uuid::from_u128(1), 1).map(|keys| *keys.seed.expose_secret()),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().map(|key| key.unwrap()).collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(hmac(&keys, &newest, "stadt", 1, 1), all[0], "and always the same");
        assert_eq!(hmac(&keys, "0000000000000000", "stadt", 1, 1), None);
        assert!(MasterKeys::default().newest().is_none());
    }

    /// Whoever keeps a secret of us must find the same one after an update of this program.
    #[test]
    fn derivation_does_not_change() {
        let keys = MasterKeys::new([master(7)]);
        assert_eq!(keys.newest(), Some("195f6bbe07d872ea"));
        let derived = keys.derive("195f6bbe07d872ea", "stadt", Uuid::from_u128(7), 1).unwrap();
        assert_eq!(
            hex::encode(derived.hmac.expose_secret()),
            "843d729a5543fea701f68574bf2c8269d818c5b248c0ccd141bd6ee0b4388c53"
        );
        assert_eq!(
            hex::encode(derived.seed.expose_secret()),
            "660aee36bc7a22316648a9a4161058a29dba95a60ac36576e80ca3eccc24ec12"
        );
    }

    #[test]
    fn no_key_is_shown() {
        let shown = format!("{:?}", MasterKeys::new([master(7)]));
        assert!(!shown.contains("07070707") && !shown.contains("[7"), "{shown}");
    }
}
