//! Commits in few words, and the hash chain once more, by the words of `docs/journal.md` and not by the code under test.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zahlstelle::{
    ledger::account::Account,
    store::{
        Store,
        commit::{Append, Commit, NewRecord, Outcome, StreamKind},
        read::SealedRecord,
    },
};
use zahlstelle_contract::money::{Currency, Money};

/// The Mandant of most scenarios.
pub(crate) const TENANT: &str = "stadt";

/// When the scenarios begin.
pub(crate) fn start() -> Timestamp {
    "2026-11-24T08:00:00Z".parse().unwrap()
}

/// So many seconds after the beginning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    start().checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// An id that says which one it is.
pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// An empty commit of this command.
pub(crate) fn commit(command: u128) -> Commit {
    Commit::new(id(command), TENANT, start())
}

/// Records without legs.
pub(crate) fn append(stream: u128, expected_version: u64, bodies: &[&str]) -> Append {
    let record = |body: &&str| NewRecord { body: body.as_bytes().to_vec(), legs: Vec::new(), wanted_day: None };
    let records = bodies.iter().map(record).collect();
    Append { stream: id(stream), expected_version, kind: StreamKind::Payment, records }
}

/// A commit of one append.
pub(crate) fn appending(command: u128, stream: u128, expected_version: u64, bodies: &[&str]) -> Commit {
    Commit { appends: vec![append(stream, expected_version, bodies)], ..commit(command) }
}

/// Two legs that balance, in cents.
pub(crate) fn legs(cents: i64) -> Vec<(Account, Money)> {
    let money = |minor| Money::from_minor(minor, Currency::EUR);
    vec![
        (Account::Psp("adyen-test".to_owned()), money(cents)),
        (Account::Forderung("urkunden".to_owned()), money(-cents)),
    ]
}

/// Commits and expects it to become true.
pub(crate) async fn committed(store: &Arc<dyn Store>, commit: Commit) {
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
}

/// The whole log of a Mandant.
pub(crate) async fn whole_log(store: &dyn Store, tenant: &str) -> Vec<SealedRecord> {
    store.log(tenant, 0, u32::MAX).await.unwrap()
}

/// Checks that positions are consecutive from 1 and that every hash follows from the one before it.
pub(crate) fn assert_chain(tenant: &str, log: &[SealedRecord]) {
    let mut previous = vec![0_u8; 32];
    for (position, record) in (1_u64..).zip(log) {
        assert_eq!(record.position, position);
        let mut bytes = previous;
        bytes.extend_from_slice(b"zahlstelle-log-1\n");
        let header = [
            tenant.to_owned(),
            position.to_string(),
            hex::encode(record.stream.as_bytes()),
            record.version.to_string(),
            record.at.as_microsecond().to_string(),
            record.wanted_day.to_string(),
            record.booking_day.to_string(),
            record.kind.as_str().to_owned(),
        ];
        for line in header {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(&record.body);
        previous = Sha256::digest(&bytes).to_vec();
        assert_eq!(record.hash.as_slice(), previous, "position {position}");
    }
}
