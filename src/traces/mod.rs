//! Traces: what is done, told to a collector of OpenTelemetry, where the build has the feature `otlp` and the settings name
//! a collector.
//!
//! A span is made where the work is done, with `tracing`, whether anybody takes it or not; the log shows them, too. What
//! leaves this process is only what its declaration lets through: names and attributes of a fixed list. Without the
//! feature nothing of this is compiled but the three calls that others make, which then do nothing.

#[cfg(feature = "otlp")]
mod otlp;
#[cfg(not(feature = "otlp"))]
mod without;

#[cfg(feature = "otlp")]
pub use self::otlp::{Traces, TracesError, adopt};
#[cfg(not(feature = "otlp"))]
pub use self::without::{Traces, TracesError, adopt};
