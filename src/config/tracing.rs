//! `[tracing]`: to whom traces are exported.

use url::Url;

use super::{
    error::Problem,
    reader::{Keys, Section},
    server::is_loopback,
};

pub(super) const KEYS: Keys = Keys { schema: "tracing", names: &["otlp_endpoint", "sample_one_in", "service_name"] };

/// What stands for no collector.
const OFF: &str = "off";
const SAMPLE_ONE_IN_MAX: u32 = 1_000_000;
const SERVICE_NAME_LENGTH_MAX: usize = 100;

/// To whom traces are exported, and how many.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tracing {
    /// Where a collector takes them as protobuf over HTTP; [`None`] where none are exported.
    pub otlp_endpoint: Option<Url>,
    /// One trace in so many is exported.
    pub sample_one_in: u32,
    /// The name under which the service stands in them.
    pub service_name: String,
}

impl Tracing {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            otlp_endpoint: section.get("otlp_endpoint").and_then(|value| value.parsed(endpoint)).flatten(),
            sample_one_in: section.integer_or("sample_one_in", 1..=SAMPLE_ONE_IN_MAX, 1),
            service_name: section
                .get("service_name")
                .and_then(|value| value.printable(SERVICE_NAME_LENGTH_MAX))
                .unwrap_or_else(|| "zahlstelle".to_owned()),
        }
    }
}

fn endpoint(text: &str) -> Result<Option<Url>, Problem> {
    if text == OFF {
        return Ok(None);
    }
    let url = Url::parse(text).map_err(|_| Problem::Address)?;
    // What is in the address would stand in logs, and no collector needs it there.
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    match url.scheme() {
        "https" | "http" if !plain => Err(Problem::Address),
        "http" if !is_loopback(&url) => Err(Problem::NotEncrypted { test_only: false }),
        "https" | "http" if cfg!(feature = "otlp") => Ok(Some(url)),
        // Silently exporting nothing would be found out when the traces are needed.
        "https" | "http" => Err(Problem::NotInThisBuild { feature: "otlp" }),
        _ => Err(Problem::Address),
    }
}
