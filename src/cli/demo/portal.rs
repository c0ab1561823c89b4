//! The demonstration's portal: what a city's online service does with the API, in two pages.

mod words;

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State as AxumState},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::words::{Language, Words};
use super::{
    SERVICE,
    arrivals::{self, Arrivals},
    state::Addresses,
    walker::{WalkError, Walker},
};
use crate::{
    http::{Drain, Server},
    ids::{Ids, SystemIds},
};

/// What the portal knows.
struct Portal {
    walker: Walker,
    api: String,
    own: String,
    key: String,
    arrivals: Option<Arc<Arrivals>>,
}

#[derive(Template)]
#[template(path = "portal.html", config = "src/cli/demo/askama.toml")]
struct PortalPage {
    lang: &'static str,
    words: &'static Words,
    /// The address of the page up to the choice of its language.
    here: String,
    fees: Vec<FeeRow>,
    payment: Option<PaymentRow>,
    deliveries: Vec<DeliveryRow>,
    problem: Option<Problem>,
}

/// A delivery that was verified.
struct DeliveryRow {
    kind: String,
    at: String,
}

/// A fee to choose.
struct FeeRow {
    key: String,
    name: String,
    /// The language of the name, where it is not the page's.
    lang: Option<&'static str>,
    amount: String,
}

/// What is shown of a payment.
struct PaymentRow {
    id: String,
    headline: &'static str,
    amount: String,
    kassenzeichen: String,
    refunded: Option<String>,
    checkout: String,
    raw: String,
}

/// What went wrong: in the language of the page, and as the API says it, which is in English.
struct Problem {
    own: Vec<&'static str>,
    api: Vec<String>,
}

#[derive(Deserialize)]
struct Order {
    fee: String,
    language: Option<String>,
}

pub(super) fn serve(
    server: Server,
    addresses: &Addresses,
    key: &str,
    arrivals: Option<Arc<Arrivals>>,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let portal = Portal {
        walker: Walker::new(),
        api: format!("http://{}", addresses.api),
        own: format!("http://{}", addresses.portal),
        key: key.to_owned(),
        arrivals: arrivals.clone(),
    };
    let hooks = Router::new().route("/webhook", post(arrivals::receive)).with_state(arrivals);
    let pages =
        Router::new().route("/", get(show).post(order)).route("/zurueck", get(come_back)).with_state(Arc::new(portal));
    let router = pages.merge(hooks);
    async move {
        if let Err(error) = server.serve(router, &Drain::default(), stop.cancelled_owned()).await {
            tracing::warn!(%error, "the portal was cut off at shutdown");
        }
    }
}

async fn show(
    AxumState(portal): AxumState<Arc<Portal>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    portal.page(language(query.get("language"), &headers), "/?", None, None).await
}

/// Charges a fee and sends the citizen to the checkout.
async fn order(AxumState(portal): AxumState<Arc<Portal>>, headers: HeaderMap, Form(order): Form<Order>) -> Response {
    let language = language(order.language.as_ref(), &headers);
    let body = json!({
        "service": SERVICE,
        "reference": format!("demo-{}", SystemIds.id(crate::clock::Clock::now(&crate::clock::SystemClock))),
        "lines": [{ "fee": order.fee, "quantity": 1 }],
        "return_url": format!("{}/zurueck", portal.own),
        "language": language.tag(),
        "metadata": { "source": "demo-portal" },
    });
    // A real portal keeps the key with the application it belongs to, so that a repetition is recognised.
    let once = hex::encode(SystemIds.bytes());
    match portal.walker.post_api(&format!("{}/v1/payments", portal.api), &portal.key, &once, &body).await {
        Ok(payment) => match payment.get("checkout_url").and_then(Value::as_str) {
            Some(checkout) => Redirect::to(checkout).into_response(),
            None => portal.page(language, "/?", None, Some(Problem::own(language.words().no_checkout))).await,
        },
        Err(error) => portal.page(language, "/?", None, Some(Problem::of(&error, language))).await,
    }
}

/// The citizen is back. The address proves nothing, so the portal asks.
async fn come_back(
    AxumState(portal): AxumState<Arc<Portal>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let wished = query.get("language");
    let tongue = language(wished, &headers);
    let id = query.get("payment").and_then(|id| uuid::Uuid::try_parse(id).ok());
    let Some(id) = id else {
        return portal.page(tongue, "/?", None, Some(Problem::own(tongue.words().no_payment))).await;
    };
    let here = format!("/zurueck?payment={id}&");
    match portal.walker.get_api(&format!("{}/v1/payments/{id}", portal.api), &portal.key).await {
        Ok(payment) => {
            // The payment knows in which language the citizen began.
            let tongue = wished.map_or_else(|| Language::of_tag(&text(&payment, "/language")), |_| tongue);
            portal.page(tongue, &here, Some(row(&payment, tongue)), None).await
        }
        Err(error) => portal.page(tongue, &here, None, Some(Problem::of(&error, tongue))).await,
    }
}

/// The language that was chosen, else the browser's first.
fn language(chosen: Option<&String>, headers: &HeaderMap) -> Language {
    let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::of_tag(chosen.map(String::as_str).or_else(accepted).unwrap_or_default())
}

impl Portal {
    async fn page(
        &self,
        language: Language,
        here: &str,
        payment: Option<PaymentRow>,
        problem: Option<Problem>,
    ) -> Response {
        let status = if problem.is_some() { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
        let fees = self.fees(language).await.unwrap_or_default();
        let (lang, words) = (language.tag(), language.words());
        let deliveries = payment.as_ref().map(|payment| self.deliveries(&payment.id)).unwrap_or_default();
        match (PortalPage { lang, words, here: here.to_owned(), fees, payment, deliveries, problem }).render() {
            Ok(page) => (status, Html(page)).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// What the portal was told of a payment without asking.
    fn deliveries(&self, payment: &str) -> Vec<DeliveryRow> {
        let arrivals = self.arrivals.as_ref().map(|arrivals| arrivals.of_payment(payment)).unwrap_or_default();
        let row = |arrival: arrivals::Arrival| DeliveryRow { kind: arrival.kind, at: arrival.at.to_string() };
        arrivals.into_iter().map(row).collect()
    }

    async fn fees(&self, language: Language) -> Result<Vec<FeeRow>, WalkError> {
        let wished = self.fees_in(language).await?;
        let german = self.fees_in(Language::German).await?;
        let rows = wished.iter().map(|fee| {
            // The API falls back to German without a word, so a name that is the same in German is taken for German.
            let is_german = german.iter().any(|other| text(other, "/name") == text(fee, "/name"));
            FeeRow {
                key: text(fee, "/fee"),
                name: text(fee, "/name"),
                lang: (is_german && language != Language::German).then_some("de"),
                amount: language.money(&text(fee, "/amount")),
            }
        });
        Ok(rows.collect())
    }

    async fn fees_in(&self, language: Language) -> Result<Vec<Value>, WalkError> {
        let address = format!("{}/v1/fees?service={SERVICE}&language={}", self.api, language.tag());
        let fees = self.walker.get_api(&address, &self.key).await?;
        Ok(fees.get("data").and_then(Value::as_array).cloned().unwrap_or_default())
    }
}

impl Problem {
    fn own(words: &'static str) -> Self {
        Self { own: vec![words], api: Vec::new() }
    }

    /// What the API says about a request in its problem document (RFC 9457): title, detail, and each of the errors.
    fn of(error: &WalkError, language: Language) -> Self {
        let document: Option<Value> = match error {
            WalkError::Unexpected { text, .. } => serde_json::from_str(text).ok(),
            WalkError::NoAnswer { .. } | WalkError::Lacks { .. } | WalkError::Stuck { .. } => None,
        };
        let document = document.unwrap_or_default();
        let errors = document.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        let errors = errors.iter().map(|error| format!("{} {}", text(error, "/pointer"), text(error, "/detail")));
        let all = [text(&document, "/title"), text(&document, "/detail")].into_iter().chain(errors);
        let api: Vec<String> = all.filter(|line| !line.trim().is_empty()).collect();
        if api.is_empty() { Self::own(language.words().no_answer) } else { Self { own: Vec::new(), api } }
    }
}

fn row(payment: &Value, language: Language) -> PaymentRow {
    let refunded = text(payment, "/amount_refunded");
    let is_nothing = refunded.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    PaymentRow {
        id: text(payment, "/id"),
        headline: language.headline(&text(payment, "/state")),
        amount: language.money(&text(payment, "/amount")),
        kassenzeichen: text(payment, "/kassenzeichen"),
        refunded: (!is_nothing).then(|| language.money(&refunded)),
        checkout: text(payment, "/checkout_url"),
        raw: serde_json::to_string_pretty(payment).unwrap_or_default(),
    }
}

/// A text within an object, empty where there is none.
fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
