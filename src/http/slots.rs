//! How many connections each source has, and how many requests under way that need no key.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::http::source::Source;

/// What each source has open. Sources without anything are not kept, so the table is never larger than the number of
/// connections or requests. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    max: usize,
    open: Arc<Mutex<HashMap<Source, usize>>>,
}

/// The place of a connection or request among those of its source.
#[derive(Debug)]
pub(super) struct Slot {
    source: Source,
    slots: Slots,
}

impl Slots {
    pub(super) fn new(max: usize) -> Self {
        Self { max, open: Arc::default() }
    }

    /// A place, if the source has one left.
    pub(super) fn take(&self, source: Source) -> Option<Slot> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let number = open.entry(source).or_default();
        if *number >= self.max {
            return None;
        }
        *number = number.saturating_add(1);
        Some(Slot { source, slots: self.clone() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = open.get_mut(&self.source) {
            *number = number.saturating_sub(1);
            if *number == 0 {
                open.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_so_many_places_and_others_have_theirs() {
        let slots = Slots::new(2);
        let source = |address: &str| Source::of(address.parse().unwrap());
        let held = [slots.take(source("192.0.2.1")), slots.take(source("192.0.2.1"))];
        assert!(held.iter().all(Option::is_some));
        assert!(slots.take(source("192.0.2.1")).is_none());
        assert!(slots.take(source("192.0.2.2")).is_some());
        drop(held);
        assert!(slots.take(source("192.0.2.1")).is_some());
        assert!(slots.open.lock().unwrap().is_empty(), "who has no connection is not kept");
    }
}
