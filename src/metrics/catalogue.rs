//! What is registered, so that documents and alarms can be held against it.

use prometheus_client::{
    encoding::text,
    metrics::MetricType,
    registry::{Metric, Registry},
};

/// A figure that is registered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Known {
    /// Its name, to which the format adds `_total` in counters.
    pub name: &'static str,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: &'static str,
    /// What it tells, for people.
    pub help: &'static str,
}

/// The registry with a list of what is in it.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    registry: Registry,
    known: Vec<Known>,
}

impl Catalogue {
    pub(super) fn add(&mut self, name: &'static str, help: &'static str, metric: impl Metric) {
        let kind = match metric.metric_type() {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::Info => "info",
            MetricType::Unknown => "unknown",
        };
        self.registry.register(name, help, metric);
        self.known.push(Known { name, kind, help });
    }

    pub(super) fn known(&self) -> &[Known] {
        &self.known
    }

    pub(super) fn text(&self) -> String {
        let mut written = String::new();
        // Writing to a String cannot fail, and every figure is one that the text format has.
        let _ = text::encode(&mut written, &self.registry);
        written
    }
}
