//! Notifications on their way, with the retries that the provider makes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::after;

/// The pauses between tries, in seconds, as Adyen documents them: three quick ones, then a queue that slows down.
const RETRY_AFTER_SECONDS: [i64; 12] = [9, 9, 9, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800];
/// How long a notification is tried, in seconds: 30 days.
const RETRY_FOR_SECONDS: i64 = 30 * 24 * 3_600;
/// How many undelivered notifications are kept; beyond it the oldest are given up.
const UNDELIVERED_MAX: usize = 100_000;
/// How long a reordered notification waits for one that overtakes it, in seconds.
const OVERTAKE_SECONDS: i64 = 30;

/// A notification to be posted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutgoingDelivery {
    /// What [`crate::World::delivered`] is told.
    pub id: u64,
    /// Where it goes.
    pub url: String,
    /// The headers it needs.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The exact bytes.
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Pending {
    body: String,
    created_at: Timestamp,
    /// `None` while it is out, waiting for [`Outbox::delivered`].
    due_at: Option<Timestamp>,
    tries: usize,
    /// Whether it waits to be overtaken.
    held: bool,
    /// The order among those due at the same time.
    rank: u64,
}

/// All notifications that have not been accepted yet.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Outbox {
    pending: BTreeMap<u64, Pending>,
    next_id: u64,
}

impl Outbox {
    /// Queues a notification; whatever is held back then follows it.
    pub(crate) fn push(&mut self, now: Timestamp, due_at: Timestamp, body: String) {
        let id = self.insert(Pending { body, created_at: now, due_at: Some(due_at), tries: 0, held: false, rank: 0 });
        for pending in self.pending.values_mut().filter(|pending| pending.held) {
            pending.held = false;
            pending.due_at = Some(due_at);
            pending.rank = id.saturating_add(1);
        }
    }

    /// Queues a notification that the next one shall overtake.
    pub(crate) fn push_held(&mut self, now: Timestamp, body: String) {
        let due_at = Some(after(now, OVERTAKE_SECONDS));
        self.insert(Pending { body, created_at: now, due_at, tries: 0, held: true, rank: 0 });
    }

    fn insert(&mut self, mut pending: Pending) -> u64 {
        // Ranks leave a gap after each, into which an overtaken one falls.
        let id = self.next_id;
        self.next_id = id.saturating_add(2);
        pending.rank = id;
        self.pending.insert(id, pending);
        if self.pending.len() > UNDELIVERED_MAX {
            self.pending.pop_first();
        }
        id
    }

    /// Hands out what is due, in order. Each stays out until [`Self::delivered`] is told of it.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Vec<(u64, String)> {
        let mut due: Vec<(Timestamp, u64, u64)> = self
            .pending
            .iter()
            .filter_map(|(id, pending)| {
                let due_at = pending.due_at.filter(|due_at| *due_at <= now)?;
                Some((due_at, pending.rank, *id))
            })
            .collect();
        due.sort_unstable();
        let mut taken = Vec::with_capacity(due.len());
        for (_, _, id) in due {
            if let Some(pending) = self.pending.get_mut(&id) {
                pending.due_at = None;
                pending.held = false;
                taken.push((id, pending.body.clone()));
            }
        }
        taken
    }

    /// Ends a delivery that was accepted, or sets its next try.
    pub(crate) fn delivered(&mut self, id: u64, status: Option<u16>, now: Timestamp) {
        let accepted = status.is_some_and(|status| (200..300).contains(&status));
        let Some(pending) = self.pending.get_mut(&id) else { return };
        let given_up = now >= after(pending.created_at, RETRY_FOR_SECONDS);
        if accepted || given_up {
            self.pending.remove(&id);
            return;
        }
        let pause = RETRY_AFTER_SECONDS.get(pending.tries).or(RETRY_AFTER_SECONDS.last()).copied().unwrap_or_default();
        pending.tries = pending.tries.saturating_add(1);
        pending.held = false;
        pending.due_at = Some(after(now, pause));
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.pending.values().filter_map(|pending| pending.due_at).min()
    }

    /// Makes everything due again that was out when the process ended: nobody knows whether it arrived.
    pub(crate) fn recall(&mut self, now: Timestamp) {
        for pending in self.pending.values_mut().filter(|pending| pending.due_at.is_none()) {
            pending.due_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-11-24T08:00:00Z".parse().unwrap()
    }

    fn bodies(outbox: &mut Outbox, now: Timestamp) -> Vec<String> {
        outbox.take_due(now).into_iter().map(|(_, body)| body).collect()
    }

    #[test]
    fn a_held_notification_is_overtaken_by_the_next() {
        let mut outbox = Outbox::default();
        outbox.push_held(start(), "first".to_owned());
        assert!(outbox.take_due(start()).is_empty());
        outbox.push(start(), start(), "second".to_owned());
        outbox.push(start(), start(), "third".to_owned());
        assert_eq!(bodies(&mut outbox, start()), ["second", "first", "third"]);
    }

    #[test]
    fn a_held_notification_that_nothing_overtakes_comes_by_itself() {
        let mut outbox = Outbox::default();
        outbox.push_held(start(), "only".to_owned());
        assert_eq!(bodies(&mut outbox, after(start(), OVERTAKE_SECONDS)), ["only"]);
    }

    #[test]
    fn refused_deliveries_come_back_until_the_provider_gives_up() {
        let mut outbox = Outbox::default();
        outbox.push(start(), start(), "body".to_owned());
        let mut now = start();
        let mut tries: u32 = 0;
        while let Some(due) = outbox.next_due() {
            now = due;
            for (id, _) in outbox.take_due(now) {
                tries += 1;
                outbox.delivered(id, if tries == 1 { None } else { Some(503) }, now);
            }
            assert!(tries < 1_000, "never gives up");
        }
        assert!(tries > 12, "{tries} tries");
        assert!(now >= after(start(), RETRY_FOR_SECONDS));
    }

    #[test]
    fn an_accepted_delivery_is_over_and_one_that_is_out_is_not_handed_out_again() {
        let mut outbox = Outbox::default();
        outbox.push(start(), start(), "body".to_owned());
        let (id, _) = outbox.take_due(start()).remove(0);
        assert!(outbox.take_due(after(start(), 60)).is_empty());
        outbox.recall(start());
        assert_eq!(outbox.take_due(start()).len(), 1);
        outbox.delivered(id, Some(202), start());
        assert_eq!(outbox.next_due(), None);
    }
}
