//! The clock that service and twin share. The twin's control surface moves it, and it is kept with the data.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use tokio::sync::Notify;
use zahlstelle_twin::{AdvanceError, TwinClock};

use super::state::write_whole;
use crate::clock::{Clock, OffsetClock};

/// The most seconds one step may move the clock on: ten years.
const ADVANCE_SECONDS_MAX: i64 = 315_360_000;

pub(super) struct DemoClock {
    clock: Arc<OffsetClock>,
    file: PathBuf,
    wake: Arc<Notify>,
}

impl DemoClock {
    pub(super) fn new(clock: Arc<OffsetClock>, file: PathBuf, wake: Arc<Notify>) -> Self {
        Self { clock, file, wake }
    }
}

impl TwinClock for DemoClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn advance(&self, seconds: i64) -> Result<Timestamp, AdvanceError> {
        if !(0..=ADVANCE_SECONDS_MAX).contains(&seconds) {
            return Err(AdvanceError);
        }
        let offset = self.clock.advance(seconds);
        if let Err(error) = write_whole(&self.file, offset.to_string().as_bytes()) {
            tracing::error!(%error, "the clock's offset could not be kept");
        }
        // Jobs that have become due by this must not wait for their tick.
        self.wake.notify_one();
        Ok(self.clock.now())
    }
}
