//! The hash chain over the sealed log, specified in `docs/journal.md` so that an auditor can recompute it.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sha2::{Digest, Sha256};

/// What is sealed with one position of the log.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The Mandant.
    pub tenant: &'a str,
    /// Consecutive from 1.
    pub position: u64,
    /// The stream, as 32 hexadecimal digits.
    pub stream: uuid::Uuid,
    /// The version within the stream, from 1.
    pub version: u64,
    /// The moment of the command, in microseconds since 1970 (UTC).
    pub at_micros: i64,
    /// The day the record wants.
    pub wanted_day: Date,
    /// The day it gets.
    pub booking_day: Date,
    /// What the stream is about, as the log names it.
    pub kind: &'a str,
    /// The canonical bytes of the record, exactly as stored.
    pub body: &'a [u8],
}

/// The hash before the first record of a Mandant.
pub const GENESIS: [u8; 32] = [0; 32];

/// The hash of a position: SHA-256 over the previous hash, nine header lines and the body.
pub fn hash(previous: &[u8; 32], link: &Link<'_>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    let header = format!(
        "zahlstelle-log-1\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
        link.tenant,
        link.position,
        link.stream.simple(),
        link.version,
        link.at_micros,
        link.wanted_day,
        link.booking_day,
        link.kind,
    );
    hasher.update(header.as_bytes());
    hasher.update(link.body);
    hasher.finalize().into()
}

/// The civil day of an instant in Europe/Berlin, where the treasury's days begin and end.
pub fn berlin_day(at: Timestamp) -> Date {
    // The zone data is compiled in, so the look-up cannot fail; UTC would be the honest remainder if it ever did.
    let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    at.to_zoned_datetime(zone).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_change_at_midnight_in_berlin() {
        let day = |text: &str| berlin_day(text.parse().unwrap()).to_string();
        assert_eq!(day("2026-03-28T22:59:59Z"), "2026-03-28");
        assert_eq!(day("2026-03-28T23:00:00Z"), "2026-03-29");
        assert_eq!(day("2026-07-01T21:59:59Z"), "2026-07-01");
        assert_eq!(day("2026-07-01T22:00:00Z"), "2026-07-02");
    }

    #[test]
    fn every_part_of_a_link_changes_the_hash() {
        let day: Date = "2026-11-24".parse().unwrap();
        let base = Link {
            tenant: "stadt",
            position: 1,
            stream: uuid::Uuid::from_u128(7),
            version: 1,
            at_micros: 5,
            wanted_day: day,
            booking_day: day,
            kind: "payment",
            body: b"{}",
        };
        let reference = hash(&GENESIS, &base);
        let others = [
            Link { tenant: "dorf", ..base },
            Link { position: 2, ..base },
            Link { stream: uuid::Uuid::from_u128(8), ..base },
            Link { version: 2, ..base },
            Link { at_micros: 6, ..base },
            Link { wanted_day: day.tomorrow().unwrap(), ..base },
            Link { booking_day: day.tomorrow().unwrap(), ..base },
            Link { kind: "client", ..base },
            Link { body: b"{ }", ..base },
        ];
        assert!(others.iter().all(|other| hash(&GENESIS, other) != reference));
        assert_ne!(hash(&[1; 32], &base), reference);
    }
}
