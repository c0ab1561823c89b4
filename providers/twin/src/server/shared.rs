//! What connections and the deliverer share.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::StatusCode;
use tokio::sync::Notify;

use super::store::{StoreError, save, write_whole};
use crate::{
    clock::TwinClock,
    exchange::{Chore, Request, Response},
    world::World,
};

pub(super) struct Shared {
    world: Mutex<World>,
    pub(super) clock: Arc<dyn TwinClock>,
    data: Option<PathBuf>,
    woken: Notify,
}

impl Shared {
    pub(super) fn new(world: World, clock: Arc<dyn TwinClock>, data: Option<PathBuf>) -> Self {
        Self { world: Mutex::new(world), clock, data, woken: Notify::new() }
    }

    /// A panic while the lock was held leaves a world that is at worst one effect short, as after a crash.
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Writes the state, if there is a place for it.
    pub(super) fn save(&self) -> Result<(), StoreError> {
        self.save_world(&self.lock())
    }

    fn save_world(&self, world: &World) -> Result<(), StoreError> {
        self.data.as_deref().map_or(Ok(()), |data| save(world, data))
    }

    /// Answers a request and does what the answer asks for. The state is on disk before the answer is given; if that
    /// or a chore fails, the world is as it was and the caller is told.
    pub(super) fn handle(&self, request: &Request) -> Response {
        let mut world = self.lock();
        let before = (self.data.is_some() || is_control(request)).then(|| world.clone());
        let mut response = world.handle(self.clock.now(), request);
        let chores = std::mem::take(&mut response.chores);
        let done = self.do_chores(&chores).and_then(|()| {
            // Asking changes nothing but counters, which are not worth a write.
            if request.method == http::Method::GET { Ok(()) } else { self.save_world(&world).map_err(Failure::Store) }
        });
        if let Err(failure) = done {
            if let Some(before) = before {
                *world = before;
            }
            response = failure.response();
        }
        drop(world);
        self.wake();
        response
    }

    fn do_chores(&self, chores: &[Chore]) -> Result<(), Failure> {
        for chore in chores {
            match chore {
                Chore::WriteFile { path, content } => {
                    write_whole(Path::new(path), content).map_err(Failure::File)?;
                }
                Chore::AdvanceClock { seconds } => {
                    self.clock.advance(*seconds).map_err(|_| Failure::Clock)?;
                }
            }
        }
        Ok(())
    }
}

fn is_control(request: &Request) -> bool {
    request.path.starts_with("/control/")
}

/// Why an answer could not be carried out.
enum Failure {
    File(StoreError),
    Clock,
    Store(StoreError),
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
