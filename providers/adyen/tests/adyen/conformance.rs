//! The suite that every provider passes, against the twin; every message of either side is held against Adyen's
//! documents on its way.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use zahlstelle_adyen::Adyen;
use zahlstelle_contract::{
    conformance::{self, Damage, Delivery, Fault, Peer},
    fact::ProviderFact,
    money::{Currency, Money},
    outcome::{NotSentCause, UnknownCause},
    provider::{Notifications, OpenedPage, Operation, SettlementReports},
    settlement::SettlementKind,
    transport::{HttpMethod, HttpRequest, HttpResponse, Transport, TransportError},
};
use zahlstelle_twin::{AdyenAccount, Chore, ManualClock, Request, TwinClock, World, WorldSettings};

use crate::{
    specification::Specification,
    support::{API_KEY, HMAC_KEY_HEX, MERCHANT_ACCOUNT, envelope, settings, sign},
};

/// The beginning of the world.
const START: &str = "2026-11-24T08:00:00Z";

/// How long the world is given to finish what it has begun, in seconds.
const SETTLING_SECONDS: i64 = 60;

/// Where the twin believes to be; nothing listens there, all calls are made in this process.
const TWIN_URL: &str = "http://127.0.0.1:8181";

/// Two seeds: the suite must not live on one lucky reference.
#[tokio::test]
async fn the_adapter_conforms() {
    for seed in [1, 0x005E_ED0F_2026] {
        let line = Line::new(seed, Sabotage::None);
        let adyen = Adyen::new(settings(&format!("{TWIN_URL}/v71")), Arc::<Line>::clone(&line)).unwrap();
        conformance::all(&adyen, &*line).await;
        let messages = line.state.lock().unwrap().messages;
        assert!(messages > 60, "the suite sent only {messages} messages");
    }
}

/// What the twin settles after the suite, the adapter reads, and both agree on what moved.
#[tokio::test]
async fn the_report_of_the_twin_is_read() {
    let line = Line::new(3, Sabotage::None);
    let adyen = Adyen::new(settings(&format!("{TWIN_URL}/v71")), Arc::<Line>::clone(&line)).unwrap();
    conformance::all(&adyen, &*line).await;
    let mut told = BTreeMap::new();
    drop(line.deliveries().await);
    let deliveries = line.state.lock().unwrap().told.clone();
    for delivery in deliveries {
        let items = adyen.verify(crate::support::raw(&delivery.body)).unwrap();
        for notification in items.into_iter().map(|item| item.unwrap().into_inner()) {
            let (ProviderFact::Captured { capture: own, amount, .. }
            | ProviderFact::Refunded { refund: own, amount, .. }) = notification.fact
            else {
                continue;
            };
            told.insert(own, amount);
        }
    }
    let order = json!({ "day": "2026-11-24", "folder": "reports" });
    let request = Request::new(http::Method::POST, "/control/settle").json(&order);
    let response = line.state.lock().unwrap().world.handle(line.clock.now(), &request);
    let mut settled = BTreeMap::new();
    for chore in response.chores {
        let Chore::WriteFile { content, .. } = chore else { continue };
        let lines = adyen.read(&content).unwrap();
        let total = Money::total(lines.iter().map(|line| line.net), Currency::EUR).unwrap();
        assert!(total.is_zero(), "the batch with its payout must add up to nothing, not {total}");
        for line in lines {
            match line.kind {
                SettlementKind::Captured => settled.insert(line.modification.unwrap(), line.gross),
                SettlementKind::Refunded => {
                    settled.insert(line.modification.unwrap(), line.gross.checked_neg().unwrap())
                }
                _ => None,
            };
        }
    }
    assert!(!told.is_empty(), "nothing was captured");
    assert_eq!(told, settled);
}

/// The suite can fail: an adapter that would break a promise in one of these ways is found out.
#[tokio::test]
async fn the_suite_finds_broken_adapters() {
    let local = tokio::task::LocalSet::new();
    for sabotage in Sabotage::ALL {
        let line = Line::new(7, sabotage);
        let adyen = Adyen::new(settings(&format!("{TWIN_URL}/v71")), Arc::<Line>::clone(&line)).unwrap();
        let run = async move { conformance::all(&adyen, &*line).await };
        let found = local.run_until(async { tokio::task::spawn_local(run).await }).await;
        assert!(found.is_err_and(|error| error.is_panic()), "{sabotage:?} was not found");
    }
}

/// What a broken adapter would do, done on the wire below a sound one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sabotage {
    None,
    /// It sends no idempotency key.
    NoKey,
    /// It takes a 5xx for a refusal.
    ServerErrorIsRefusal,
    /// It takes a lost answer for a request that was never sent.
    LostIsNotSent,
    /// It takes a failed connection for an unknown outcome.
    NotSentIsLost,
    /// It reports what it asked for and not what came back.
    NoEcho,
    /// It asks for more than it was told to.
    OtherAmount,
    /// It does not close pages.
    NoClosing,
    /// It loses what it is told of authorisations.
    NoAuthorisations,
}

impl Sabotage {
    const ALL: [Self; 8] = [
        Self::NoKey,
        Self::ServerErrorIsRefusal,
        Self::LostIsNotSent,
        Self::NotSentIsLost,
        Self::NoEcho,
        Self::OtherAmount,
        Self::NoClosing,
        Self::NoAuthorisations,
    ];

    fn spoil_request(self, request: &mut HttpRequest) {
        match self {
            Self::NoKey => request.headers.retain(|(name, _)| *name != "idempotency-key"),
            Self::OtherAmount if request.url.ends_with("/refunds") => {
                let body = String::from_utf8_lossy(&request.body).replace(r#""value":100}"#, r#""value":101}"#);
                request.body = body.into_bytes();
            }
            Self::NoClosing if request.method == HttpMethod::Patch => {
                request.method = HttpMethod::Get;
                request.body.clear();
            }
            Self::None
            | Self::ServerErrorIsRefusal
            | Self::LostIsNotSent
            | Self::NotSentIsLost
            | Self::NoEcho
            | Self::OtherAmount
            | Self::NoClosing
            | Self::NoAuthorisations => {}
        }
    }

    fn spoil_result(
        self,
        asked: &[u8],
        result: Result<HttpResponse, TransportError>,
    ) -> Result<HttpResponse, TransportError> {
        match (self, result) {
            (Self::ServerErrorIsRefusal, Ok(response)) if response.status >= 500 => {
                Ok(HttpResponse { status: 422, ..response })
            }
            (Self::LostIsNotSent, Err(TransportError::NoAnswer(_))) => {
                Err(TransportError::NotSent(NotSentCause::NoConnection))
            }
            (Self::NotSentIsLost, Err(TransportError::NotSent(_))) => {
                Err(TransportError::NoAnswer(UnknownCause::ConnectionLost))
            }
            (Self::NoEcho, Ok(response)) => Ok(with_amount_of(asked, response)),
            (_, result) => result,
        }
    }
}

/// The answer with the amount of the request in place of its own.
fn with_amount_of(asked: &[u8], response: HttpResponse) -> HttpResponse {
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    let (Some(asked), Some(mut answer)) = (read(asked), read(&response.body)) else { return response };
    if asked.get("amount").is_none() || answer.get("amount").is_none() {
        return response;
    }
    answer["amount"] = asked["amount"].clone();
    HttpResponse { body: answer.to_string().into_bytes(), ..response }
}

/// The twin with a wire to it that can be spoilt.
struct Line {
    clock: ManualClock,
    state: Mutex<State>,
    sabotage: Sabotage,
    checkout: Option<Specification>,
    webhooks: Option<Specification>,
}

struct State {
    world: World,
    /// The fault of the wire that the next call of an operation meets.
    spoil: Option<(Fault, Operation)>,
    spoilt: usize,
    messages: usize,
    /// Everything the world has told.
    told: Vec<Delivery>,
}

impl Line {
    fn new(seed: u64, sabotage: Sabotage) -> Arc<Self> {
        let account = AdyenAccount {
            merchant_account: MERCHANT_ACCOUNT.to_owned(),
            api_key: SecretString::from(API_KEY),
            hmac_key_hex: SecretString::from(HMAC_KEY_HEX),
            notification_url: "http://127.0.0.1:8080/hooks/adyen/adyen-test".to_owned(),
        };
        let world = World::new(WorldSettings { seed, adyen: account, base_url: TWIN_URL.to_owned() }).unwrap();
        Arc::new(Self {
            clock: ManualClock::new(START.parse().unwrap()),
            state: Mutex::new(State { world, spoil: None, spoilt: 0, messages: 0, told: Vec::new() }),
            sabotage,
            checkout: Specification::checkout(),
            webhooks: Specification::webhooks(),
        })
    }

    fn ask(&self, request: &Request) -> Value {
        let response = self.state.lock().unwrap().world.handle(self.clock.now(), request);
        assert!(response.status.is_success(), "{} {}", request.path, String::from_utf8_lossy(&response.body));
        serde_json::from_slice(&response.body).unwrap_or(Value::Null)
    }

    fn decide(&self, page: &OpenedPage, decision: &str) {
        let path = page.url.strip_prefix(TWIN_URL).expect("the page is not the twin's");
        let request = Request::new(http::Method::POST, path).form(&[("decision", decision)]);
        let response = self.state.lock().unwrap().world.handle(self.clock.now(), &request);
        assert!(response.status.as_u16() < 400, "{decision}: {}", response.status);
    }

    fn judge(&self, operation: Option<Operation>, request: &[u8], status: u16, answer: &[u8]) {
        let Some(checkout) = &self.checkout else { return };
        let (asked, answered) = match operation {
            Some(Operation::OpenPage) => (Some("PaymentLinkRequest"), "PaymentLinkResponse"),
            Some(Operation::ClosePage) => (Some("UpdatePaymentLinkRequest"), "PaymentLinkResponse"),
            Some(Operation::Capture) => (Some("PaymentCaptureRequest"), "PaymentCaptureResponse"),
            Some(Operation::Cancel) => (Some("PaymentCancelRequest"), "PaymentCancelResponse"),
            Some(Operation::Refund) => (Some("PaymentRefundRequest"), "PaymentRefundResponse"),
            Some(Operation::ChargeToken) | None => (None, "PaymentLinkResponse"),
        };
        if let Some(schema) = asked {
            checkout.assert_valid(schema, &serde_json::from_slice(request).unwrap());
        }
        let answered = if status < 300 { answered } else { "ServiceError" };
        checkout.assert_valid(answered, &serde_json::from_slice(answer).unwrap());
    }
}

/// What a request asks for, by its method and path; asking about a page is no operation.
fn operation(method: HttpMethod, path: &str) -> Option<Operation> {
    match (method, path.rsplit('/').next()) {
        (HttpMethod::Post, Some("paymentLinks")) => Some(Operation::OpenPage),
        (HttpMethod::Patch, _) => Some(Operation::ClosePage),
        (HttpMethod::Post, Some("captures")) => Some(Operation::Capture),
        (HttpMethod::Post, Some("cancels")) => Some(Operation::Cancel),
        (HttpMethod::Post, Some("refunds")) => Some(Operation::Refund),
        (HttpMethod::Get | HttpMethod::Post, _) => None,
    }
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.sabotage.spoil_request(&mut request);
        let asked = request.body.clone();
        self.sabotage.spoil_result(&asked, self.carry(&request))
    }
}

impl Line {
    /// Carries a request to the twin and its answer back.
    fn carry(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let target = request.url.strip_prefix(TWIN_URL).expect("the call leaves the twin");
        let operation = operation(request.method, target);
        let method = match request.method {
            HttpMethod::Get => http::Method::GET,
            HttpMethod::Post => http::Method::POST,
            HttpMethod::Patch => http::Method::PATCH,
        };
        let mut asked = Request::new(method, target);
        for (name, value) in &request.headers {
            asked = asked.header(name, value);
        }
        for (name, value) in &request.secret_headers {
            asked = asked.header(name, value.expose_secret());
        }
        asked.body.clone_from(&request.body);
        let mut state = self.state.lock().unwrap();
        state.messages += 1;
        let response = state.world.handle(self.clock.now(), &asked);
        match response.delivery {
            zahlstelle_twin::Delivery::Answer => {}
            zahlstelle_twin::Delivery::Delay { .. } => return Err(TransportError::NoAnswer(UnknownCause::Timeout)),
            zahlstelle_twin::Delivery::DropConnection => {
                return Err(TransportError::NoAnswer(UnknownCause::ConnectionLost));
            }
            zahlstelle_twin::Delivery::RefuseConnection => {
                return Err(TransportError::NotSent(NotSentCause::NoConnection));
            }
        }
        let status = response.status.as_u16();
        self.judge(operation, &request.body, status, &response.body);
        let mut body = response.body;
        if let Some((fault, _)) = state.spoil.take_if(|(_, spoilt)| Some(*spoilt) == operation) {
            state.spoilt += 1;
            body = spoil(fault, &body);
        }
        Ok(HttpResponse { status, body })
    }
}

/// An answer as a fault of the wire leaves it.
fn spoil(fault: Fault, body: &[u8]) -> Vec<u8> {
    match fault {
        Fault::Garbage => b"<html><body>200 OK</body></html>".to_vec(),
        Fault::WrongPayment => {
            let mut answer: Value = serde_json::from_slice(body).unwrap();
            answer["paymentPspReference"] = json!("0000000000000000");
            answer.to_string().into_bytes()
        }
        Fault::AnswerLost | Fault::NoConnection | Fault::ServerError | Fault::WrongAmount => {
            panic!("{fault:?} is made by the twin")
        }
    }
}

#[async_trait]
impl Peer for Line {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn approve(&self, page: &OpenedPage) {
        self.decide(page, "approve");
    }

    async fn decline(&self, page: &OpenedPage) {
        self.decide(page, "decline");
    }

    async fn arm(&self, fault: Fault, operation: Operation) {
        let of_twin = match fault {
            Fault::AnswerLost => "lose_answer",
            Fault::NoConnection => "refuse_connection",
            // The worse of the two: it says 500 and has done it.
            Fault::ServerError => "error_500_after_commit",
            Fault::WrongAmount => "wrong_amount",
            Fault::Garbage | Fault::WrongPayment => {
                self.state.lock().unwrap().spoil = Some((fault, operation));
                return;
            }
        };
        let order = json!([{ "fault": of_twin, "operation": operation, "count": 1 }]);
        self.ask(&Request::new(http::Method::POST, "/control/faults").json(&order));
    }

    async fn faults_met(&self) -> usize {
        let counts = self.ask(&Request::new(http::Method::GET, "/control/faults"));
        let of_twin: u64 = counts.as_array().unwrap().iter().map(|fault| fault["count"].as_u64().unwrap()).sum();
        usize::try_from(of_twin).unwrap() + self.state.lock().unwrap().spoilt
    }

    async fn executed(&self, operation: Operation) -> usize {
        let member = match operation {
            Operation::OpenPage => "create",
            Operation::ClosePage => "close",
            Operation::ChargeToken => return 0,
            Operation::Capture => "capture",
            Operation::Cancel => "cancel",
            Operation::Refund => "refund",
        };
        let books = self.ask(&Request::new(http::Method::GET, "/control/transactions"));
        let executed = |row: &Value| row["executed"][member].as_u64().unwrap();
        usize::try_from(books.as_array().unwrap().iter().map(executed).sum::<u64>()).unwrap()
    }

    async fn deliveries(&self) -> Vec<Delivery> {
        let now = self.clock.advance(SETTLING_SECONDS).unwrap();
        let mut state = self.state.lock().unwrap();
        let mut deliveries = Vec::new();
        for outgoing in state.world.due_notifications(now) {
            state.world.delivered(outgoing.id, Some(200), now);
            if let Some(webhooks) = &self.webhooks {
                webhooks.assert_valid_event(&serde_json::from_slice(&outgoing.body).unwrap());
            }
            if self.sabotage == Sabotage::NoAuthorisations
                && String::from_utf8_lossy(&outgoing.body).contains(r#""AUTHORISATION""#)
            {
                continue;
            }
            let headers = outgoing.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            deliveries.push(Delivery { headers: headers.collect(), body: outgoing.body });
        }
        state.told.extend(deliveries.iter().cloned());
        deliveries
    }

    fn damaged(&self, good: &Delivery, damage: Damage) -> Vec<Delivery> {
        let body: Value = serde_json::from_slice(&good.body).unwrap();
        let item = &body["notificationItems"][0]["NotificationRequestItem"];
        let bodies = match damage {
            Damage::EachSignedByte => each_signed_byte(item).iter().map(of_one).collect(),
            Damage::NoSignature => vec![of_one(&edited(item, |item| drop(remove(item, "additionalData"))))],
            Damage::NoEventId => vec![
                of_one(&sign(edited(item, |item| drop(remove(item, "pspReference"))))),
                of_one(&sign(edited(item, |item| item["pspReference"] = json!("")))),
            ],
            Damage::OtherAccount => {
                vec![of_one(&sign(edited(item, |item| item["merchantAccountCode"] = json!("AnotherCity"))))]
            }
            Damage::OtherEnvironment => vec![edited(&of_one(item), |body| body["live"] = json!("true"))],
            Damage::BadItemsBetween => {
                let forged = edited(item, |item| item["amount"]["value"] = json!(999_999));
                vec![envelope(&[item.clone(), forged, json!("no item"), item.clone()])]
            }
        };
        let deliver = |body: Value| Delivery { headers: good.headers.clone(), body: body.to_string().into_bytes() };
        bodies.into_iter().map(deliver).collect()
    }
}

fn of_one(item: &Value) -> Value {
    envelope(std::slice::from_ref(item))
}

fn edited(value: &Value, edit: impl FnOnce(&mut Value)) -> Value {
    let mut copy = value.clone();
    edit(&mut copy);
    copy
}

fn remove(item: &mut Value, member: &str) -> Option<Value> {
    item.as_object_mut().unwrap().remove(member)
}

/// Copies of the item, one for each byte of each signed field and of the signature, with that byte changed.
fn each_signed_byte(item: &Value) -> Vec<Value> {
    let fields = [
        "/pspReference",
        "/originalReference",
        "/merchantAccountCode",
        "/merchantReference",
        "/amount/currency",
        "/eventCode",
        "/success",
        "/additionalData/hmacSignature",
    ];
    let mut copies = Vec::new();
    for field in fields {
        let Some(text) = item.pointer(field).and_then(Value::as_str) else { continue };
        for index in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[index] = if bytes[index] == b'x' { b'y' } else { b'x' };
            let changed = json!(String::from_utf8(bytes).unwrap());
            copies.push(edited(item, |item| *item.pointer_mut(field).unwrap() = changed));
        }
    }
    let value = item["amount"]["value"].as_i64().unwrap();
    for power in 0..u32::try_from(value.to_string().len()).unwrap() {
        copies.push(edited(item, |item| item["amount"]["value"] = json!(value + 10_i64.pow(power))));
    }
    // What was not there is signed as empty and must not appear.
    if item.get("originalReference").is_none() {
        copies.push(edited(item, |item| item["originalReference"] = json!("9913140798220028")));
    }
    copies
}
