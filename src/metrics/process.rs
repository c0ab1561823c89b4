//! The process itself, as the operating system shows it below `/proc/self`. Elsewhere these figures stay at zero.

use std::fs;

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{gauge::Gauge, info::Info},
};

use super::catalogue::Catalogue;

/// The process itself. Clones share everything.
#[derive(Clone, Debug)]
pub struct Process {
    started_at: Timestamp,
    resident: Gauge,
    open: Gauge,
    open_max: Gauge,
    clock: Gauge,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Build {
    version: &'static str,
}

impl Process {
    pub(super) fn new(started_at: Timestamp) -> Self {
        let (resident, open, open_max, clock) = Default::default();
        Self { started_at, resident, open, open_max, clock }
    }

    /// Looks at the process once more.
    pub fn look(&self, now: Timestamp) {
        self.clock.set(now.as_second());
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        if let Some(kibibytes) = number_after(&status, "VmRSS:") {
            self.resident.set(kibibytes.saturating_mul(1_024));
        }
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        if let Some(open_max) = number_after(&limits, "Max open files") {
            self.open_max.set(open_max);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            self.open.set(i64::try_from(open.count()).unwrap_or(i64::MAX));
        }
    }

    pub(super) fn register(&self, catalogue: &mut Catalogue) {
        catalogue.add(
            "zahlstelle_build",
            "The version that runs",
            Info::new(Build { version: env!("CARGO_PKG_VERSION") }),
        );
        catalogue.add("zahlstelle_clock_timestamp_seconds", "What our clock shows", self.clock.clone());
        let started = Gauge::<i64>::default();
        started.set(self.started_at.as_second());
        catalogue.add("process_start_time_seconds", "When the process began", started);
        catalogue.add("process_resident_memory_bytes", "Memory that the process has at hand", self.resident.clone());
        catalogue.add("process_open_fds", "Files and connections that the process has open", self.open.clone());
        catalogue.add("process_max_fds", "How many it may have open", self.open_max.clone());
    }
}

/// The number that follows a name at the beginning of a line.
fn number_after(text: &str, name: &str) -> Option<i64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_sees_itself() {
        let process = Process::new(Timestamp::UNIX_EPOCH);
        process.look("2026-11-24T08:00:00Z".parse().unwrap());
        assert!(process.resident.get() > 1_000_000 && process.open.get() > 2, "{process:?}");
        assert!(process.open_max.get() >= process.open.get(), "{process:?}");
        assert_eq!(process.clock.get(), 1_795_507_200);
    }

    #[test]
    fn what_the_system_writes_is_read() {
        let status = "Name:\tzahlstelle\nVmRSS:\t   10240 kB\nThreads:\t4\n";
        assert_eq!(number_after(status, "VmRSS:"), Some(10_240));
        assert_eq!(number_after(status, "VmSwap:"), None);
        assert_eq!(
            number_after("Max open files            1024                 4096                 files", "Max open files"),
            Some(1_024)
        );
        assert_eq!(number_after("Max open files            unlimited            unlimited", "Max open files"), None);
    }
}
