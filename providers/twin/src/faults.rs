//! Everything that can be told to go wrong, and how often it did.
//!
//! | fault | operations | what happens |
//! |---|---|---|
//! | `refuse_connection`, `drop_before` | provider calls, `pay` | the connection breaks before anything is done; not counted as a call |
//! | `rate_limited` | provider calls | 429, nothing is done |
//! | `error_500` | provider calls, `pay` | 500, nothing is done |
//! | `error_500_stored` | calls with an idempotency key | 500, nothing is done, and the key answers 500 ever after |
//! | `error_500_after_commit` | provider calls | done, but 500 is answered; the key replays the true answer |
//! | `lose_answer` | provider calls, `pay` | done, but the connection breaks |
//! | `delay` | provider calls, `pay` | done, answered after `millis` |
//! | `wrong_amount`, `wrong_account` | provider calls, `notification` | the answer or notification names another amount or account |
//! | `decline` | `pay` | an approval is refused |
//! | `pending` | `pay` | an approval leaves the page `paymentPending` until `POST /control/complete` |
//! | `double_approve` | `pay` | an approval takes the money twice |
//! | `reversal` | `pay` | the money goes back right after success |
//! | `fail_modification` | `capture`, `refund`, `cancel` | received, but the notification says that it failed |
//! | `duplicate` | `notification` | comes twice |
//! | `reorder` | `notification` | comes after the one that follows it |
//! | `late` | `notification` | comes after `seconds` |
//! | `drop_notification` | `notification` | never comes |
//! | `bad_signature` | `notification` | its signature is wrong |
//! | `skewed_clock` | `notification` | its date is off by `seconds` |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::random::SplitMix64;

/// How long a delayed answer takes unless the fault says otherwise, in milliseconds.
pub const DELAY_MILLIS_DEFAULT: u64 = 2_000;
/// How late a late notification is unless the fault says otherwise, in seconds.
pub const LATE_SECONDS_DEFAULT: i64 = 60;
/// How far a skewed clock is off unless the fault says otherwise, in seconds.
pub const SKEW_SECONDS_DEFAULT: i64 = 900;

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Making a hosted page.
    OpenPage,
    /// Making a hosted page unpayable.
    ClosePage,
    /// Asking about a hosted page.
    Query,
    /// Taking authorised money.
    Capture,
    /// Giving money back.
    Refund,
    /// Giving up an authorisation.
    Cancel,
    /// A payer's approval on the hosted page.
    Pay,
    /// A message to the service.
    Notification,
}

impl Operation {
    fn is_call(self) -> bool {
        match self {
            Self::OpenPage | Self::ClosePage | Self::Query | Self::Capture | Self::Refund | Self::Cancel => true,
            Self::Pay | Self::Notification => false,
        }
    }
}

/// What goes wrong; see the table of this module.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the table of this module says what each one does")]
pub enum Fault {
    RefuseConnection,
    DropBefore,
    RateLimited,
    #[serde(rename = "error_500")]
    Error500,
    #[serde(rename = "error_500_stored")]
    Error500Stored,
    #[serde(rename = "error_500_after_commit")]
    Error500AfterCommit,
    LoseAnswer,
    Delay,
    WrongAmount,
    WrongAccount,
    Decline,
    Pending,
    DoubleApprove,
    Reversal,
    FailModification,
    Duplicate,
    Reorder,
    Late,
    DropNotification,
    BadSignature,
    SkewedClock,
}

impl Fault {
    /// Whether it means anything there.
    pub fn strikes_at(self, operation: Operation) -> bool {
        let call = operation.is_call();
        let pay = operation == Operation::Pay;
        let notification = operation == Operation::Notification;
        match self {
            Self::RefuseConnection | Self::DropBefore | Self::Error500 | Self::LoseAnswer | Self::Delay => call || pay,
            Self::RateLimited | Self::Error500AfterCommit => call,
            Self::WrongAmount | Self::WrongAccount => call || notification,
            Self::Decline | Self::Pending | Self::DoubleApprove | Self::Reversal => pay,
            Self::Error500Stored => operation == Operation::OpenPage || is_modification(operation),
            Self::FailModification => is_modification(operation),
            Self::Duplicate
            | Self::Reorder
            | Self::Late
            | Self::DropNotification
            | Self::BadSignature
            | Self::SkewedClock => notification,
        }
    }
}

fn is_modification(operation: Operation) -> bool {
    matches!(operation, Operation::Capture | Operation::Refund | Operation::Cancel)
}

/// A fault that is going to happen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultOrder {
    /// What goes wrong.
    pub fault: Fault,
    /// Where.
    pub operation: Operation,
    /// How many times; 0 disarms.
    #[serde(default = "once")]
    pub count: u32,
    /// The length of a `delay`.
    #[serde(default)]
    pub millis: Option<u64>,
    /// The length of `late`, or how far `skewed_clock` is off.
    #[serde(default)]
    pub seconds: Option<i64>,
}

fn once() -> u32 {
    1
}

/// How much goes wrong by chance, on top of what is ordered.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Nothing.
    #[default]
    None,
    /// A bad day.
    Mild,
    /// A day that nobody should have.
    Wild,
}

/// Luck by fault and operation, in thousandths: `(fault, operation, mild, wild)`. Faults that end in front of two
/// people (another amount or account, a payment taken twice) are only ever ordered.
const LUCK: &[(Fault, &[Operation], u64, u64)] = {
    use Operation::{Cancel, Capture, ClosePage, Notification, OpenPage, Pay, Query, Refund};
    const CALLS: &[Operation] = &[OpenPage, ClosePage, Query, Capture, Refund, Cancel];
    const CHANGES: &[Operation] = &[OpenPage, ClosePage, Capture, Refund, Cancel];
    const KEYED: &[Operation] = &[OpenPage, Capture, Refund, Cancel];
    const MODIFICATIONS: &[Operation] = &[Capture, Refund, Cancel];
    &[
        (Fault::RefuseConnection, CALLS, 5, 30),
        (Fault::DropBefore, CALLS, 5, 50),
        (Fault::RateLimited, CALLS, 0, 30),
        (Fault::Error500, CALLS, 10, 50),
        (Fault::Error500Stored, KEYED, 0, 10),
        (Fault::Error500AfterCommit, CHANGES, 5, 50),
        (Fault::LoseAnswer, CHANGES, 10, 100),
        (Fault::Decline, &[Pay], 50, 150),
        (Fault::Reversal, &[Pay], 0, 20),
        (Fault::FailModification, MODIFICATIONS, 5, 50),
        (Fault::Duplicate, &[Notification], 50, 200),
        (Fault::Reorder, &[Notification], 20, 200),
        (Fault::Late, &[Notification], 20, 150),
        (Fault::DropNotification, &[Notification], 0, 50),
        (Fault::BadSignature, &[Notification], 0, 20),
        (Fault::SkewedClock, &[Notification], 5, 50),
    ]
};

/// A fault that has just struck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strike {
    millis: Option<u64>,
    seconds: Option<i64>,
}

impl Strike {
    pub(crate) fn millis(self) -> u64 {
        self.millis.unwrap_or(DELAY_MILLIS_DEFAULT)
    }

    pub(crate) fn seconds_or(self, default: i64) -> i64 {
        self.seconds.unwrap_or(default)
    }
}

/// How often a fault has happened and will happen.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct FaultCount {
    fault: Fault,
    operation: Operation,
    /// How often it has happened.
    count: u64,
    /// How often it is still armed.
    remaining: u32,
}

/// What is armed, and what has happened.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Faults {
    profile: Profile,
    luck: SplitMix64,
    armed: BTreeMap<Operation, BTreeMap<Fault, FaultOrder>>,
    happened: BTreeMap<Operation, BTreeMap<Fault, u64>>,
}

impl Faults {
    pub(crate) fn new(luck: SplitMix64) -> Self {
        Self { profile: Profile::None, luck, armed: BTreeMap::new(), happened: BTreeMap::new() }
    }

    pub(crate) fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// Arms a fault; a second order of the same kind at the same place takes the place of the first.
    pub(crate) fn arm(&mut self, order: FaultOrder) {
        self.armed.entry(order.operation).or_default().insert(order.fault, order);
    }

    pub(crate) fn disarm(&mut self) {
        self.armed.clear();
        self.profile = Profile::None;
    }

    /// Decides whether `fault` strikes now, and counts it if so.
    pub(crate) fn strikes(&mut self, fault: Fault, operation: Operation) -> Option<Strike> {
        let strike = self.ordered(fault, operation).or_else(|| self.by_chance(fault, operation))?;
        let happened = self.happened.entry(operation).or_default().entry(fault).or_default();
        *happened = happened.saturating_add(1);
        Some(strike)
    }

    fn ordered(&mut self, fault: Fault, operation: Operation) -> Option<Strike> {
        let order = self.armed.get_mut(&operation)?.get_mut(&fault)?;
        order.count = order.count.checked_sub(1)?;
        Some(Strike { millis: order.millis, seconds: order.seconds })
    }

    fn by_chance(&mut self, fault: Fault, operation: Operation) -> Option<Strike> {
        let (_, _, mild, wild) =
            LUCK.iter().find(|(lucky, operations, _, _)| *lucky == fault && operations.contains(&operation))?;
        let permille = match self.profile {
            Profile::None => return None,
            Profile::Mild => *mild,
            Profile::Wild => *wild,
        };
        self.luck.happens(permille).then_some(Strike { millis: None, seconds: None })
    }

    /// Every fault that happened or is armed.
    pub(crate) fn counts(&self) -> Vec<FaultCount> {
        let mut counts: BTreeMap<(Operation, Fault), (u64, u32)> = BTreeMap::new();
        for (operation, faults) in &self.happened {
            for (fault, count) in faults {
                counts.entry((*operation, *fault)).or_default().0 = *count;
            }
        }
        for (operation, faults) in &self.armed {
            for (fault, order) in faults {
                counts.entry((*operation, *fault)).or_default().1 = order.count;
            }
        }
        counts
            .into_iter()
            .map(|((operation, fault), (count, remaining))| FaultCount { fault, operation, count, remaining })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(fault: Fault, operation: Operation, count: u32) -> FaultOrder {
        FaultOrder { fault, operation, count, millis: None, seconds: None }
    }

    #[test]
    fn an_ordered_fault_strikes_as_often_as_ordered() {
        let mut faults = Faults::new(SplitMix64::new(1, 1));
        faults.arm(order(Fault::LoseAnswer, Operation::Refund, 2));
        let strikes = (0..5).filter(|_| faults.strikes(Fault::LoseAnswer, Operation::Refund).is_some()).count();
        assert_eq!(strikes, 2);
        assert!(faults.strikes(Fault::LoseAnswer, Operation::Capture).is_none());
        let counts = faults.counts();
        assert_eq!((counts[0].count, counts[0].remaining), (2, 0));
    }

    #[test]
    fn luck_repeats_with_the_seed_and_profiles_differ() {
        let draw = |profile| {
            let mut faults = Faults::new(SplitMix64::new(3, 2));
            faults.set_profile(profile);
            (0..1000).filter(|_| faults.strikes(Fault::LoseAnswer, Operation::Refund).is_some()).count()
        };
        assert_eq!(draw(Profile::None), 0);
        assert_eq!(draw(Profile::Wild), draw(Profile::Wild));
        assert!(draw(Profile::Mild) > 0 && draw(Profile::Mild) < draw(Profile::Wild));
    }

    #[test]
    fn luck_only_strikes_where_the_fault_means_something() {
        for (fault, operations, mild, wild) in LUCK {
            assert!(mild <= wild, "{fault:?}");
            for operation in *operations {
                assert!(fault.strikes_at(*operation), "{fault:?} at {operation:?}");
            }
        }
    }
}
