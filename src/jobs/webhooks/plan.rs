//! What is sent to an endpoint next, and what a try that failed means for it. Pure.
//!
//! While first tries arrive, an endpoint gets what there is, several at a time. After some that fail in a row it is taken
//! for down: then one thing at a time is tried, after pauses that grow, and the log keeps the rest. The first try that
//! arrives opens the way again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::desk::webhooks::{Backlog, WebhookProgress, jittered, sender::PENDING_MAX};

/// After how many first tries in a row that failed an endpoint is taken for down.
const DOWN_AFTER: u32 = 5;
/// How many events are sent with one round.
const PAGE_MAX: usize = 64;
/// The pauses between tries to an endpoint that is down; the last one repeats.
const PROBE_SECONDS: [u64; 6] = [10, 30, 60, 120, 300, 600];
/// How long an endpoint is left alone that says "too much" without saying for how long.
const SLOW_DOWN_DEFAULT: Duration = Duration::from_secs(30);
/// The shortest time that an endpoint is left alone that says "too much".
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
/// The longest time that an endpoint may ask to be left alone.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// What is there to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) progress: WebhookProgress,
    pub(super) backlog: Backlog,
    pub(super) is_replaying: bool,
}

/// How much of it is sent now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Plan {
    /// Nothing before this moment, or before something changes.
    Wait(Option<Timestamp>),
    /// So much of each kind; what comes first is tried first.
    Send(Amounts),
}

/// How many deliveries of each kind are sent in a round.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Amounts {
    /// Events behind the position.
    pub(super) first: usize,
    /// What failed before and is due.
    pub(super) again: usize,
    /// Events of a replay.
    pub(super) replayed: usize,
    /// Whether one thing at a time is tried, and of the three kinds only the first that there is.
    pub(super) probing: bool,
}

/// What is to be sent at this moment.
pub(super) fn plan(standing: &Standing, now: Timestamp) -> Plan {
    let Standing { progress, backlog, is_replaying } = standing;
    if let Some(resume_at) = progress.resume_at.filter(|resume_at| now < *resume_at) {
        return Plan::Wait(Some(resume_at));
    }
    let has_room = backlog.pending < PENDING_MAX;
    let is_due = backlog.next_try_at.is_some_and(|due_at| due_at <= now);
    if is_down(progress) {
        // In turns, so that neither one bad event nor a long backlog keeps us from seeing that others arrive.
        let again_first = is_due && (!progress.failures.is_multiple_of(2) || !has_room);
        let first = usize::from(has_room && !again_first);
        let replayed = usize::from(*is_replaying && has_room);
        return Plan::Send(Amounts { first, again: usize::from(is_due), replayed, probing: true });
    }
    Plan::Send(Amounts {
        first: if has_room { PAGE_MAX } else { 0 },
        again: if is_due { PAGE_MAX } else { 0 },
        replayed: if *is_replaying && has_room { PAGE_MAX } else { 0 },
        probing: false,
    })
}

/// When to look again if nothing was there to be sent and nothing changes.
pub(super) fn next_look(backlog: &Backlog) -> Option<Timestamp> {
    backlog.next_try_at
}

/// Whether an endpoint is taken for down.
pub(super) fn is_down(progress: &WebhookProgress) -> bool {
    progress.failures >= DOWN_AFTER
}

/// An endpoint after something arrived. What it asked for while that was under way it is still given.
pub(super) fn after_arrival(progress: &mut WebhookProgress, asked_until: Option<Timestamp>) {
    progress.failures = 0;
    progress.failing_since = None;
    progress.resume_at = asked_until;
}

/// An endpoint after a try failed.
pub(super) fn after_failure(progress: &mut WebhookProgress, is_first_try: bool, now: Timestamp, random: u8) {
    progress.failing_since = progress.failing_since.or(Some(now));
    // A bad event that fails again and again says nothing about the others; a first try does. When the endpoint is
    // down anyway, every failed probe makes the next pause longer.
    if is_first_try || is_down(progress) {
        progress.failures = progress.failures.saturating_add(1);
    }
    if is_down(progress) {
        let step = usize::try_from(progress.failures.saturating_sub(DOWN_AFTER)).unwrap_or(usize::MAX);
        let seconds = PROBE_SECONDS.get(step).or(PROBE_SECONDS.last()).copied().unwrap_or_default();
        pause(progress, jittered(Duration::from_secs(seconds), random), now);
    }
}

/// An endpoint after it said that it has too much to do (429, 502, 504); until when it is left alone for that.
pub(super) fn slow_down(
    progress: &mut WebhookProgress,
    asked: Option<Duration>,
    now: Timestamp,
    random: u8,
) -> Option<Timestamp> {
    let wait = asked.unwrap_or(SLOW_DOWN_DEFAULT).clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX);
    pause(progress, jittered(wait, random), now)
}

fn pause(progress: &mut WebhookProgress, wait: Duration, now: Timestamp) -> Option<Timestamp> {
    let until = SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok());
    progress.resume_at = progress.resume_at.max(until);
    until
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn standing(failures: u32, pending: u64, due: Option<i64>) -> Standing {
        Standing {
            progress: WebhookProgress { position: 9, failures, failing_since: None, resume_at: None },
            backlog: Backlog { pending, next_try_at: due.map(at) },
            is_replaying: false,
        }
    }

    fn amounts(standing: &Standing) -> Amounts {
        match plan(standing, at(0)) {
            Plan::Send(amounts) => amounts,
            Plan::Wait(until) => panic!("waits until {until:?}"),
        }
    }

    #[test]
    fn an_endpoint_that_works_gets_everything_there_is() {
        let all = Amounts { first: PAGE_MAX, again: 0, replayed: 0, probing: false };
        assert_eq!(amounts(&standing(0, 0, None)), all);
        assert_eq!(amounts(&standing(4, 7, Some(1))), all, "what is not due waits");
        assert_eq!(amounts(&standing(4, 7, Some(0))), Amounts { again: PAGE_MAX, ..all });
        let replaying = Standing { is_replaying: true, ..standing(0, 0, None) };
        assert_eq!(amounts(&replaying), Amounts { replayed: PAGE_MAX, ..all });
        let full = Standing { is_replaying: true, ..standing(0, PENDING_MAX, Some(0)) };
        assert_eq!(amounts(&full), Amounts { first: 0, again: PAGE_MAX, replayed: 0, probing: false });
    }

    #[test]
    fn g7_an_endpoint_that_is_down_gets_one_thing_at_a_time_in_turns() {
        let probe = |first, again| Amounts { first, again, replayed: 0, probing: true };
        assert_eq!(amounts(&standing(6, 3, Some(0))), probe(1, 1));
        assert_eq!(amounts(&standing(7, 3, Some(0))), probe(0, 1));
        assert_eq!(amounts(&standing(7, 3, Some(1))), probe(1, 0), "nothing else is due");
        assert_eq!(amounts(&standing(6, PENDING_MAX, Some(0))), probe(0, 1), "the log keeps the rest");
        let mut paused = standing(6, 3, Some(0));
        paused.progress.resume_at = Some(at(1));
        assert_eq!(plan(&paused, at(0)), Plan::Wait(Some(at(1))));
        assert_eq!(plan(&paused, at(1)), plan(&standing(6, 3, Some(0)), at(1)));
    }

    #[test]
    fn pauses_grow_while_nothing_arrives_and_end_with_the_first_arrival() {
        let mut progress = standing(0, 0, None).progress;
        let mut pauses = Vec::new();
        for _ in 0..14 {
            after_failure(&mut progress, true, at(0), 0);
            pauses.push(progress.resume_at.map_or(0, |until| until.duration_since(at(0)).as_secs()));
        }
        assert_eq!(pauses, [0, 0, 0, 0, 10, 30, 60, 120, 300, 600, 600, 600, 600, 600]);
        assert_eq!(progress.failing_since, Some(at(0)));
        after_arrival(&mut progress, None);
        assert_eq!(progress, standing(0, 0, None).progress);
    }

    #[test]
    fn g7_what_arrives_beside_a_wish_to_be_left_alone_does_not_end_it() {
        let mut progress = standing(9, 0, None).progress;
        let asked_until = slow_down(&mut progress, Some(Duration::from_mins(10)), at(0), 0);
        after_arrival(&mut progress, asked_until);
        let left_alone = WebhookProgress { resume_at: Some(at(600)), ..standing(0, 0, None).progress };
        assert_eq!(progress, left_alone);
    }

    #[test]
    fn g4_a_replay_goes_on_while_an_endpoint_is_taken_for_down() {
        let replaying = Standing { is_replaying: true, ..standing(6, 0, None) };
        assert_eq!(amounts(&replaying), Amounts { first: 1, again: 0, replayed: 1, probing: true });
        let full = Standing { is_replaying: true, ..standing(6, PENDING_MAX, Some(0)) };
        assert_eq!(amounts(&full), Amounts { first: 0, again: 1, replayed: 0, probing: true });
    }

    #[test]
    fn one_bad_event_never_makes_an_endpoint_look_down() {
        let mut progress = standing(0, 0, None).progress;
        for _ in 0..20 {
            after_failure(&mut progress, false, at(0), 0);
        }
        assert!(!is_down(&progress) && progress.resume_at.is_none());
    }

    #[test]
    fn g7_an_endpoint_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
        for (asked, expected) in [(None, 30), (Some(0), 1), (Some(7), 7), (Some(3_600), 3_600), (Some(u64::MAX), 3_600)]
        {
            let mut progress = standing(0, 0, None).progress;
            slow_down(&mut progress, asked.map(Duration::from_secs), at(0), 0);
            assert_eq!(progress.resume_at, Some(at(expected)), "{asked:?}");
        }
        let mut progress = standing(0, 0, None).progress;
        slow_down(&mut progress, Some(Duration::from_mins(10)), at(0), 0);
        slow_down(&mut progress, Some(Duration::from_secs(1)), at(0), 0);
        assert_eq!(progress.resume_at, Some(at(600)), "the longer wish counts");
    }
}
