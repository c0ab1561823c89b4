//! A whole service on a port of this machine.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};
use tokio_util::task::TaskTracker;
use zahlstelle::{
    clock::Clock,
    desk::clients,
    http::{self, AppState, Counts, Drain, Limits, NotDrained, Server, checkout::CheckoutSettings},
    ids::SystemIds,
    store::{Store, sqlite::engine::SqliteStore},
};
use zahlstelle_contract::provider::Environment;

use crate::{
    client::Portal,
    gate::Gate,
    stage::{Stage, TENANT, tenant_file},
};

/// A Mandant that is none of the first one's business.
pub(crate) const NEIGHBOUR: &str = "nachbarstadt";

/// Service, database, twin.
pub(crate) struct House {
    pub(crate) stage: Stage,
    pub(crate) gate: Arc<Gate>,
    pub(crate) address: SocketAddr,
    pub(crate) app: AppState,
    pub(crate) drain: Drain,
    pub(crate) counts: Arc<Counts>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), NotDrained>>,
    _folder: TempDir,
}

impl House {
    pub(crate) async fn open(seed: u64) -> Self {
        Self::open_with(seed, limits(), |tenant| tenant).await
    }

    pub(crate) async fn open_with(seed: u64, limits: Limits, change: impl FnOnce(String) -> String) -> Self {
        Self::open_arranged(seed, limits, change, |server| server).await
    }

    /// The same, with a listener that is set up further.
    pub(crate) async fn open_arranged(
        seed: u64,
        limits: Limits,
        change: impl FnOnce(String) -> String,
        arrange: impl FnOnce(Server) -> Server,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::migrate(&folder.path().join("zahlstelle.sqlite")).unwrap());
        let gate = Arc::new(Gate::before(store));
        let neighbour = tenant_file()
            .replace(TENANT, NEIGHBOUR)
            .replace("adyen-test", "adyen-nachbar")
            .replace("ZahlstelleDemoECOM", "NachbarstadtDemoECOM");
        let as_store: Arc<dyn Store> = Arc::<Gate>::clone(&gate);
        let stage = Stage::of(seed, &[change(tenant_file()), neighbour], as_store);
        let app = AppState::new(Arc::clone(&stage.desk), Arc::new(SystemIds), limits);
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
        let server = arrange(server).counted_by(Arc::clone(&app.counts));
        let address = server.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        let counts = Arc::clone(&app.counts);
        let (router, drain) = (http::site(&app, CheckoutSettings { page_origins: Vec::new() }), app.drain.clone());
        let serving = {
            let drain = drain.clone();
            let serve = async move {
                let stopped = async { stopped.await.unwrap_or_default() };
                server.serve(router, &drain, stopped).await
            };
            TaskTracker::new().spawn(serve)
        };
        Self { stage, gate, address, app, drain, counts, stop: Some(stop), serving, _folder: folder }
    }

    /// A portal with every scope.
    pub(crate) async fn portal(&self) -> Portal {
        self.portal_of(TENANT, &["payments:write", "payments:read", "refunds:request"]).await
    }

    pub(crate) async fn portal_of(&self, tenant: &str, scopes: &[&str]) -> Portal {
        Portal::new(self.address, Some(self.key_of(tenant, scopes).await.1))
    }

    /// A new client with its key.
    pub(crate) async fn key_of(&self, tenant: &str, scopes: &[&str]) -> (uuid::Uuid, String) {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let (store, now) = (self.stage.store.as_ref(), self.stage.clock.now());
        let made = clients::create(store, &SystemIds, now, tenant, Environment::Test, "portal", &scopes).await;
        let (client, key) = made.unwrap();
        (client.id, key)
    }

    /// Tells the server to go.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// How the server went.
    pub(crate) async fn gone(self) -> Result<(), NotDrained> {
        self.serving.await.unwrap()
    }

    /// A payment of one explicit line over the wire; its id.
    pub(crate) async fn create(&self, portal: &Portal, amount: &str) -> String {
        let created = portal.post("/v1/payments", &self.stage.fresh_key(), &new_payment(amount)).await.expect(201);
        created["id"].as_str().unwrap().to_owned()
    }

    /// The same, paid by card.
    pub(crate) async fn paid(&self, portal: &Portal, amount: &str) -> String {
        let id = self.create(portal, amount).await;
        let path = format!("/v1/payments/{id}/attempts");
        let started = portal.post(&path, &self.stage.fresh_key(), &json!({"method": "card"})).await.expect(201);
        self.stage.decide(started["next_action"]["url"].as_str().unwrap(), "approve");
        self.stage.settle().await;
        assert_eq!(portal.get(&format!("/v1/payments/{id}")).await.expect(200)["state"], "paid");
        id
    }
}

/// Bounds that no test meets by accident.
pub(crate) fn limits() -> Limits {
    Limits {
        request_body_bytes_max: 65_536,
        request_timeout: Duration::from_mins(1),
        head_timeout: Duration::from_mins(1),
        body_timeout: Duration::from_mins(1),
        idle_timeout: Duration::from_mins(1),
        connections_max: 256,
        connections_per_source_max: 256,
        handshake_timeout: Duration::from_mins(1),
        write_timeout: Duration::from_mins(1),
        answer_timeout: Duration::from_mins(1),
        room_timeout: Duration::from_mins(1),
        requests_max: 256,
        requests_per_source_max: 256,
        rates: None,
        drain: Duration::from_mins(1),
    }
}

/// A request for a payment of one explicit line.
pub(crate) fn new_payment(amount: &str) -> Value {
    json!({
        "service": "buergerportal",
        "reference": "antrag-1",
        "lines": [{"description": "Gebühr", "quantity": 1, "unit_amount": amount, "tax_rate": "0"}],
        "return_url": "http://127.0.0.1:8090/zurueck",
    })
}
