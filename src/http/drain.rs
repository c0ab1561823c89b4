//! Going down in order: nothing new is taken, what is under way comes to its end.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Tells when the server goes, and waits for the requests that are being handled. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    handlers: TaskTracker,
    begun: CancellationToken,
}

impl Drain {
    /// The server goes: whoever only waits for something to happen answers now.
    pub fn begin(&self) {
        self.begun.cancel();
        self.handlers.close();
    }

    /// Whether the server goes.
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Resolves when the server goes.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Resolves when no request is being handled any more, after [`Drain::begin`].
    pub async fn finished(&self) {
        self.handlers.wait().await;
    }

    /// How many requests are being handled, whether their clients still wait or not.
    pub fn running(&self) -> usize {
        self.handlers.len()
    }

    /// Where requests are handled, so that no client can cancel one.
    pub(super) fn handlers(&self) -> &TaskTracker {
        &self.handlers
    }
}
