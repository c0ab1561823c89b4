//! Requests over HTTP: how many, how they ended, how long they took, how many there are at this moment.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};

use super::{
    catalogue::Catalogue,
    durations::{self, CALL_BOUNDS_MICROSECONDS, Stopwatch},
};

/// Requests over HTTP. Clones share everything.
#[derive(Clone, Debug)]
pub struct Requests {
    ended: Family<Ended, Counter>,
    durations: Family<Operation, Histogram, fn() -> Histogram>,
    in_flight: Family<Operation, Gauge>,
    overdue: Family<Operation, Counter>,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Operation {
    operation: &'static str,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Ended {
    operation: &'static str,
    status: &'static str,
}

impl Default for Requests {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || durations::seconds(&CALL_BOUNDS_MICROSECONDS);
        Self {
            ended: Family::default(),
            durations: Family::new_with_constructor(histogram),
            in_flight: Family::default(),
            overdue: Family::default(),
        }
    }
}

impl Requests {
    /// There is such an operation: its figures begin at zero instead of with the first request, so that a first error is
    /// seen as a change.
    pub fn expect(&self, operation: &'static str) {
        for status in CLASSES {
            drop(self.ended.get_or_create(&Ended { operation, status }));
        }
        let operation = Operation { operation };
        drop(self.durations.get_or_create(&operation));
        drop(self.in_flight.get_or_create(&operation));
        drop(self.overdue.get_or_create(&operation));
    }

    /// A request begins; it ends with what is returned, also when nobody says how.
    pub fn begin(&self, operation: &'static str) -> InFlight {
        let operation = Operation { operation };
        self.in_flight.get_or_create(&operation).inc();
        InFlight { requests: self.clone(), operation, stopwatch: Stopwatch::start(), status: None }
    }

    /// A client was told to come back, while the work goes on.
    pub fn overdue(&self, operation: &'static str) {
        self.overdue.get_or_create(&Operation { operation }).inc();
    }

    pub(super) fn register(&self, catalogue: &mut Catalogue) {
        catalogue.add(
            "zahlstelle_http_requests",
            "Requests by operation and class of the status they ended with",
            self.ended.clone(),
        );
        catalogue.add(
            "zahlstelle_http_request_duration_seconds",
            "How long handling a request took",
            self.durations.clone(),
        );
        catalogue.add(
            "zahlstelle_http_requests_in_flight",
            "Requests that are being handled, whether their clients still wait or not",
            self.in_flight.clone(),
        );
        catalogue.add(
            "zahlstelle_http_requests_overdue",
            "Requests whose client was told to come back while the work went on",
            self.overdue.clone(),
        );
    }
}

/// A request that is being handled.
#[derive(Debug)]
pub struct InFlight {
    requests: Requests,
    operation: Operation,
    stopwatch: Stopwatch,
    status: Option<u16>,
}

impl InFlight {
    /// It ended with this status.
    pub fn end(mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let Operation { operation } = self.operation;
        // Handling that broke ends without a status; its client is told of an internal error.
        let status = class(self.status.unwrap_or(500));
        self.requests.ended.get_or_create(&Ended { operation, status }).inc();
        durations::observe(&self.requests.durations.get_or_create(&self.operation), self.stopwatch.elapsed());
        self.requests.in_flight.get_or_create(&self.operation).dec();
    }
}

/// The classes that answers of ours have.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

fn class(status: u16) -> &'static str {
    match status {
        ..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500.. => "5xx",
    }
}
