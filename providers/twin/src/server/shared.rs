//! What connections and the deliverer share.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::StatusCode;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::store::{Entry, Store, StoreError, write_whole};
use crate::{
    clock::TwinClock,
    exchange::{Chore, Request, Response},
    outbox::OutgoingDelivery,
    world::World,
};

pub(super) struct Shared {
    held: Mutex<Held>,
    pub(super) clock: Arc<dyn TwinClock>,
    woken: Notify,
}

struct Held {
    world: World,
    store: Option<Store>,
}

impl Shared {
    pub(super) fn new(world: World, clock: Arc<dyn TwinClock>, data: Option<PathBuf>) -> Result<Self, StoreError> {
        let store = data.map(|data| Store::begin(&world, data)).transpose()?;
        Ok(Self { held: Mutex::new(Held { world, store }), clock, woken: Notify::new() })
    }

    /// A panic while the lock was held leaves a world that is at worst one effect short, as after a crash.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Lets somebody change the world past its front, and writes the result down as a whole.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut World) -> T) -> Result<T, StoreError> {
        let mut held = self.lock();
        let answer = act(&mut held.world);
        held.renew()?;
        Ok(answer)
    }

    /// Writes the state, if there is a place for it.
    pub(super) fn save(&self) -> Result<(), StoreError> {
        self.lock().renew()
    }

    pub(super) fn due_notifications(&self) -> Vec<OutgoingDelivery> {
        self.lock().world.due_notifications(self.clock.now())
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.lock().world.next_due()
    }

    pub(super) fn delivered(&self, id: u64, status: Option<u16>) {
        let at = self.clock.now();
        let mut held = self.lock();
        held.world.delivered(id, status, at);
        if let Some(store) = &mut held.store {
            // What is not written down is only delivered once more after a restart.
            store.append(&Entry::Delivered { at, id, status }).ok();
        }
    }

    /// Answers a request and does what the answer asks for. The request is written down before it takes effect; if
    /// that or a chore fails, the world is as it was and the caller is told.
    pub(super) fn handle(&self, request: &Request) -> Response {
        let response = self.lock().handle(&*self.clock, request).unwrap_or_else(|failure| failure.response());
        self.wake();
        response
    }
}

impl Held {
    fn handle(&mut self, clock: &dyn TwinClock, request: &Request) -> Result<Response, Failure> {
        let now = clock.now();
        if let Some(store) = &mut self.store
            && let Some(entry) = Entry::of(&self.world, now, request)
        {
            store.append(&entry)?;
        }
        let before = has_chores(request).then(|| self.world.clone());
        let mut response = self.world.handle(now, request);
        let chores = std::mem::take(&mut response.chores);
        if let Err(failure) = chores.iter().try_for_each(|chore| carry_out(clock, chore)) {
            if let Some(before) = before {
                self.world = before;
            }
            self.renew()?;
            return Err(failure);
        }
        if self.store.as_ref().is_some_and(Store::is_long) {
            self.renew()?;
        }
        Ok(response)
    }

    fn renew(&mut self) -> Result<(), StoreError> {
        self.store.as_mut().map_or(Ok(()), |store| store.renew(&self.world))
    }
}

/// Whether the answer to a request may ask for something to be done that can fail.
fn has_chores(request: &Request) -> bool {
    matches!(request.path.as_str(), "/control/settle" | "/control/clock")
}

fn carry_out(clock: &dyn TwinClock, chore: &Chore) -> Result<(), Failure> {
    match chore {
        Chore::WriteFile { path, content } => write_whole(Path::new(path), content).map_err(Failure::File),
        Chore::AdvanceClock { seconds } => clock.advance(*seconds).map(drop).map_err(|_| Failure::Clock),
    }
}

/// Why an answer could not be carried out.
enum Failure {
    File(StoreError),
    Clock,
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    fn response(&self) -> Response {
        let (status, member, detail) = match self {
            Self::File(error) => (StatusCode::BAD_REQUEST, Some("folder"), error.to_string()),
            Self::Clock => (StatusCode::BAD_REQUEST, Some("advance_seconds"), crate::AdvanceError.to_string()),
            Self::Store(error) => (StatusCode::INTERNAL_SERVER_ERROR, None, error.to_string()),
        };
        Response::json(status, &serde_json::json!({"status": status.as_u16(), "member": member, "detail": detail}))
    }
}
