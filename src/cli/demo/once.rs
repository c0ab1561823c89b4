//! The single run: one card payment through the real HTTP surface, paid on the twin's page, partly refunded, checked.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    SERVICE, TENANT,
    arrivals::Arrivals,
    state::Addresses,
    walker::{WalkError, Walker},
};
use crate::{
    cli::{Ended, Failure, failed, say},
    clock::{Clock, SystemClock},
    desk::verify,
    ids::{Ids, SystemIds},
    store::Store,
};

/// How often the payment is looked at before the walk gives up.
const LOOKS_MAX: u32 = 300;
/// How long to wait between two looks; the twin answers captures and refunds a second later, as providers do.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn walk(
    addresses: &Addresses,
    api_key: &str,
    store: &dyn Store,
    arrivals: Option<&Arrivals>,
) -> Ended {
    let began = store.last_position(TENANT).await.map_err(|error| failed("the log", &error))?;
    let walk = Walk::new(addresses, api_key);
    let payment = walk.pay_and_refund().await.map_err(|error| failed("the walk", &error))?;
    let heard = walk.hear_of(began, arrivals).await.map_err(|error| failed("the webhooks", &error))?;
    if heard.missing > 0 || heard.refused > 0 {
        say(&format!("WRONG: {} events did not arrive, {} deliveries did not verify", heard.missing, heard.refused));
    }
    let report = verify::verify(store, TENANT, SystemClock.now()).await.map_err(|error| failed("the log", &error))?;
    for finding in &report.findings {
        say(&format!("WRONG: {finding}"));
    }
    let ok = report.findings.is_empty() && heard.missing == 0 && heard.refused == 0;
    let summary = json!({
        "ok": ok,
        "payments": [{
            "method": text(&payment, "/paid_with"),
            "provider": text(&payment, "/attempts/0/provider"),
            "state": text(&payment, "/state"),
            "amount": text(&payment, "/amount"),
            "refunded": text(&payment, "/amount_refunded"),
        }],
        "webhooks_verified": heard.verified,
        "records": report.records,
        "head": report.head,
    });
    say(&summary.to_string());
    if ok { Ok(()) } else { Err(Failure::Found) }
}

/// What the portal heard of the walk without asking.
struct Heard {
    verified: usize,
    missing: usize,
    refused: u64,
}

struct Walk<'a> {
    walker: Walker,
    api: String,
    key: &'a str,
    portal: String,
}

impl<'a> Walk<'a> {
    fn new(addresses: &Addresses, key: &'a str) -> Self {
        let (api, portal) = (format!("http://{}", addresses.api), format!("http://{}", addresses.portal));
        Self { walker: Walker::new(), api, key, portal }
    }

    async fn pay_and_refund(&self) -> Result<Value, WalkError> {
        let created = self.create().await?;
        say(&format!(
            "created  {} over {} EUR, Kassenzeichen {}",
            text(&created, "/id"),
            text(&created, "/amount"),
            text(&created, "/kassenzeichen")
        ));
        self.pay_on_the_page(text(&created, "/checkout_url")).await?;
        let address = format!("{}/v1/payments/{}", self.api, text(&created, "/id"));
        let paid = self.until(&address, "paid", |payment| text(payment, "/state") == "paid").await?;
        say(&format!("paid     at {}, booked on {}", text(&paid, "/paid_at"), text(&paid, "/booking_day")));
        let order = json!({ "amount": "5.00", "reason": "Demonstration" });
        let refund = self.walker.post_api(&format!("{address}/refunds"), self.key, &once(), &order).await?;
        let refund = format!("{}/v1/refunds/{}", self.api, text(&refund, "/id"));
        let refunded = self.until(&refund, "succeeded", |refund| text(refund, "/state") == "succeeded").await?;
        say(&format!("refunded {} EUR", text(&refunded, "/amount")));
        self.walker.get_api(&address, self.key).await
    }

    /// Waits until every event behind a position has arrived at the portal and was verified.
    async fn hear_of(&self, began: u64, arrivals: Option<&Arrivals>) -> Result<Heard, WalkError> {
        let feed = self.walker.get_api(&format!("{}/v1/events?after={began}&limit=100", self.api), self.key).await?;
        let events = feed.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        let ids: Vec<String> = events.iter().map(|event| text(event, "/id").to_owned()).collect();
        let mut verified = 0;
        for _ in 0..LOOKS_MAX {
            verified = arrivals.map_or(0, |arrivals| arrivals.count(&ids));
            if verified == ids.len() || arrivals.is_none() {
                break;
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        let refused = arrivals.map_or(0, Arrivals::refused);
        let missing = if ids.is_empty() { 1 } else { ids.len().saturating_sub(verified) };
        say(&format!("told     of {verified} events by webhook, every delivery verified"));
        Ok(Heard { verified, missing, refused })
    }

    async fn create(&self) -> Result<Value, WalkError> {
        let body = json!({
            "service": SERVICE,
            "reference": "demo-once",
            "lines": [{ "fee": "fuehrungszeugnis", "quantity": 1 }],
            "return_url": format!("{}/zurueck", self.portal),
        });
        self.walker.post_api(&format!("{}/v1/payments", self.api), self.key, &once(), &body).await
    }

    /// What a citizen does: opens the checkout, chooses card, pays at the provider, comes back.
    async fn pay_on_the_page(&self, checkout: &str) -> Result<(), WalkError> {
        let page = self.walker.get(checkout).await?;
        let mut fields = page.hidden_fields();
        fields.push(("method".to_owned(), "card".to_owned()));
        let provider = self.walker.post_form(checkout, &fields).await?.location()?;
        self.walker.get(&provider).await?;
        let decision = [("decision".to_owned(), "approve".to_owned())];
        let back = self.walker.post_form(&provider, &decision).await?.location()?;
        let mut answer = self.walker.get(&back).await?;
        if answer.status.is_redirection() {
            answer = self.walker.get(&answer.location()?).await?;
        }
        if answer.status.is_success() { Ok(()) } else { Err(WalkError::Lacks { address: back, what: "outcome page" }) }
    }

    async fn until(
        &self,
        address: &str,
        awaited: &'static str,
        reached: impl Fn(&Value) -> bool,
    ) -> Result<Value, WalkError> {
        let mut state = String::new();
        for _ in 0..LOOKS_MAX {
            let object = self.walker.get_api(address, self.key).await?;
            if reached(&object) {
                return Ok(object);
            }
            text(&object, "/state").clone_into(&mut state);
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Err(WalkError::Stuck { state, awaited })
    }
}

/// An idempotency key that nobody used before.
fn once() -> String {
    hex::encode(SystemIds.bytes())
}

/// A text within an object, empty where there is none.
fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
