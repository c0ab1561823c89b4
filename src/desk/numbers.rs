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
    domain::kassenzeichen::{Kassenzeichen, NumberError, Range},
    store::commit::{Append, Commit, Outcome, StreamKind},
};

/// How many numbers in a row may be unusable; check-digit rules skip one in eleven.
const UNUSABLE_MAX: usize = 1_000;
/// How many drawn and unused Kassenzeichen of a range are kept; more stay void.
const UNUSED_MAX: usize = 1_000;
/// How often a lease is tried while other instances lease, too; within an instance only one leases at a time.
const LEASES_MAX: usize = 64;

/// The numbers this instance has leased and not given out, by Mandant and range.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    left: Mutex<BTreeMap<(String, String), Leased>>,
    /// Kassenzeichen that were drawn for creations which turned out to be repetitions; the next creation takes them.
    unused: Mutex<BTreeMap<(String, String), Vec<Kassenzeichen>>>,
    /// Held while leasing: whoever finds a block used up waits for the next one instead of leasing another.
    leasing: tokio::sync::Mutex<()>,
}

/// The block that an instance leased last.
#[derive(Clone, Copy, Debug)]
struct Leased {
    /// The next number to be given out; none is left when it lies behind the last.
    next: u64,
    /// The last number of the block.
    last: u64,
    /// The version of the record that leased it.
    version: u64,
}

impl Desk {
    /// The next Kassenzeichen of a range.
    pub(super) async fn next_kassenzeichen(
        &self,
        desk: &TenantDesk,
        range: &Range,
    ) -> Result<Kassenzeichen, DeskError> {
        if let Some(unused) = self.numbers.take_unused(desk.tenant.id.as_str(), range) {
            return Ok(unused);
        }
        for _ in 0..UNUSABLE_MAX {
            let number = match self.numbers.take(desk.tenant.id.as_str(), range) {
                Some(number) => number,
                None => self.number_of_next_block(desk, range).await?,
            };
            match range.scheme().number(number) {
                Ok(kassenzeichen) => return Ok(kassenzeichen),
                Err(NumberError::Unusable) => {}
                Err(NumberError::Exhausted) => return Err(DeskError::KassenzeichenExhausted),
            }
        }
        Err(DeskError::KassenzeichenExhausted)
    }

    async fn number_of_next_block(&self, desk: &TenantDesk, range: &Range) -> Result<u64, DeskError> {
        let tenant = desk.tenant.id.as_str();
        let _leasing = self.numbers.leasing.lock().await;
        // Somebody else may have leased while this caller waited.
        if let Some(number) = self.numbers.take(tenant, range) {
            return Ok(number);
        }
        let mut end = self.numbers.leased(tenant, range).map(|leased| (leased.version, leased.last));
        for _ in 0..LEASES_MAX {
            if let Some(leased) = self.lease(desk, range, end).await? {
                return Ok(self.numbers.put(tenant, range, leased));
            }
            end = self.end_of_leases(tenant, range).await?;
        }
        Err(DeskError::Contended)
    }

    /// Leases the block behind the `end` of all leases, version and number; [`None`] when another instance was faster.
    async fn lease(
        &self,
        desk: &TenantDesk,
        range: &Range,
        end: Option<(u64, u64)>,
    ) -> Result<Option<Leased>, DeskError> {
        let block = range.next_block(end.map(|(_, last)| last)).map_err(|_| DeskError::KassenzeichenExhausted)?;
        let record = NumbersRecord::BlockLeased {
            range: range.name().as_str().to_owned(),
            first: block.first,
            last: block.last,
            instance: self.settings.instance.clone(),
        };
        let expected_version = end.map_or(0, |(version, _)| version);
        let mut commit = Commit::new(self.id(), desk.tenant.id.as_str(), self.now());
        commit.appends.push(Append {
            stream: stream_of(range.name().as_str()),
            expected_version,
            kind: StreamKind::Numbers,
            records: vec![log::plain_record(&record)?],
        });
        if self.store.commit(commit).await? != Outcome::Committed {
            return Ok(None);
        }
        if range.is_nearly_used_up(block.last) {
            tracing::error!(range = %range.name(), last = block.last, "range {} of Kassenzeichen is nearly used up", range.name());
        }
        let version = expected_version.saturating_add(1);
        Ok(Some(Leased { next: block.first, last: block.last, version }))
    }

    /// Version and last number of the latest lease, whichever instance made it.
    async fn end_of_leases(&self, tenant: &str, range: &Range) -> Result<Option<(u64, u64)>, DeskError> {
        let records = self.store.stream(tenant, stream_of(range.name().as_str())).await?;
        let Some(record) = records.last() else { return Ok(None) };
        let NumbersRecord::BlockLeased { last, .. } = serde_json::from_slice(&record.body)?;
        Ok(Some((record.version, last)))
    }
}

impl Numbers {
    /// Takes back what was drawn in vain.
    pub(super) fn give_back(&self, tenant: &str, range: &Range, kassenzeichen: Kassenzeichen) {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        let of_range = unused.entry(key_of(tenant, range)).or_default();
        if of_range.len() < UNUSED_MAX {
            of_range.push(kassenzeichen);
        }
    }

    fn take_unused(&self, tenant: &str, range: &Range) -> Option<Kassenzeichen> {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        unused.get_mut(&key_of(tenant, range))?.pop()
    }

    fn take(&self, tenant: &str, range: &Range) -> Option<u64> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let leased = left.get_mut(&key_of(tenant, range))?;
        let number = leased.next;
        (number <= leased.last).then(|| {
            leased.next = number.saturating_add(1);
            number
        })
    }

    fn leased(&self, tenant: &str, range: &Range) -> Option<Leased> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.get(&key_of(tenant, range)).copied()
    }

    /// Keeps a block and returns its first number.
    fn put(&self, tenant: &str, range: &Range, leased: Leased) -> u64 {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.insert(key_of(tenant, range), Leased { next: leased.next.saturating_add(1), ..leased });
        leased.next
    }
}

fn key_of(tenant: &str, range: &Range) -> (String, String) {
    (tenant.to_owned(), range.name().as_str().to_owned())
}

/// The stream of a range: an id that follows from its name.
pub(super) fn stream_of(range: &str) -> Uuid {
    let digest = Sha256::digest([b"numbers/".as_slice(), range.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.split_at(16).0);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
