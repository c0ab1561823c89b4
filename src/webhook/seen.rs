//! Which messages a receiver has taken already, as long as they could still be replayed.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::verify::{TOLERANCE_SECONDS, Verified};

/// Ids of verified messages. Each is kept until its signature is too old to pass, which the verifier then tells, so a
/// replay finds either its id here or a closed window. A genuine repetition under the same id is newly signed; it keeps
/// the id here for longer.
#[derive(Debug)]
pub struct SeenIds {
    ids_max: usize,
    expiry_by_id: HashMap<String, i64>,
    /// The same, first to go first.
    by_expiry: BTreeSet<(i64, String)>,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotAdmitted {
    /// It was taken before. To be answered as then: the sender only missed our answer.
    #[error("this message was taken before")]
    Replayed,
    /// There is no room for its id until older ones can go. To be sent again later: forgetting one would let its replay in.
    #[error("too many messages at a time")]
    Full,
}

impl SeenIds {
    /// Keeps at most so many ids; the senders of a window of twice [`TOLERANCE_SECONDS`] must fit.
    pub fn new(ids_max: usize) -> Self {
        Self { ids_max, expiry_by_id: HashMap::new(), by_expiry: BTreeSet::new() }
    }

    /// Notes a message; the second time it is told as replayed.
    pub fn admit(&mut self, message: &Verified<'_>, received_at: Timestamp) -> Result<(), NotAdmitted> {
        self.let_go(received_at);
        let id = message.id();
        let expiry = message.signed_at().as_second().saturating_add(TOLERANCE_SECONDS);
        if let Some(noted) = self.expiry_by_id.get(id).copied() {
            if noted < expiry {
                self.remove(id);
                self.insert(id, expiry);
            }
            return Err(NotAdmitted::Replayed);
        }
        if self.expiry_by_id.len() >= self.ids_max {
            return Err(NotAdmitted::Full);
        }
        self.insert(id, expiry);
        Ok(())
    }

    /// Takes a note back: what the message asked for failed, and its repetition must not count as a replay.
    pub fn forget(&mut self, message: &Verified<'_>) {
        self.remove(message.id());
    }

    /// Lets go of every id whose signature no longer passes.
    fn let_go(&mut self, now: Timestamp) {
        while self.by_expiry.first().is_some_and(|(expiry, _)| *expiry < now.as_second()) {
            if let Some((_, id)) = self.by_expiry.pop_first() {
                self.expiry_by_id.remove(&id);
            }
        }
    }

    fn insert(&mut self, id: &str, expiry: i64) {
        self.expiry_by_id.insert(id.to_owned(), expiry);
        self.by_expiry.insert((expiry, id.to_owned()));
    }

    fn remove(&mut self, id: &str) {
        if let Some(expiry) = self.expiry_by_id.remove(id) {
            self.by_expiry.remove(&(expiry, id.to_owned()));
        }
    }
}
