//! The demonstration's portal: what a city's online service does with the API, in two pages.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State as AxumState},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    SERVICE,
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
}

#[derive(Template)]
#[template(path = "portal.html", config = "src/cli/demo/askama.toml")]
struct PortalPage {
    fees: Vec<(String, String)>,
    payment: Option<PaymentRow>,
    problem: Option<String>,
}

/// What is shown of a payment.
struct PaymentRow {
    id: String,
    state: String,
    amount: String,
    kassenzeichen: String,
    refunded: String,
    checkout: String,
    raw: String,
}

#[derive(Deserialize)]
struct Order {
    fee: String,
}

pub(super) fn serve(
    server: Server,
    addresses: &Addresses,
    key: &str,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let portal = Portal {
        walker: Walker::new(),
        api: format!("http://{}", addresses.api),
        own: format!("http://{}", addresses.portal),
        key: key.to_owned(),
    };
    let router =
        Router::new().route("/", get(show).post(order)).route("/zurueck", get(come_back)).with_state(Arc::new(portal));
    async move {
        if let Err(error) = server.serve(router, &Drain::default(), stop.cancelled_owned()).await {
            tracing::warn!(%error, "the portal was cut off at shutdown");
        }
    }
}

async fn show(AxumState(portal): AxumState<Arc<Portal>>) -> Response {
    portal.page(None, None).await
}

/// Charges a fee and sends the citizen to the checkout.
async fn order(AxumState(portal): AxumState<Arc<Portal>>, Form(order): Form<Order>) -> Response {
    let body = json!({
        "service": SERVICE,
        "reference": format!("demo-{}", SystemIds.id(crate::clock::Clock::now(&crate::clock::SystemClock))),
        "lines": [{ "fee": order.fee, "quantity": 1 }],
        "return_url": format!("{}/zurueck", portal.own),
        "metadata": { "source": "demo-portal" },
    });
    // A real portal keeps the key with the application it belongs to, so that a repetition is recognised.
    let once = hex::encode(SystemIds.bytes());
    match portal.walker.post_api(&format!("{}/v1/payments", portal.api), &portal.key, &once, &body).await {
        Ok(payment) => match payment.get("checkout_url").and_then(Value::as_str) {
            Some(checkout) => Redirect::to(checkout).into_response(),
            None => portal.page(None, Some("The answer has no checkout address.".to_owned())).await,
        },
        Err(error) => portal.page(None, Some(error.to_string())).await,
    }
}

/// The citizen is back. The address proves nothing, so the portal asks.
async fn come_back(
    AxumState(portal): AxumState<Arc<Portal>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let id = query.get("payment").and_then(|id| uuid::Uuid::try_parse(id).ok());
    let Some(id) = id else { return portal.page(None, Some("The address names no payment.".to_owned())).await };
    match portal.walker.get_api(&format!("{}/v1/payments/{id}", portal.api), &portal.key).await {
        Ok(payment) => portal.page(Some(row(&payment)), None).await,
        Err(error) => portal.page(None, Some(error.to_string())).await,
    }
}

impl Portal {
    async fn page(&self, payment: Option<PaymentRow>, problem: Option<String>) -> Response {
        let status = if problem.is_some() { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
        let fees = self.fees().await.unwrap_or_default();
        match (PortalPage { fees, payment, problem }).render() {
            Ok(page) => (status, Html(page)).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    async fn fees(&self) -> Result<Vec<(String, String)>, WalkError> {
        let address = format!("{}/v1/fees?service={SERVICE}", self.api);
        let fees = self.walker.get_api(&address, &self.key).await?;
        let rows = fees.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(rows
            .iter()
            .map(|fee| (text(fee, "/fee"), format!("{}: {} EUR", text(fee, "/name"), text(fee, "/amount"))))
            .collect())
    }
}

fn row(payment: &Value) -> PaymentRow {
    PaymentRow {
        id: text(payment, "/id"),
        state: text(payment, "/state"),
        amount: text(payment, "/amount"),
        kassenzeichen: text(payment, "/kassenzeichen"),
        refunded: text(payment, "/amount_refunded"),
        checkout: text(payment, "/checkout_url"),
        raw: serde_json::to_string_pretty(payment).unwrap_or_default(),
    }
}

/// A text within an object, empty where there is none.
fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
