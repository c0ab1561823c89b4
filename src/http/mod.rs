//! The ways in over HTTP: the API of the portals, the hooks of the providers, and what operators look at.
//!
//! [`routes`] is the table of operations. A request is carried by [`exchange`] in a task of its own, so that a client
//! that hangs up cancels nothing; [`listener`] accepts connections and waits for those tasks at shutdown.

mod api;
mod auth;
mod body;
pub mod checkout;
mod counts;
mod drain;
mod exchange;
mod hooks;
mod json;
mod limits;
pub mod listener;
mod operators;
mod ops;
mod pages;
mod problem;
mod query;
pub mod routes;
mod trace;

use std::sync::Arc;

use axum::Router;
use uuid::Uuid;

use self::checkout::CheckoutSettings;

pub use self::{
    counts::{Count, Counted, Counts, Label},
    drain::Drain,
    limits::Limits,
    listener::{ListenError, NotDrained, Server},
    operators::operators,
    problem::{Code, ProblemDetails},
};
use crate::{desk::Desk, ids::Ids};

/// What every request is handled with. Clones share everything.
#[derive(Clone)]
pub struct AppState {
    /// The use cases.
    pub desk: Arc<Desk>,
    /// What bounds a request.
    pub limits: Limits,
    /// Tells when the server goes, and waits for what is under way.
    pub drain: Drain,
    /// What was seen so far.
    pub counts: Arc<Counts>,
    ids: Arc<dyn Ids>,
    keys: Arc<auth::KeyCache>,
}

impl AppState {
    /// The state of a server that has answered nothing yet.
    pub fn new(desk: Arc<Desk>, ids: Arc<dyn Ids>, limits: Limits) -> Self {
        Self { desk, limits, drain: Drain::default(), counts: Arc::default(), ids, keys: Arc::default() }
    }

    fn new_id(&self) -> Uuid {
        self.ids.id(self.desk.now())
    }
}

/// The API, the hooks and what operators look at.
pub fn router(state: &AppState) -> Router {
    routes::router(state)
}

/// Everything that this server answers: [`router`] and the pages of the checkout.
pub fn site(state: &AppState, checkout: CheckoutSettings) -> Router {
    let pages = checkout::router(Arc::clone(&state.desk), checkout);
    router(state).merge(pages::carried(state, pages))
}
