//! The ways in over HTTP: the API of the portals, the hooks of the providers, and what operators look at.
//!
//! [`routes`] is the table of operations. A request is carried by [`exchange`] in a task of its own, so that a client
//! that hangs up cancels nothing; [`listener`] accepts connections and waits for those tasks at shutdown.

mod admission;
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
mod rate;
pub mod routes;
mod slots;
mod source;
pub mod tls;
mod trace;

use std::sync::Arc;

use axum::Router;
use uuid::Uuid;

use self::{admission::Hosts, checkout::CheckoutSettings, rate::Gates, slots::Slots};

pub use self::{
    counts::{Count, Counted, Counts, Label},
    drain::Drain,
    limits::{Class, Limits, Rate, Rates},
    listener::{ListenError, NotDrained, Server},
    operators::operators,
    problem::{Code, ProblemDetails},
};
use crate::{desk::Desk, ids::Ids, outbound::hook::AddressPolicy};

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
    /// Where webhook endpoints may be.
    pub hook_addresses: AddressPolicy,
    ids: Arc<dyn Ids>,
    keys: Arc<auth::KeyCache>,
    hosts: Arc<Hosts>,
    gates: Option<Arc<Gates>>,
    slots: Slots,
    tls: Option<tls::Tls>,
}

impl AppState {
    /// The state of a server that has answered nothing yet. It serves the host of the public address.
    pub fn new(desk: Arc<Desk>, ids: Arc<dyn Ids>, limits: Limits) -> Self {
        let hosts = Arc::new(Hosts::of(&desk.settings().public_url));
        let gates = limits.rates.as_ref().map(|rates| Arc::new(Gates::new(rates)));
        let (drain, counts, keys) = (Drain::default(), Arc::default(), Arc::default());
        let hook_addresses = AddressPolicy::default();
        let slots = Slots::new(limits.requests_per_source_max);
        Self { desk, limits, drain, counts, hook_addresses, ids, keys, hosts, gates, slots, tls: None }
    }

    /// Serves further hosts.
    #[must_use]
    pub fn with_hosts(self, extra: impl IntoIterator<Item = String>) -> Self {
        let mut hosts = Hosts::of(&self.desk.settings().public_url);
        hosts.add(extra);
        Self { hosts: Arc::new(hosts), ..self }
    }

    /// Tells of the certificate of its listener, too.
    #[must_use]
    pub fn with_tls(self, tls: tls::Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Says where webhook endpoints may be; by default at public addresses alone.
    #[must_use]
    pub fn with_hook_addresses(self, hook_addresses: AddressPolicy) -> Self {
        Self { hook_addresses, ..self }
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
