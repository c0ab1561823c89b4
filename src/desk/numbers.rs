//! Kassenzeichen: instances lease blocks of numbers in commits of their own and give them out one by one.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Desk, DeskError, TenantDesk,
    log::{self, NumbersRecord},
};
use crate::{
    domain::kassenzeichen::{Block, Kassenzeichen, NumberError, Range},
    store::commit::{Append, Commit, Outcome, StreamKind},
};

/// How many numbers in a row may be unusable; check-digit rules skip one in eleven.
const UNUSABLE_MAX: usize = 1_000;
/// How often a lease is tried while other instances lease, too.
const LEASES_MAX: usize = 64;

/// The numbers this instance has leased and not given out, by Mandant and range.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    left: Mutex<BTreeMap<(String, String), Block>>,
}

impl Desk {
    /// The next Kassenzeichen of a range.
    pub(super) async fn next_kassenzeichen(
        &self,
        desk: &TenantDesk,
        range: &Range,
    ) -> Result<Kassenzeichen, DeskError> {
        for _ in 0..UNUSABLE_MAX {
            let number = match self.numbers.take(desk.tenant.id.as_str(), range) {
                Some(number) => number,
                None => self.lease(desk, range).await?,
            };
            match range.scheme().number(number) {
                Ok(kassenzeichen) => return Ok(kassenzeichen),
                Err(NumberError::Unusable) => {}
                Err(NumberError::Exhausted) => return Err(DeskError::KassenzeichenExhausted),
            }
        }
        Err(DeskError::KassenzeichenExhausted)
    }

    /// Leases the next block and returns its first number. Several callers may lease at once; each gets its own block.
    async fn lease(&self, desk: &TenantDesk, range: &Range) -> Result<u64, DeskError> {
        let tenant = desk.tenant.id.as_str();
        let stream = stream_of(range.name().as_str());
        for _ in 0..LEASES_MAX {
            let records = self.store.stream(tenant, stream).await?;
            let end = match records.last() {
                Some(record) => {
                    let NumbersRecord::BlockLeased { last, .. } = serde_json::from_slice(&record.body)?;
                    Some(last)
                }
                None => None,
            };
            let block = range.next_block(end).map_err(|_| DeskError::KassenzeichenExhausted)?;
            let record = NumbersRecord::BlockLeased {
                range: range.name().as_str().to_owned(),
                first: block.first,
                last: block.last,
                instance: self.settings.instance.clone(),
            };
            let mut commit = Commit::new(self.id(), tenant, self.now());
            commit.appends.push(Append {
                stream,
                expected_version: records.last().map_or(0, |record| record.version),
                kind: StreamKind::Numbers,
                records: vec![log::plain_record(&record)?],
            });
            if self.store.commit(commit).await? == Outcome::Committed {
                if range.is_nearly_used_up(block.last) {
                    tracing::error!(range = %range.name(), last = block.last, "range {} of Kassenzeichen is nearly used up", range.name());
                }
                return Ok(self.numbers.put(tenant, range, block));
            }
        }
        Err(DeskError::Contended)
    }
}

impl Numbers {
    fn take(&self, tenant: &str, range: &Range) -> Option<u64> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.to_owned(), range.name().as_str().to_owned());
        let block = left.get_mut(&key)?;
        let number = block.first;
        if number >= block.last {
            left.remove(&key);
        } else {
            block.first = number.saturating_add(1);
        }
        Some(number)
    }

    /// Keeps a block, or what is left of two; returns the first number of the new one.
    fn put(&self, tenant: &str, range: &Range, block: Block) -> u64 {
        let number = block.first;
        if number < block.last {
            let rest = Block { first: number.saturating_add(1), last: block.last };
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            // When two callers leased at once, the older rest stays void; the gap report shows it.
            left.insert((tenant.to_owned(), range.name().as_str().to_owned()), rest);
        }
        number
    }
}

/// The stream of a range: an id that follows from its name.
pub(super) fn stream_of(range: &str) -> Uuid {
    let digest = Sha256::digest([b"numbers/".as_slice(), range.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.split_at(16).0);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
