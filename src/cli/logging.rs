//! Logs: structured lines on the error output, without secrets and without personal data.
//!
//! Every line about a request carries its `request_id`, and every line about a job what it looks after, because both come
//! from the span that the work is done in. An identifier stands in the words of a line and in a field of it.

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    config::{Log, LogFormat},
    traces::Traces,
};

/// Starts logging as the settings say, and exporting traces where they are wanted. Called once; a second call changes
/// nothing.
pub(super) fn start(log: Log, traces: &Traces) {
    // What the exporter of traces has to say of each failure, we say once for all of them.
    let level = log.level.as_str();
    let filter = EnvFilter::new(format!("warn,opentelemetry-otlp=off,zahlstelle={level}"));
    // Each has a filter of its own: a quiet log makes no holes in the traces.
    let registry = tracing_subscriber::registry()
        .with(lines(log.format, std::io::stderr).with_filter(filter))
        .with(traces.layer());
    // Only tests call it twice in one process.
    drop(registry.try_init());
}

/// Writes each record as a line. The list of spans holds the innermost one, too, so that is not written twice.
fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    match format {
        LogFormat::Json => fmt::layer().json().with_current_span(false).with_writer(writer).boxed(),
        LogFormat::Text => fmt::layer().with_ansi(false).with_writer(writer).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Sheet(Arc<Mutex<Vec<u8>>>);

    impl Write for Sheet {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat) -> String {
        let sheet = Sheet::default();
        let writer = sheet.clone();
        let subscriber = tracing_subscriber::registry().with(lines(format, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let request = tracing::info_span!("request", request_id = "0198", operation = "getPayment");
            let _in_request = request.entered();
            tracing::info!("one");
            let job = tracing::info_span!("job", kind = "payment");
            let _in_job = job.entered();
            tracing::warn!(payment = "7", "payment 7 needs a person");
        });
        let bytes = sheet.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_value_cannot_make_a_line_of_its_own() {
        let sheet = Sheet::default();
        let writer = sheet.clone();
        let subscriber = tracing_subscriber::registry().with(lines(LogFormat::Json, move || writer.clone()));
        let hostile = "a\n{\"level\":\"ERROR\",\"fields\":{\"message\":\"forged\"}}\r\n";
        tracing::subscriber::with_default(subscriber, || tracing::info!(code = %hostile, "told {hostile}"));
        let text = String::from_utf8(sheet.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["fields"]["code"]), (&"INFO".into(), &hostile.into()));
    }

    #[test]
    fn every_line_about_a_request_carries_its_id() {
        let text = written(LogFormat::Json);
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        for line in &lines {
            assert_eq!(line["spans"][0]["request_id"], "0198", "{line}");
            assert!(line.get("span").is_none(), "{line}");
        }
        assert_eq!((&lines[1]["fields"]["payment"], &lines[1]["spans"][1]["kind"]), (&"7".into(), &"payment".into()));
        let text = written(LogFormat::Text);
        assert!(text.lines().count() == 2 && text.lines().all(|line| line.contains("request_id=\"0198\"")), "{text}");
    }
}
