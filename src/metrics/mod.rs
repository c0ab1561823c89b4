//! Figures for operators: what is counted, how long things take, and how old the oldest open thing is.
//!
//! There is no global: whoever counts is handed a [`Metrics`], and [`Metrics::text`] writes everything in the text format
//! of `OpenMetrics` 1.0. Labels come from settings and enums alone, so their number is bounded and none names a person.
//! The module imports nothing of ours. It is the one place beside the benches where a number may be inexact.

mod catalogue;
mod durations;
mod jobs;
mod listener;
mod process;
mod providers;
mod requests;
mod standing;
mod store;
mod webhooks;

use jiff::Timestamp;

use self::catalogue::Catalogue;
pub use self::{
    catalogue::Known,
    durations::Stopwatch,
    jobs::{Jobs, Loop},
    listener::Listener,
    process::Process,
    providers::{CallName, CallOutcome, NotificationResult, Providers},
    requests::{InFlight, Requests},
    standing::{EndpointFigures, Standing, StandingFigures},
    store::{CommitResult, ErrorKind, Queue, StoreFigures},
    webhooks::{TryResult, Webhooks},
};

/// Every figure of a process.
#[derive(Debug)]
pub struct Metrics {
    /// Requests over HTTP.
    pub requests: Requests,
    /// Connections, as the listener counts them.
    pub listener: Listener,
    /// Calls to providers, and what they send.
    pub providers: Providers,
    /// Work in the background.
    pub jobs: Jobs,
    /// Deliveries to the endpoints of portals.
    pub webhooks: Webhooks,
    /// What the database says about what is open.
    pub standing: Standing,
    /// The process itself.
    pub process: Process,
    catalogue: Catalogue,
}

impl Metrics {
    /// Figures that have counted nothing yet, with those of the storage engine among them.
    pub fn new(store: &StoreFigures, started_at: Timestamp) -> Self {
        let mut catalogue = Catalogue::default();
        let requests = Requests::default();
        requests.register(&mut catalogue);
        let listener = Listener::default();
        listener.register(&mut catalogue);
        let providers = Providers::default();
        providers.register(&mut catalogue);
        let jobs = Jobs::default();
        jobs.register(&mut catalogue);
        let webhooks = Webhooks::default();
        webhooks.register(&mut catalogue);
        store.register(&mut catalogue);
        let standing = Standing::default();
        standing.register(&mut catalogue);
        let process = Process::new(started_at);
        process.register(&mut catalogue);
        Self { requests, listener, providers, jobs, webhooks, standing, process, catalogue }
    }

    /// Everything in the text format of `OpenMetrics`.
    pub fn text(&self) -> String {
        self.catalogue.text()
    }

    /// Every figure that there is, in the order in which they are written.
    pub fn known(&self) -> &[Known] {
        self.catalogue.known()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        Metrics::new(&StoreFigures::default(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn every_figure_is_described_once_and_named_by_the_rules() {
        let metrics = metrics();
        metrics.requests.expect("getPayment");
        metrics.providers.expect("adyen-test");
        for known in metrics.known().iter().filter_map(|known| known.name.strip_prefix("zahlstelle_")) {
            metrics.listener.show(known, None, 0);
        }
        metrics.jobs.expect("payment");
        metrics.jobs.looked(Loop::Jobs, Timestamp::UNIX_EPOCH);
        metrics.webhooks.expect("stadt");
        metrics.jobs.begin("payment").succeeded(Timestamp::UNIX_EPOCH);
        metrics.standing.expect_exception("overpayment");
        let figures = StandingFigures {
            unknown: vec![("stadt".to_owned(), 0)],
            log_heads: vec![("stadt".to_owned(), 0)],
            jobs_due: vec![("payment", 0, None)],
            endpoints: vec![EndpointFigures {
                tenant: "stadt".to_owned(),
                endpoint: "0198".to_owned(),
                behind: 0,
                pending: 0,
                oldest: None,
            }],
            kassenzeichen_used: vec![("stadt".to_owned(), "online".to_owned(), 0)],
            ..StandingFigures::default()
        };
        metrics.standing.show(&figures, Timestamp::UNIX_EPOCH);
        let text = metrics.text();
        assert!(text.ends_with("# EOF\n"));
        let mut names = std::collections::BTreeSet::new();
        for known in metrics.known() {
            assert!(names.insert(known.name), "{} is there twice", known.name);
            assert!(known.name.starts_with("zahlstelle_") || known.name.starts_with("process_"), "{}", known.name);
            assert!(text.contains(&format!("# TYPE {} {}\n", known.name, known.kind)), "{}", known.name);
            // The format adds `_total` to counters and a full stop to the words.
            assert!(!known.name.ends_with("_total") && !known.help.ends_with('.'), "{}", known.name);
        }
    }

    #[test]
    fn a_request_counts_once_however_it_ends() {
        let metrics = metrics();
        let answered = metrics.requests.begin("getPayment");
        assert!(metrics.text().contains("zahlstelle_http_requests_in_flight{operation=\"getPayment\"} 1\n"));
        answered.end(404);
        drop(metrics.requests.begin("getPayment"));
        let text = metrics.text();
        assert!(text.contains("zahlstelle_http_requests_total{operation=\"getPayment\",status=\"4xx\"} 1\n"), "{text}");
        assert!(text.contains("zahlstelle_http_requests_total{operation=\"getPayment\",status=\"5xx\"} 1\n"), "{text}");
        assert!(text.contains("zahlstelle_http_requests_in_flight{operation=\"getPayment\"} 0\n"), "{text}");
        assert!(
            text.contains("zahlstelle_http_request_duration_seconds_count{operation=\"getPayment\"} 2\n"),
            "{text}"
        );
    }
}
