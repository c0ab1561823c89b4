//! Ids and secrets, as an argument. This is the only module that draws randomness.

use std::sync::Mutex;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// Draws ids and secrets.
pub trait Ids: Send + Sync {
    /// Bytes that nobody can guess.
    fn bytes(&self) -> [u8; 32];

    /// An id of version 7 for this moment.
    fn id(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let mut random = [0; 10];
        random.copy_from_slice(self.bytes().split_at(10).0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that draws randomness")]
    #[expect(clippy::panic, reason = "without randomness no secret can be made, and going on would be worse")]
    fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        if let Err(error) = getrandom::fill(&mut bytes) {
            panic!("the operating system gives no randomness: {error}");
        }
        bytes
    }
}

/// Ids that follow from a seed; for simulation.
#[derive(Debug)]
pub struct SeededIds(Mutex<[u8; 32]>);

impl SeededIds {
    /// The ids of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Sha256::digest(seed.to_be_bytes()).into()))
    }
}

impl Ids for SeededIds {
    fn bytes(&self) -> [u8; 32] {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = Sha256::digest(*state).into();
        Sha256::digest([state.as_slice(), b"out"].concat()).into()
    }
}
