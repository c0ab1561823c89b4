//! Whether a provider account answers, as far as the last calls to it tell. Pure: the moment is an argument.
//!
//! Nobody calls a provider only to see whether it is there, so what is known may be old: what nobody has tried for a
//! while is no longer called down.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use zahlstelle_contract::{
    outcome::{CallError, NotSentCause, UnknownCause},
    reference::AccountName,
};

/// So many calls in a row without an answer make an account down.
pub const FAILURES_DOWN: u32 = 3;
/// Two failures with more time than this between them are not in a row.
pub const FAILURE_GAP: SignedDuration = SignedDuration::from_mins(15);
/// After so long without another failure nothing is known any more.
pub const DOWN_LAPSES: SignedDuration = SignedDuration::from_mins(15);

/// What a call says about the provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sign {
    /// It is there: it took the call, or said no to it.
    Answered,
    /// It was not reached, or gave no usable answer.
    Failed,
    /// The call ended on our side and says nothing.
    Nothing,
}

impl Sign {
    /// What the end of a call says.
    pub fn of<T>(result: &Result<T, CallError>) -> Self {
        let Err(error) = result else { return Self::Answered };
        match error {
            CallError::Declined { .. } | CallError::Rejected { .. } => Self::Answered,
            CallError::NotSent { cause: NotSentCause::NoConnection } => Self::Failed,
            CallError::NotSent { cause: NotSentCause::Busy | NotSentCause::BadRequest } => Self::Nothing,
            CallError::Unknown { cause } => match cause {
                // It speaks of another call under the same key, so it is there.
                UnknownCause::ServerError { status: ..=499 } => Self::Answered,
                UnknownCause::Timeout
                | UnknownCause::ConnectionLost
                | UnknownCause::ServerError { .. }
                | UnknownCause::Unreadable => Self::Failed,
            },
        }
    }
}

/// What is known about one account.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Health {
    failures: u32,
    first_failure: Option<Timestamp>,
    last_failure: Option<Timestamp>,
}

impl Health {
    /// What is known after a call that ended at `now`.
    #[must_use]
    pub fn after(self, sign: Sign, now: Timestamp) -> Self {
        match sign {
            Sign::Nothing => self,
            Sign::Answered => Self::default(),
            Sign::Failed => {
                let in_a_row = self.last_failure.is_some_and(|last| now.duration_since(last) <= FAILURE_GAP);
                let (failures, first) = if in_a_row { (self.failures, self.first_failure) } else { (0, None) };
                Self {
                    failures: failures.saturating_add(1),
                    first_failure: first.or(Some(now)),
                    last_failure: Some(now),
                }
            }
        }
    }

    /// Since when the account has been down; [`None`] when it is up or nothing is known.
    pub fn down_since(self, now: Timestamp) -> Option<Timestamp> {
        let fresh = self.last_failure.is_some_and(|last| now.duration_since(last) <= DOWN_LAPSES);
        self.first_failure.filter(|_| fresh && self.failures >= FAILURES_DOWN)
    }
}

/// What is known about every account.
#[derive(Debug, Default)]
pub(super) struct Healths(Mutex<BTreeMap<AccountName, Health>>);

impl Healths {
    /// Takes up the end of a call. Only accounts of the settings are ever called, so the map is bounded by them.
    pub(super) fn note(&self, account: &AccountName, sign: Sign, now: Timestamp) {
        let mut healths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = healths.get(account).copied().unwrap_or_default();
        let after = before.after(sign, now);
        healths.insert(account.clone(), after);
        match (before.down_since(now), after.down_since(now)) {
            (None, Some(_)) => tracing::error!(%account, "provider account {account} does not answer"),
            (Some(_), None) => tracing::info!(%account, "provider account {account} answers again"),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }

    pub(super) fn down_since(&self, account: &AccountName, now: Timestamp) -> Option<Timestamp> {
        let healths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        healths.get(account).and_then(|health| health.down_since(now))
    }
}

#[cfg(test)]
mod tests {
    use zahlstelle_contract::reference::ProviderCode;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// The state after signs at their seconds.
    fn after(signs: &[(i64, Sign)]) -> Health {
        signs.iter().fold(Health::default(), |health, (second, sign)| health.after(*sign, at(*second)))
    }

    #[test]
    fn three_failures_in_a_row_are_down_since_the_first() {
        use Sign::{Answered, Failed, Nothing};
        let gap = FAILURE_GAP.as_secs();
        let none: &[(i64, Sign)] = &[];
        let cases = [
            (none, 0, None),
            (&[(1, Failed), (2, Failed)], 2, None),
            (&[(1, Failed), (2, Failed), (3, Failed)], 3, Some(1)),
            (&[(1, Failed), (2, Nothing), (3, Failed), (4, Nothing), (5, Failed)], 5, Some(1)),
            (&[(1, Failed), (2, Failed), (3, Answered), (4, Failed)], 4, None),
            (&[(1, Failed), (2, Failed), (3, Failed), (4, Answered)], 4, None),
            // The last failure is as near as it may be, and then a second too far.
            (&[(0, Failed), (1, Failed), (1 + gap, Failed)], 1 + gap, Some(0)),
            (&[(0, Failed), (1, Failed), (2 + gap, Failed)], 2 + gap, None),
            // What went on failing stays down since the beginning.
            (&[(0, Failed), (600, Failed), (1_200, Failed), (1_800, Failed)], 1_800, Some(0)),
        ];
        for (signs, now, down_since) in cases {
            assert_eq!(after(signs).down_since(at(now)), down_since.map(at), "{signs:?}");
        }
    }

    #[test]
    fn what_nobody_tries_is_not_called_down_for_ever() {
        let down = after(&[(1, Sign::Failed), (2, Sign::Failed), (3, Sign::Failed)]);
        let lapses = 3 + DOWN_LAPSES.as_secs();
        assert_eq!(down.down_since(at(lapses)), Some(at(1)));
        assert_eq!(down.down_since(at(lapses + 1)), None);
    }

    #[test]
    fn only_a_provider_that_is_not_there_has_failed() {
        let unknown = |cause| Err(CallError::Unknown { cause });
        let not_sent = |cause| Err(CallError::NotSent { cause });
        let code = || ProviderCode::parse("refused").unwrap();
        let signs: [(Result<(), CallError>, Sign); 10] = [
            (Ok(()), Sign::Answered),
            (Err(CallError::Declined { code: code() }), Sign::Answered),
            (Err(CallError::Rejected { status: 422, code: None }), Sign::Answered),
            (unknown(UnknownCause::ServerError { status: 409 }), Sign::Answered),
            (unknown(UnknownCause::ServerError { status: 500 }), Sign::Failed),
            (unknown(UnknownCause::Timeout), Sign::Failed),
            (unknown(UnknownCause::Unreadable), Sign::Failed),
            (not_sent(NotSentCause::NoConnection), Sign::Failed),
            (not_sent(NotSentCause::Busy), Sign::Nothing),
            (not_sent(NotSentCause::BadRequest), Sign::Nothing),
        ];
        for (result, sign) in signs {
            assert_eq!(Sign::of(&result), sign, "{result:?}");
        }
    }
}
