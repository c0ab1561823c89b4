//! Ours: a desk on SQLite on disk, with the settings of the demonstration.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::task::TaskTracker;
use zahlstelle::{
    cli::assemble,
    clock::{Clock, SystemClock},
    config::Config,
    desk::{
        Desk, Settings, clients,
        create::{NewLine, NewPayment},
        idempotency::Idempotency,
    },
    domain::{ids::ClientId, line::TaxRate},
    http::{self, AppState, Limits, Server},
    ids::{Ids, SystemIds},
    store::sqlite::engine::SqliteStore,
};
use zahlstelle_contract::{
    money::{Currency, Money},
    outcome::NotSentCause,
    provider::Environment,
    transport::{HttpRequest, HttpResponse, Transport, TransportError},
};

/// The Mandant of the demonstration.
pub(crate) const TENANT: &str = "dortmund-demo";

/// A desk with its database.
pub(crate) struct Service {
    pub(crate) desk: Arc<Desk>,
    pub(crate) client: ClientId,
    path: PathBuf,
}

impl Service {
    pub(crate) fn new(folder: &TempDir) -> Self {
        Self::arranged(folder, |settings| settings)
    }

    /// The same, with settings that are changed first.
    pub(crate) fn arranged(folder: &TempDir, arrange: impl FnOnce(Settings) -> Settings) -> Self {
        let path = fresh_path(folder);
        let store = Arc::new(SqliteStore::migrate(&path).expect("a database"));
        let config = config();
        let settings = arrange(assemble::desk_settings(&config));
        let tenants =
            assemble::tenant_desks(config.tenants.into_values(), |_| Some(Arc::new(NoLine))).expect("a Mandant");
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let client = ClientId(ids.id(SystemClock.now()));
        let desk = Desk::new(store, Arc::new(SystemClock), ids, settings, tenants, Arc::default());
        Self { desk: Arc::new(desk), client, path }
    }

    /// Serves it at a port of this machine as long as the process lives; the address, and the key of a client.
    pub(crate) async fn listen(&self) -> (SocketAddr, String) {
        self.listen_arranged(|server| server).await
    }

    /// The same, with a listener that is set up further.
    pub(crate) async fn listen_arranged(&self, arrange: impl FnOnce(Server) -> Server) -> (SocketAddr, String) {
        let scopes = ["payments:write".to_owned(), "payments:read".to_owned()];
        let (store, now) = (self.desk.store().as_ref(), SystemClock.now());
        let made = clients::create(store, &SystemIds, now, TENANT, Environment::Test, "bench", &scopes).await;
        let (_, key) = made.expect("a client");
        let limits = Limits::default();
        let app = AppState::new(Arc::clone(&self.desk), Arc::new(SystemIds), limits);
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), limits).await.expect("a port");
        let server = arrange(server);
        let address = server.address().expect("an address");
        TaskTracker::new().spawn(async move {
            let drain = app.drain.clone();
            server.serve(http::router(&app), &drain, std::future::pending()).await
        });
        (address, key)
    }

    /// What the database weighs on disk once its write-ahead log is copied back.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let connection = rusqlite::Connection::open(&self.path).expect("a connection");
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
        let size = |suffix: &str| {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            std::fs::metadata(path).map_or(0, |file| file.len())
        };
        size("") + size("-wal")
    }
}

/// Creates one payment through the desk.
pub(crate) async fn create(service: Arc<Service>, number: u64) {
    let key = Idempotency::new(service.client, &format!("key-{number}"), "POST", "/v1/payments", b"");
    let made = service.desk.create_payment(TENANT, service.client, &new_payment(number), &key).await;
    assert_eq!(made.expect("a payment").answered.status, 201);
}

fn new_payment(number: u64) -> NewPayment {
    NewPayment {
        service: "buergerportal".to_owned(),
        reference: format!("antrag-{number}"),
        lines: vec![NewLine::Explicit {
            description: "Personalausweis".to_owned(),
            quantity: 1,
            unit_amount: Money::parse("37.00", Currency::EUR).expect("an amount"),
            tax_rate: TaxRate::NONE,
            booking: None,
        }],
        amount: None,
        kassenzeichen: None,
        return_url: "http://127.0.0.1:8090/zurueck".to_owned(),
        language: None,
        methods: None,
        expires_in_seconds: None,
        capture: None,
        metadata: BTreeMap::new(),
    }
}

/// The same request as it travels.
pub(crate) fn request_bytes(number: u64) -> Vec<u8> {
    let body = json!({
        "service": "buergerportal",
        "reference": format!("antrag-{number}"),
        "lines": [{
            "description": "Personalausweis",
            "quantity": 1,
            "unit_amount": "37.00",
            "tax_rate": "0",
        }],
        "return_url": "http://127.0.0.1:8090/zurueck",
    });
    body.to_string().into_bytes()
}

/// The path of a database that is not there yet.
pub(crate) fn fresh_path(folder: &TempDir) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    folder.path().join(format!("{}.db", NUMBER.fetch_add(1, Ordering::Relaxed)))
}

fn config() -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
    let environ = |name: &str| match name {
        "ZAHLSTELLE_ADYEN_API_KEY" => Some("bench-api-key".to_owned()),
        "ZAHLSTELLE_ADYEN_HMAC_KEY" | "ZAHLSTELLE_WEBHOOK_KEY" => Some("5EED".repeat(16)),
        _ => None,
    };
    Config::load(&path, &environ).expect("the settings of the demonstration")
}

/// Creating a payment calls no provider.
struct NoLine;

#[async_trait]
impl Transport for NoLine {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        Err(TransportError::NotSent(NotSentCause::NoConnection))
    }
}
