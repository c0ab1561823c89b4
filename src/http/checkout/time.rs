//! How much time is left to pay, the warning before it is over, and the way to more of it (WCAG 2.2, 2.2.1).

use jiff::{SignedDuration, Timestamp};

use super::{
    form::ExtendForm,
    format,
    frame::Subject,
    standing::Standing,
    texts::{Message, Tongue},
};
use crate::domain::{payment::Payment, time_limit::EXTENSIONS_MAX};

/// How many minutes before its end the page warns. A reader needs them to hear the warning and to press a button.
const WARNING_MINUTES: u32 = 5;
/// From how many hours on nothing is said of more time: WCAG asks it of shorter limits only, and the page stays simpler.
const GENEROUS_HOURS: i64 = 20;

/// The time to pay, as long as it runs.
pub(super) struct Time {
    /// When it ends and what the clock of the server says now, for the script that shows the warnings below in time.
    pub(super) until: Timestamp,
    pub(super) now: Timestamp,
    /// The warning: how many minutes are left, or will be when it is shown.
    pub(super) soon: String,
    /// Whether the warning is shown already.
    pub(super) is_soon: bool,
    pub(super) extension: Option<Extension>,
    /// The payment's page, which says how it ended.
    pub(super) look: String,
}

/// The form that extends the time.
pub(super) struct Extension {
    pub(super) action: String,
    /// How many extensions the page knows of, as its button says it.
    pub(super) seen: String,
    pub(super) lead: String,
    pub(super) label: String,
}

impl Time {
    pub(super) fn of(subject: &Subject<'_>, standing: &Standing) -> Option<Self> {
        if !standing.can_be_paid() {
            return None;
        }
        let payment = &subject.opened.payment;
        let (until, now) = (payment.time_limit.expires_at, subject.now);
        let left = until.duration_since(now);
        let is_soon = left <= SignedDuration::from_mins(WARNING_MINUTES.into());
        let minutes = if is_soon { u32::try_from(left.as_mins()).unwrap_or_default() } else { WARNING_MINUTES };
        let is_generous = left > SignedDuration::from_hours(GENEROUS_HOURS);
        Some(Self {
            until,
            now,
            soon: subject.say(Message::TimeSoon { minutes }),
            is_soon,
            extension: Extension::of(subject).filter(|_| !is_generous),
            look: subject.path(""),
        })
    }
}

impl Extension {
    fn of(subject: &Subject<'_>) -> Option<Self> {
        let payment = &subject.opened.payment;
        payment.extended_limit()?;
        let moment = format::moment(subject.tongue, payment.time_limit.expires_at).text;
        let left = EXTENSIONS_MAX.saturating_sub(payment.time_limit.extensions);
        Some(Self {
            action: subject.path("/extend"),
            seen: ExtendForm::value_of(payment),
            lead: subject.say(Message::TimeLead { moment, left }),
            label: label(subject.tongue, payment),
        })
    }
}

fn label(tongue: Tongue, payment: &Payment) -> String {
    tongue.say(Message::TimeExtend { duration: format::duration(tongue, payment.extension()) })
}
