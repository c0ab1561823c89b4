//! Whether the service can work, and what of it is not as it should be. Others that are down are not us being down: only
//! what keeps this process from taking a payment makes it not ready.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Desk;
use crate::{domain::kassenzeichen::ALARM_PER_MILLE, metrics::StandingFigures};

/// From this age on a due job is overdue.
pub const JOBS_OVERDUE: SignedDuration = SignedDuration::from_mins(5);
/// From this age on a call that is not settled is worth a look.
pub const INTENT_OLD: SignedDuration = SignedDuration::from_mins(15);

/// From this age on an event that a webhook endpoint has not got is worth a look; portals read the feed meanwhile.
pub const WEBHOOK_OLD: SignedDuration = SignedDuration::from_mins(15);

/// How it is, from well to ill; the worst of all checks is that of the whole.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ready,
    /// It works, and something needs attention.
    Degraded,
    /// It does not work.
    NotReady,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Check {
    /// What, e.g. `provider:adyen-test`.
    pub name: String,
    /// How it is.
    pub status: Status,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Why it is not well; its meaning is in the document for operators.
    pub code: Option<&'static str>,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Readiness {
    /// The worst of all.
    pub status: Status,
    /// Each by its own.
    pub checks: Vec<Check>,
}

impl Check {
    /// Something that is as it should be.
    pub fn well(name: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ready, since: None, code: None }
    }

    /// Something that needs attention while the service works.
    pub fn degraded(name: impl Into<String>, code: &'static str, since: Option<Timestamp>) -> Self {
        Self { name: name.into(), status: Status::Degraded, since, code: Some(code) }
    }

    /// Something that keeps the service from working.
    pub fn not_ready(name: impl Into<String>, code: &'static str) -> Self {
        Self { name: name.into(), status: Status::NotReady, since: None, code: Some(code) }
    }
}

impl Readiness {
    /// The whole of these checks.
    pub fn of(checks: Vec<Check>) -> Self {
        let status = checks.iter().map(|check| check.status).max().unwrap_or(Status::Ready);
        Self { status, checks }
    }
}

impl Desk {
    /// Looks at everything that the desk works with.
    pub async fn checks(&self) -> Vec<Check> {
        let mut checks = vec![match self.store.next_due().await {
            Ok(_) => Check::well("storage"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the storage does not answer");
                Check::not_ready("storage", "storage_unavailable")
            }
        }];
        for account in self.tenants().flat_map(|desk| desk.providers.keys()) {
            let name = format!("provider:{account}");
            checks.push(match self.provider_down_since(account) {
                Some(since) => Check::degraded(name, "provider_down", Some(since)),
                None => Check::well(name),
            });
        }
        // When the storage does not answer that is told already; nothing more is known then.
        if let Ok(figures) = self.look().await {
            checks.extend(of_figures(&figures, self.now()));
        }
        checks
    }
}

/// What the database shows.
fn of_figures(figures: &StandingFigures, now: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    let older = |since: Option<Timestamp>, age| since.filter(|since| now.duration_since(*since) > age);
    for (kind, _, oldest) in &figures.jobs_due {
        let name = format!("jobs:{kind}");
        checks.push(match older(*oldest, JOBS_OVERDUE) {
            Some(since) => Check::degraded(name, "jobs_overdue", Some(since)),
            None => Check::well(name),
        });
    }
    checks.push(match older(figures.oldest_intent, INTENT_OLD) {
        Some(since) => Check::degraded("intents", "intent_open_too_long", Some(since)),
        None => Check::well("intents"),
    });
    for endpoint in &figures.endpoints {
        let name = format!("webhooks:{}/{}", endpoint.tenant, endpoint.endpoint);
        checks.push(match older(endpoint.oldest, WEBHOOK_OLD) {
            Some(since) => Check::degraded(name, "webhook_lagging", Some(since)),
            None => Check::well(name),
        });
    }
    for (tenant, range, used) in &figures.kassenzeichen_used {
        let name = format!("kassenzeichen:{tenant}/{range}");
        checks.push(if *used >= ALARM_PER_MILLE {
            Check::degraded(name, "range_nearly_used_up", None)
        } else {
            Check::well(name)
        });
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::EndpointFigures;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn codes(figures: &StandingFigures, now: i64) -> Vec<(String, &'static str)> {
        let checks = of_figures(figures, at(now)).into_iter();
        checks.filter_map(|check| Some((check.name, check.code?))).collect()
    }

    #[test]
    fn what_is_old_or_nearly_used_up_is_named() {
        let figures = StandingFigures {
            oldest_intent: Some(at(0)),
            jobs_due: vec![("payment", 3, Some(at(0))), ("notification", 0, None)],
            endpoints: vec![EndpointFigures {
                tenant: "a".to_owned(),
                endpoint: "e".to_owned(),
                behind: 1,
                pending: 0,
                oldest: Some(at(1)),
            }],
            kassenzeichen_used: vec![("a".to_owned(), "x".to_owned(), 799), ("a".to_owned(), "y".to_owned(), 800)],
            ..StandingFigures::default()
        };
        let range = ("kassenzeichen:a/y".to_owned(), "range_nearly_used_up");
        let jobs = ("jobs:payment".to_owned(), "jobs_overdue");
        let intents = ("intents".to_owned(), "intent_open_too_long");
        let webhooks = ("webhooks:a/e".to_owned(), "webhook_lagging");
        let (overdue, old) = (JOBS_OVERDUE.as_secs(), INTENT_OLD.as_secs());
        assert_eq!(old, WEBHOOK_OLD.as_secs());
        for (now, expected) in [
            (overdue, vec![range.clone()]),
            (overdue + 1, vec![jobs.clone(), range.clone()]),
            (old, vec![jobs.clone(), range.clone()]),
            (old + 1, vec![jobs.clone(), intents.clone(), range.clone()]),
            (old + 2, vec![jobs, intents, webhooks, range]),
        ] {
            assert_eq!(codes(&figures, now), expected, "{now}");
        }
    }

    #[test]
    fn the_worst_check_is_that_of_the_whole() {
        let (well, degraded) = (Check::well("a"), Check::degraded("b", "old", None));
        let not_ready = Check::not_ready("c", "gone");
        assert_eq!(Readiness::of(vec![well.clone()]).status, Status::Ready);
        assert_eq!(Readiness::of(vec![degraded.clone(), well.clone()]).status, Status::Degraded);
        assert_eq!(Readiness::of(vec![not_ready, degraded, well]).status, Status::NotReady);
    }
}
