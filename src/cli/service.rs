//! The running service: HTTP and jobs around one desk.

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use zahlstelle_contract::transport::Transport;

use super::assemble;
use crate::{
    clock::Clock,
    config::{Config, Database},
    desk::Desk,
    http,
    ids::Ids,
    jobs,
    outbound::{
        Client, ClientError, Limits,
        hook::{AddressPolicy, HookClient, HookLimits},
    },
    store::{Store, StoreError, sqlite::engine::SqliteStore},
};

/// Which parts of the service run in this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Role {
    /// Requests only.
    Http,
    /// Work in the background only.
    Jobs,
    /// Both.
    All,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings do not make a desk.
    #[error(transparent)]
    Assemble(#[from] assemble::AssembleErrors),
    /// There is no client towards the providers.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A language lacks texts of the checkout.
    #[error(transparent)]
    Texts(#[from] http::checkout::TextErrors),
}

/// Opens the database of the settings, which must be up to date.
pub fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match &config.database {
        Database::File(path) => Arc::new(SqliteStore::open(path)?),
        Database::Memory => Arc::new(SqliteStore::in_memory()?),
    })
}

/// A service that runs until it is stopped.
pub struct Service {
    /// The desk, for commands that go on with it.
    pub desk: Arc<Desk>,
    /// The server for portals and citizens, where this process has one.
    public: Option<http::AppState>,
    stop: CancellationToken,
    parts: JoinSet<()>,
    /// The address for operators. It outlives the rest, so that going down can be watched.
    watching: JoinSet<()>,
    unwatched: CancellationToken,
}

impl Service {
    /// Starts the parts of a role. `server` has been bound, so that a port in use was told before anything began.
    pub fn start(
        config: Config,
        role: Role,
        server: Option<http::Server>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        wake: Arc<Notify>,
    ) -> Result<Self, StartError> {
        http::checkout::check_texts()?;
        let settings = assemble::desk_settings(&config);
        let limits = http::Limits::from(&config);
        let hosts_extra = config.server.hosts_extra.clone();
        let tick = config.jobs.tick;
        let mut clients = std::collections::BTreeMap::new();
        for account in config.tenants.values().flat_map(|tenant| tenant.accounts.values()) {
            clients.insert(account.name.clone(), Client::new(Limits::default(), account.concurrency_max)?);
        }
        let policy = AddressPolicy::new(config.webhooks.networks_allowed.clone());
        let hooks = hooks(&config, policy.clone())?;
        let page_origins = config.tenants.values().flat_map(assemble::page_origins).collect();
        let tenants = assemble::tenant_desks(config.tenants.into_values(), |name| {
            clients.get(name).map(|client| -> Arc<dyn Transport> { Arc::new(client.clone()) })
        })?;
        let desk = Arc::new(Desk::new(store, clock, Arc::clone(&ids), settings, tenants, Arc::clone(&wake)));
        let stop = CancellationToken::new();
        let mut parts = JoinSet::new();
        let mut public = None;
        if let Some(server) = server {
            let state =
                http::AppState::new(Arc::clone(&desk), ids, limits).with_hosts(hosts_extra).with_hook_addresses(policy);
            let state = match server.tls() {
                Some(tls) => state.with_tls(tls.clone()),
                None => state,
            };
            public = Some(state.clone());
            let server = server.counted_by(Arc::clone(&state.counts));
            if let Some(tls) = server.tls() {
                parts.spawn(tls.clone().watch(Arc::clone(&state.counts), stop.clone()));
            }
            let router = http::site(&state, http::checkout::CheckoutSettings { page_origins });
            let stop = stop.clone();
            parts.spawn(async move {
                if let Err(error) = server.serve(router, &state.drain, stop.cancelled_owned()).await {
                    tracing::error!(%error, "requests were cut off at shutdown");
                }
            });
        }
        if role != Role::Http {
            parts.spawn(jobs::run(Arc::clone(&desk), wake, tick, stop.clone()));
            parts.spawn(jobs::webhooks::run(Arc::clone(&desk), hooks, tick, stop.clone()));
        }
        let (watching, unwatched) = (JoinSet::new(), CancellationToken::new());
        Ok(Self { desk, public, stop, parts, watching, unwatched })
    }

    /// Shows metrics and health at an address that has been bound for it.
    pub fn watch(&mut self, server: http::Server) {
        let router = http::operators(Arc::clone(&self.desk), self.public.clone());
        let unwatched = self.unwatched.clone();
        self.watching.spawn(async move {
            if let Err(error) = server.serve(router, &http::Drain::default(), unwatched.cancelled_owned()).await {
                tracing::warn!(%error, "somebody was still looking at metrics");
            }
        });
    }

    /// Stops taking work, lets what is under way finish within its deadline, and returns.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.parts.join_next().await.is_some() {}
        self.unwatched.cancel();
        while self.watching.join_next().await.is_some() {}
        if let Err(error) = self.desk.store().close().await {
            tracing::error!(error = &error as &dyn std::error::Error, "the database could not be closed in one piece");
        }
    }
}

/// With what events are sent to webhook endpoints.
fn hooks(config: &Config, policy: AddressPolicy) -> Result<jobs::webhooks::Hooks, ClientError> {
    let settings = &config.webhooks;
    let client = HookClient::new(policy, HookLimits::default())?;
    Ok(jobs::webhooks::Hooks::new(client, settings.in_flight_max, settings.in_flight_per_endpoint_max))
}

/// The operating system's wishes to stop. From the moment they are caught, none of them ends the process by itself.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Catches them from now on.
    pub fn catch() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Resolves with the first of them, also with one that came before this was asked.
    pub async fn any(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Waits for the operating system's wish to stop.
pub async fn stop_signal() {
    if let Ok(mut signals) = StopSignals::catch() {
        signals.any().await;
    } else {
        drop(tokio::signal::ctrl_c().await);
    }
}
