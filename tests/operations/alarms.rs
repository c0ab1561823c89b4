//! `config/deploy/alerts.yml` speaks of metrics that exist, and the document says what to do about each alarm.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_norway::Value;
use zahlstelle::metrics::{Metrics, StoreFigures};

use crate::{document::DOCUMENT, file};

const ALARMS: &str = "config/deploy/alerts.yml";
const SEVERITIES: [&str; 2] = ["page", "ticket"];

/// Every name under which a metric is exported.
fn exported() -> BTreeSet<String> {
    let metrics = Metrics::new(&StoreFigures::default(), Timestamp::UNIX_EPOCH);
    let names = metrics.known().iter().flat_map(|known| match known.kind {
        "counter" => vec![format!("{}_total", known.name)],
        "histogram" => ["bucket", "sum", "count"].map(|part| format!("{}_{part}", known.name)).into(),
        "info" => vec![format!("{}_info", known.name)],
        _ => vec![known.name.to_owned()],
    });
    names.collect()
}

/// The metrics that an expression speaks of.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("zahlstelle_") || word.starts_with("process_")).map(str::to_owned).collect()
}

#[test]
fn every_alarm_speaks_of_metrics_that_exist_and_says_what_to_do() {
    let alarms: Value = serde_norway::from_str(&file(ALARMS)).unwrap();
    let document = file(DOCUMENT);
    let exported = exported();
    let mut names = BTreeSet::new();
    let rules = alarms["groups"][0]["rules"].as_sequence().unwrap();
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        let expression = rule["expr"].as_str().unwrap();
        let metrics = metrics_of(expression);
        let speaks = !metrics.is_empty() || expression.starts_with("up{");
        assert!(speaks, "{name} speaks of nothing of ours: {expression}");
        let unknown: Vec<&String> = metrics.difference(&exported).collect();
        assert!(unknown.is_empty(), "{name} speaks of {unknown:?}, which nobody exports");
        assert_eq!(expression.matches('(').count(), expression.matches(')').count(), "{name}: {expression}");
        assert!(SEVERITIES.contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
        assert!(!rule["annotations"]["summary"].as_str().unwrap().is_empty(), "{name}");
        let runbook = format!("{DOCUMENT}#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook"].as_str(), Some(runbook.as_str()), "{name}");
    }
    let headings: BTreeSet<String> =
        document.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect();
    assert_eq!(headings, names, "the alarms and what to do about them");
}

/// Whether the rule of an alarm looks at something.
fn looks_at(alarm: &str, metric: &str) -> bool {
    let alarms = file(ALARMS);
    let rule = alarms.split("- alert: ").find(|rule| rule.lines().next() == Some(alarm));
    rule.is_some_and(|rule| rule.contains(metric))
}

#[test]
fn c14_a_notification_that_does_not_verify_alarms() {
    assert!(looks_at("ZahlstelleNotificationsRefused", "zahlstelle_notifications_total{result=\"refused\"}"));
}

#[test]
fn h3_silence_of_the_work_in_the_background_alarms() {
    assert!(looks_at("ZahlstelleJobsSilent", "time() - zahlstelle_jobs_looked_timestamp_seconds > 60"));
    assert!(looks_at("ZahlstelleJobsOverdue", "zahlstelle_oldest_due_job_seconds > 300"));
}

#[test]
fn names_in_an_expression_are_found() {
    let expression = "rate(zahlstelle_a_total{b=\"c\"}[5m]) > 0.8 * process_d and zahlstelle_a_total";
    assert_eq!(metrics_of(expression), ["process_d", "zahlstelle_a_total"].map(str::to_owned).into());
    assert!(!exported().contains("zahlstelle_http_requests"), "a counter is exported with its suffix");
}
