//! A stage for tests: desk, jobs and twin in one process, under a clock that stands still until it is moved.
//!
//! Everything that happens here follows from a seed: the store is the engine's synchronous core, the twin is the pure
//! world, and calls to the provider are function calls whose answers can be lost.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use zahlstelle::{
    cli::assemble,
    clock::{Clock, ManualClock},
    config::Config,
    desk::{
        Desk, DeskError, Hook, NextStep, RefundOrder,
        create::{NewLine, NewPayment},
        idempotency::{Answered, Idempotency},
        verify,
    },
    domain::{
        decide::RefundExtent,
        ids::{ClientId, PaymentId, RefundId},
        line::TaxRate,
        payment::Payment,
    },
    ids::{Ids, SeededIds},
    store::{Store, sqlite::direct::DirectStore},
};
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    money::{Currency, Money},
    notification::RawDelivery,
    outcome::{NotSentCause, UnknownCause},
    reference::AccountName,
    transport::{HttpMethod, HttpRequest, HttpResponse, Transport, TransportError},
};
use zahlstelle_twin::{AdyenAccount, Chore, Delivery, Request, World, WorldSettings};

/// The Mandant of the stage.
pub(crate) const TENANT: &str = "dortmund-demo";
/// The service that takes explicit lines and needs no approval.
pub(crate) const SERVICE: &str = "buergerportal";
/// The provider account.
pub(crate) const ACCOUNT: &str = "adyen-test";
/// When the stage begins.
pub(crate) const START: &str = "2026-11-24T08:00:00Z";
/// The twin's merchant account, as the shipped settings name it.
pub(crate) const MERCHANT_ACCOUNT: &str = "ZahlstelleDemoECOM";
const API_KEY: &str = "stage-api-key";
/// The key of the twin's notifications.
pub(crate) const HMAC_KEY_HEX: &str = "5EED5EED5EED5EED5EED5EED5EED5EED5EED5EED5EED5EED5EED5EED5EED5EED";
const TWIN_URL: &str = "http://127.0.0.1:8181";
/// How many jobs and deliveries one call to [`Stage::settle`] carries out at most.
const STEPS_MAX: usize = 2_000;

/// Desk, jobs and twin.
pub(crate) struct Stage {
    pub(crate) desk: Arc<Desk>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) client: ClientId,
    keys: Mutex<u64>,
}

impl Stage {
    /// A stage with the shipped settings.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, |tenant| tenant)
    }

    /// A stage whose tenant file is changed before it is read.
    pub(crate) fn with(seed: u64, change: impl FnOnce(String) -> String) -> Self {
        Self::on(seed, change, Arc::new(DirectStore::in_memory().unwrap()))
    }

    /// A stage on a given store.
    pub(crate) fn on(seed: u64, change: impl FnOnce(String) -> String, store: Arc<dyn Store>) -> Self {
        Self::of(seed, &[change(tenant_file())], store)
    }

    /// A stage with several Mandanten, each by its file; the first is [`TENANT`].
    pub(crate) fn of(seed: u64, tenants: &[String], store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::at(START.parse().unwrap()));
        let world = Arc::new(Mutex::new(world(seed)));
        Self::build(seed, tenants, store, |line| line, clock, world)
    }

    /// A stage on a given store whose line to the provider is put into something of the caller's.
    pub(crate) fn wired(
        seed: u64,
        change: impl FnOnce(String) -> String,
        store: Arc<dyn Store>,
        wire: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(START.parse().unwrap()));
        let world = Arc::new(Mutex::new(world(seed)));
        Self::build(seed, &[change(tenant_file())], store, wire, clock, world)
    }

    fn build(
        seed: u64,
        tenants: &[String],
        store: Arc<dyn Store>,
        wire: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>,
        clock: Arc<ManualClock>,
        world: Arc<Mutex<World>>,
    ) -> Self {
        let ids: Arc<dyn Ids> = Arc::new(SeededIds::new(seed));
        let line: Arc<dyn Transport> = Arc::new(Line { world: Arc::clone(&world), clock: Arc::clone(&clock) });
        let line = wire(line);
        let config = config(tenants);
        let settings = assemble::desk_settings(&config);
        let tenants = assemble::tenant_desks(config.tenants.into_values(), |_| Some(Arc::clone(&line))).unwrap();
        let client = ClientId(ids.id(clock.now()));
        let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let desk = Desk::new(Arc::clone(&store), as_clock, ids, settings, tenants, Arc::default());
        Self { desk: Arc::new(desk), store, clock, world, client, keys: Mutex::new(0) }
    }

    /// A new process on the same store and in the same world, as after a `kill -9`: what the twin had on its way comes
    /// again, and ids are drawn from another seed, because a new process draws others.
    pub(crate) fn restarted(&self, seed: u64, store: Arc<dyn Store>) -> Self {
        let stored = self.world.lock().unwrap().store().unwrap();
        *self.world.lock().unwrap() = World::restore(world_settings(seed), &stored, self.clock.now()).unwrap();
        let (clock, world) = (Arc::clone(&self.clock), Arc::clone(&self.world));
        let next = Self::build(seed, &[tenant_file()], store, |line| line, clock, world);
        Self { client: self.client, keys: Mutex::new(*self.keys.lock().unwrap()), ..next }
    }

    /// A key that was not used before.
    pub(crate) fn fresh_key(&self) -> String {
        let mut keys = self.keys.lock().unwrap();
        *keys += 1;
        format!("key-{keys}")
    }

    /// A request under a key of its own.
    pub(crate) fn once(&self) -> Idempotency {
        self.under(&self.fresh_key())
    }

    /// A request under this key.
    pub(crate) fn under(&self, key: &str) -> Idempotency {
        Idempotency::new(self.client, key, "POST", "/", b"")
    }

    /// A payment of one explicit line.
    pub(crate) async fn create(&self, amount: &str) -> Payment {
        self.create_with(amount, |request| request).await
    }

    /// A payment of one explicit line, whose request is changed before it is made.
    pub(crate) async fn create_with(&self, amount: &str, change: impl FnOnce(NewPayment) -> NewPayment) -> Payment {
        let request = change(new_payment(amount));
        let answered = self.desk.create_payment(TENANT, self.client, &request, &self.once()).await.unwrap();
        self.payment(PaymentId(answered.answered.holder)).await
    }

    /// A payment that is authorised or captured later, by command.
    pub(crate) async fn create_manual(&self, amount: &str) -> Payment {
        self.create_with(amount, |request| NewPayment { capture: Some(CaptureMode::Manual), ..request }).await
    }

    /// The payment as it is now.
    pub(crate) async fn payment(&self, id: PaymentId) -> Payment {
        self.desk.payment(TENANT, id).await.unwrap()
    }

    /// Starts to pay by card; the address of the page.
    pub(crate) async fn start(&self, id: PaymentId) -> String {
        match self.desk.start_attempt(TENANT, id, Method::Card).await.unwrap() {
            NextStep::Redirect { url } => url,
            NextStep::Look => panic!("no page to go to"),
        }
    }

    /// Presses a button on the provider's page; the address the payer is sent to, if any.
    pub(crate) fn decide(&self, page: &str, decision: &str) -> Option<String> {
        let request = Request::new(http::Method::POST, path_of(page)).form(&[("decision", decision)]);
        let response = self.world.lock().unwrap().handle(self.clock.now(), &request);
        assert!(!response.status.is_server_error(), "the page answered {}", response.status);
        response.headers.get(http::header::LOCATION).map(|value| value.to_str().unwrap().to_owned())
    }

    /// Pays by card up to the provider's word, which may still be on its way.
    pub(crate) async fn approve(&self, id: PaymentId) {
        let page = self.start(id).await;
        self.decide(&page, "approve");
    }

    /// Pays by card and lets everything settle.
    pub(crate) async fn pay(&self, id: PaymentId) -> Payment {
        self.approve(id).await;
        self.settle().await;
        self.payment(id).await
    }

    /// Requests a refund of an amount.
    pub(crate) async fn refund(&self, id: PaymentId, amount: &str) -> Result<Answered, DeskError> {
        self.refund_under(id, amount, &self.once()).await
    }

    /// Requests a refund of an amount under a key.
    pub(crate) async fn refund_under(
        &self,
        id: PaymentId,
        amount: &str,
        key: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let order = RefundOrder {
            extent: RefundExtent::Amount(eur(amount)),
            reason: "test".to_owned(),
            capture: None,
            expected_refundable: None,
        };
        self.desk.request_refund(TENANT, id, self.client, &order, key).await
    }

    /// The state of a refund.
    pub(crate) async fn refund_state(&self, id: PaymentId, refund: uuid::Uuid) -> &'static str {
        self.payment(id).await.refund(RefundId(refund)).unwrap().state.as_str()
    }

    /// Moves the clock on and lets everything settle.
    pub(crate) async fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
        self.settle().await;
    }

    /// Moves the clock in steps of a minute, settling after each, until `seconds` have passed.
    pub(crate) async fn pass(&self, seconds: i64) {
        for _ in 0..seconds / 60 {
            self.advance(60).await;
        }
    }

    /// Delivers what the provider has to say and does what is due, until nothing is left to do at this moment.
    pub(crate) async fn settle(&self) {
        for _ in 0..STEPS_MAX {
            let delivered = self.deliver().await;
            let attended = self.attend().await;
            if delivered + attended == 0 {
                return;
            }
        }
        panic!("nothing settles");
    }

    /// Delivers due notifications; how many.
    pub(crate) async fn deliver(&self) -> usize {
        let now = self.clock.now();
        let due = self.world.lock().unwrap().due_notifications(now);
        let count = due.len();
        for delivery in due {
            let headers: Vec<_> =
                delivery.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let status = self.hand_over(&headers, &delivery.body).await;
            self.world.lock().unwrap().delivered(delivery.id, Some(status), self.clock.now());
        }
        count
    }

    /// Hands one delivery to the desk, as the hook does; the status of the answer.
    pub(crate) async fn hand_over(&self, headers: &[(String, String)], body: &[u8]) -> u16 {
        let account = AccountName::parse(ACCOUNT).unwrap();
        let delivery = RawDelivery { headers, body, received_at: self.clock.now() };
        let hook = Hook { provider: "adyen", account: &account, delivery };
        match self.desk.take_delivery(&hook).await {
            Ok(taken) if taken.kept + taken.repeated > 0 || taken.refused.is_empty() => 200,
            Ok(_) => 401,
            Err(_) => 503,
        }
    }

    /// Does what is due; how much.
    pub(crate) async fn attend(&self) -> usize {
        let now = self.clock.now();
        let lease_until = now.checked_add(SignedDuration::from_secs(30)).unwrap();
        let jobs = self.store.claim_jobs(now, lease_until, 16).await.unwrap();
        for job in &jobs {
            if self.desk.attend(job).await.is_err() {
                self.desk.give_back(job).await.unwrap();
            }
        }
        jobs.len()
    }

    /// Arms a fault of the twin.
    pub(crate) fn arm(&self, fault: &str, operation: &str, count: u32) {
        self.control(
            http::Method::POST,
            "/control/faults",
            &json!([{"fault": fault, "operation": operation, "count": count}]),
        );
    }

    /// Arms a fault with further members, e.g. seconds.
    pub(crate) fn arm_with(&self, order: &Value) {
        self.control(http::Method::POST, "/control/faults", &json!([order]));
    }

    /// How often a fault has happened.
    pub(crate) fn fired(&self, fault: &str, operation: &str) -> u64 {
        let rows = self.control(http::Method::GET, "/control/faults", &Value::Null);
        let row = rows.as_array().unwrap().iter().find(|row| row["fault"] == fault && row["operation"] == operation);
        row.and_then(|row| row["count"].as_u64()).unwrap_or(0)
    }

    /// What the twin holds.
    pub(crate) fn transactions(&self) -> Vec<Value> {
        self.control(http::Method::GET, "/control/transactions", &Value::Null).as_array().unwrap().clone()
    }

    /// What the twin holds of one attempt; the last row when a page was paid twice.
    pub(crate) fn transaction(&self, merchant_reference: &str) -> Value {
        let found = self.transactions().into_iter().rfind(|row| row["merchant_reference"] == merchant_reference);
        found.unwrap_or_else(|| panic!("the twin knows no {merchant_reference}"))
    }

    /// Lets the world do something on its own.
    pub(crate) fn event(&self, merchant_reference: &str, event: &str) {
        let order = json!({"merchant_reference": merchant_reference, "event": event});
        self.control(http::Method::POST, "/control/events", &order);
    }

    /// A call to the twin's control surface.
    pub(crate) fn control(&self, method: http::Method, path: &str, body: &Value) -> Value {
        let mut request = Request::new(method, path);
        if !body.is_null() {
            request = request.json(body);
        }
        let response = self.world.lock().unwrap().handle(self.clock.now(), &request);
        assert!(response.status.is_success(), "{path}: {}", String::from_utf8_lossy(&response.body));
        for chore in &response.chores {
            if let Chore::AdvanceClock { seconds } = chore {
                self.clock.advance(SignedDuration::from_secs(*seconds));
            }
        }
        if response.body.is_empty() { Value::Null } else { serde_json::from_slice(&response.body).unwrap() }
    }

    /// Checks every invariant and compares our books with the twin's.
    pub(crate) async fn check(&self) -> verify::Report {
        let report = verify::verify(self.store.as_ref(), TENANT, self.clock.now()).await.unwrap();
        assert_eq!(report.findings, Vec::<String>::new());
        report
    }

    /// What the books say the provider holds for us, in cents.
    pub(crate) async fn held(&self) -> i64 {
        self.balance(&format!("psp/{ACCOUNT}")).await
    }

    /// The balance of an account, in cents.
    pub(crate) async fn balance(&self, account: &str) -> i64 {
        let report = self.check().await;
        report.balances.iter().filter(|((name, _), _)| name.to_string() == account).map(|(_, sum)| *sum).sum()
    }

    /// What the twin says it holds for us, in cents: captured less refunded, reversed and disputed.
    pub(crate) fn held_at_twin(&self) -> i64 {
        let cents = |row: &Value, member: &str| row[member].as_str().map_or(0, |text| eur(text).minor());
        self.transactions()
            .iter()
            .map(|row| {
                cents(row, "captured") - cents(row, "refunded") - cents(row, "reversed") - cents(row, "disputed")
            })
            .sum()
    }

    /// The types of all events of the feed, in order.
    pub(crate) async fn feed_types(&self) -> Vec<String> {
        let page = self.desk.feed(TENANT, 0, 10_000).await.unwrap();
        let page = serde_json::to_value(&page).unwrap();
        page["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

/// A request for a payment of one explicit line.
pub(crate) fn new_payment(amount: &str) -> NewPayment {
    NewPayment {
        service: SERVICE.to_owned(),
        reference: "antrag-1".to_owned(),
        lines: vec![NewLine::Explicit {
            description: "Gebühr".to_owned(),
            quantity: 1,
            unit_amount: eur(amount),
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

/// Euros.
pub(crate) fn eur(amount: &str) -> Money {
    Money::parse(amount, Currency::EUR).unwrap()
}

/// The shipped tenant file.
pub(crate) fn tenant_file() -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join("config/tenants/dortmund.toml")).unwrap()
}

fn config(tenants: &[String]) -> Config {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tenants")).unwrap();
    let mut files = Vec::new();
    for (number, tenant) in tenants.iter().enumerate() {
        let file = format!("tenants/{number}.toml");
        std::fs::write(folder.path().join(&file), tenant.replace("https://checkout-test.adyen.com", TWIN_URL)).unwrap();
        files.push(file);
    }
    let main = std::fs::read_to_string(root.join("config/demo.toml")).unwrap();
    let main = main.replace(r#"["tenants/dortmund.toml"]"#, &format!("{files:?}"));
    std::fs::write(folder.path().join("demo.toml"), main).unwrap();
    let environ = |name: &str| match name {
        "ZAHLSTELLE_ADYEN_API_KEY" => Some(API_KEY.to_owned()),
        "ZAHLSTELLE_WEBHOOK_KEY" => Some("0123456789abcdef".repeat(4)),
        "ZAHLSTELLE_ADYEN_HMAC_KEY" => Some(HMAC_KEY_HEX.to_owned()),
        _ => None,
    };
    Config::load(&folder.path().join("demo.toml"), &environ).unwrap_or_else(|errors| panic!("{errors}"))
}

fn world(seed: u64) -> World {
    World::new(world_settings(seed)).unwrap()
}

fn world_settings(seed: u64) -> WorldSettings {
    let adyen = AdyenAccount {
        merchant_account: MERCHANT_ACCOUNT.to_owned(),
        api_key: SecretString::from(API_KEY),
        hmac_key_hex: SecretString::from(HMAC_KEY_HEX),
        notification_url: format!("http://127.0.0.1:8080/hooks/adyen/{ACCOUNT}"),
    };
    WorldSettings { seed, adyen, base_url: TWIN_URL.to_owned() }
}

fn path_of(address: &str) -> &str {
    address.strip_prefix(TWIN_URL).unwrap_or(address)
}

/// The line to the provider: a function call whose answer can be lost.
struct Line {
    world: Arc<Mutex<World>>,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let url = url::Url::parse(&request.url).unwrap();
        let method = match request.method {
            HttpMethod::Get => http::Method::GET,
            HttpMethod::Post => http::Method::POST,
            HttpMethod::Patch => http::Method::PATCH,
        };
        // The settings name the real provider; the twin stands in for it under the same paths.
        let mut asked = Request::new(method, url.path());
        for (name, value) in &request.headers {
            asked = asked.header(name, value);
        }
        for (name, value) in &request.secret_headers {
            asked = asked.header(name, value.expose_secret());
        }
        asked.body = request.body;
        let now: Timestamp = self.clock.now();
        let response = self.world.lock().unwrap().handle(now, &asked);
        match response.delivery {
            Delivery::Answer | Delivery::Delay { .. } => {
                Ok(HttpResponse { status: response.status.as_u16(), body: response.body })
            }
            Delivery::DropConnection => Err(TransportError::NoAnswer(UnknownCause::ConnectionLost)),
            Delivery::RefuseConnection => Err(TransportError::NotSent(NotSentCause::NoConnection)),
        }
    }
}
