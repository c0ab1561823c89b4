//! Idempotency: the first answer under a key is the answer.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    desk::DeskError,
    domain::ids::ClientId,
    store::{
        commit::{ClaimKey, NewClaim, Space},
        read::Claim,
    },
};

/// A client's key with what it was used for.
#[derive(Clone, Copy, Debug)]
pub struct Idempotency {
    /// The key, which belongs to the client.
    pub key: ClaimKey,
    /// What was asked: method, path and body.
    pub digest: [u8; 32],
}

/// What was answered under a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Answered {
    /// The object.
    pub holder: Uuid,
    /// The HTTP status.
    pub status: u16,
    /// The version of the object's stream that was shown.
    pub version: u64,
    /// Whether the answer was given before and is only shown again.
    pub replayed: bool,
}

/// What a key says about a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// It was answered.
    Answered(Answered),
    /// Its first request stopped half way: this one goes on with it.
    Abandoned {
        /// The object it is about.
        holder: Uuid,
        /// The lease that ran out.
        lease: Timestamp,
    },
}

impl Idempotency {
    /// The key of a client for a request.
    pub fn new(client: ClientId, key: &str, method: &str, path: &str, body: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        for part in [method.as_bytes(), path.as_bytes(), body] {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
        Self {
            key: ClaimKey::new(Space::Idempotency, &[client.0.as_bytes(), key.as_bytes()]),
            digest: hasher.finalize().into(),
        }
    }

    /// A claim that still has to be answered.
    pub fn begun(&self, holder: Uuid, lease_until: Timestamp) -> NewClaim {
        let digest = Some(self.digest);
        NewClaim { digest, lease_until: Some(lease_until), ..NewClaim::of(self.key, holder) }
    }

    /// A claim that is answered by the commit that takes it.
    pub fn answered(&self, holder: Uuid, status: u16, version: u64) -> NewClaim {
        let digest = Some(self.digest);
        NewClaim { digest, answer: Some((status, version)), ..NewClaim::of(self.key, holder) }
    }

    /// What a claim that was found under the key says.
    pub fn judge(&self, claim: &Claim, now: Timestamp) -> Result<KeyState, DeskError> {
        if claim.digest != Some(self.digest) {
            return Err(DeskError::KeyReused);
        }
        match (claim.answer, claim.lease_until) {
            (Some((status, version)), _) => {
                Ok(KeyState::Answered(Answered { holder: claim.holder, status, version, replayed: true }))
            }
            (None, Some(lease)) if lease <= now => Ok(KeyState::Abandoned { holder: claim.holder, lease }),
            (None, _) => Err(DeskError::KeyInFlight),
        }
    }
}
