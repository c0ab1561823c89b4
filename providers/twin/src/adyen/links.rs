//! `POST /paymentLinks`, `GET` and `PATCH /paymentLinks/{linkId}`.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zahlstelle_contract::money::{Currency, Money};

use crate::{
    adyen::{api::read, error::ServiceError},
    clock::after,
    exchange::{Request, Response},
    ledger::{
        Calls,
        page::{CapturePlan, Condition, LinkStatus, Page},
    },
    settings::is_http,
    world::World,
};

/// How long a link lives unless the request says otherwise, in seconds: 24 hours.
const LIFETIME_DEFAULT_SECONDS: i64 = 24 * 3_600;
/// How far ahead a link may expire, in seconds: 70 days.
const LIFETIME_MAX_SECONDS: i64 = 70 * 24 * 3_600;
/// The longest merchant reference, in characters.
pub(crate) const REFERENCE_LENGTH_MAX: usize = 80;
/// The longest text on the page, in characters.
const DESCRIPTION_LENGTH_MAX: usize = 280;
/// The longest return address, in characters.
const RETURN_URL_LENGTH_MAX: usize = 8_000;
/// The largest amount, in minor units, so that no sum of payments overflows.
const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000;
/// The longest delay of a capture, in hours: four weeks, the life of an authorisation.
const CAPTURE_DELAY_HOURS_MAX: i64 = 28 * 24;
/// How many links a world holds.
pub(crate) const PAGES_MAX: usize = 500_000;

/// An amount on the wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireAmount {
    currency: String,
    value: i64,
}

impl WireAmount {
    pub(crate) fn of(money: Money) -> Self {
        Self { currency: money.currency().code().to_owned(), value: money.minor() }
    }

    /// The amount, if it is one that can be paid.
    pub(crate) fn check(&self) -> Result<Money, ServiceError> {
        let currency = Currency::from_code(&self.currency)
            .map_err(|_| ServiceError::invalid("138", "Unsupported currency specified"))?;
        if self.value < 1 || self.value > AMOUNT_MINOR_MAX {
            return Err(ServiceError::invalid("137", "Invalid amount specified"));
        }
        Ok(Money::from_minor(self.value, currency))
    }
}

/// The members of a request that the twin knows. Others are refused, so that a misspelt one does not go unnoticed.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LinkRequest {
    amount: Option<WireAmount>,
    merchant_account: Option<String>,
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shopper_locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_payment_methods: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_payment_methods: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manual_capture: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_delay_hours: Option<i64>,
    #[serde(default)]
    reusable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_order_reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shopper_statement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_info: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    theme_id: Option<String>,
}

/// The merchant reference of a request, even of one that will be refused.
pub(crate) fn reference_of(request: &Request) -> Option<String> {
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    let reference = body.get("reference")?.as_str()?;
    (reference.chars().count() <= REFERENCE_LENGTH_MAX).then(|| reference.to_owned())
}

pub(crate) fn create(world: &mut World, now: Timestamp, request: &Request) -> Result<Response, ServiceError> {
    let mut wanted: LinkRequest = read(request)?;
    let amount = wanted.amount.as_ref().ok_or(ServiceError::invalid("100", "No amount specified"))?.check()?;
    check_account(world, wanted.merchant_account.as_deref())?;
    let reference = check_reference(wanted.reference.as_deref())?.ok_or(reference_missing())?;
    check_texts(&wanted)?;
    let expires_at = check_expiry(wanted.expires_at.as_deref(), now)?;
    let capture = capture_plan(wanted.manual_capture, wanted.capture_delay_hours)?;
    if world.state.ledger.page_count() >= PAGES_MAX {
        return Err(ServiceError::Internal);
    }
    wanted.expires_at = Some(wire_time(expires_at));
    let Ok(Value::Object(echo)) = serde_json::to_value(&wanted) else { return Err(ServiceError::Internal) };
    let page = Page {
        id: world.draw_link_id(),
        merchant_reference: reference.to_owned(),
        amount,
        return_url: wanted.return_url.clone(),
        description: wanted.description.clone(),
        locale: wanted.shopper_locale.clone(),
        capture,
        reusable: wanted.reusable,
        expires_at,
        updated_at: None,
        condition: Condition::Open,
        echo,
        payments: Vec::new(),
        calls: Calls::default(),
        executed: Calls { create: 1, ..Calls::default() },
    };
    let answer = render(world, &page, StatusCode::CREATED, now);
    world.state.ledger.add_page(page);
    Ok(answer)
}

pub(crate) fn get(world: &World, now: Timestamp, id: &str) -> Result<Response, ServiceError> {
    let page = world.state.ledger.page(id).ok_or(ServiceError::NotFound)?;
    Ok(render(world, page, StatusCode::OK, now))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkUpdate {
    status: String,
}

pub(crate) fn update(world: &mut World, now: Timestamp, id: &str, request: &Request) -> Result<Response, ServiceError> {
    let wanted: LinkUpdate = read(request)?;
    if wanted.status != "expired" {
        return Err(ServiceError::invalid("702", "status must be expired"));
    }
    let page = world.state.ledger.page_mut(id).ok_or(ServiceError::NotFound)?;
    match page.status(now) {
        LinkStatus::Active => {
            page.set_condition(Condition::Closed, now);
            page.executed.close = page.executed.close.saturating_add(1);
        }
        // Expiring what has expired changes nothing, so that a close can be repeated.
        LinkStatus::Expired => {}
        LinkStatus::Completed | LinkStatus::PaymentPending => {
            return Err(ServiceError::invalid("702", "Only an active payment link can be expired"));
        }
    }
    get(world, now, id)
}

fn render(world: &World, page: &Page, status: StatusCode, now: Timestamp) -> Response {
    let mut body = page.echo.clone();
    body.insert("id".to_owned(), page.id.clone().into());
    body.insert("url".to_owned(), page_url(world, &page.id).into());
    body.insert("status".to_owned(), serde_json::json!(page.status(now)));
    if let Some(updated_at) = page.updated_at {
        body.insert("updatedAt".to_owned(), wire_time(updated_at).into());
    }
    Response::json(status, &body)
}

/// Where the payer finds the page.
pub(crate) fn page_url(world: &World, id: &str) -> String {
    format!("{}/adyen/pay/{id}", world.settings.base_url)
}

fn wire_time(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn check_account(world: &World, named: Option<&str>) -> Result<(), ServiceError> {
    match named {
        None => Err(ServiceError::invalid("702", "Required field 'merchantAccount' is null")),
        Some(name) if name == world.settings.merchant_account => Ok(()),
        Some(_) => Err(ServiceError::WrongAccount),
    }
}

fn reference_missing() -> ServiceError {
    ServiceError::invalid("130", "Reference Missing")
}

/// A reference, if there is one, within the length that Adyen allows.
pub(crate) fn check_reference(reference: Option<&str>) -> Result<Option<&str>, ServiceError> {
    match reference {
        Some("") => Err(reference_missing()),
        Some(text) if text.chars().count() > REFERENCE_LENGTH_MAX => {
            Err(ServiceError::invalid("702", "reference must have at most 80 characters"))
        }
        reference => Ok(reference),
    }
}

fn check_texts(wanted: &LinkRequest) -> Result<(), ServiceError> {
    if let Some(address) = wanted.return_url.as_deref()
        && (address.chars().count() > RETURN_URL_LENGTH_MAX || !is_http(address, &["http", "https"]))
    {
        return Err(ServiceError::invalid("702", "returnUrl must be an address of at most 8000 characters"));
    }
    if wanted.description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_LENGTH_MAX) {
        return Err(ServiceError::invalid("702", "description must have at most 280 characters"));
    }
    if wanted.allowed_payment_methods.as_ref().is_some_and(Vec::is_empty) {
        return Err(ServiceError::invalid("702", "allowedPaymentMethods leaves no payment method"));
    }
    Ok(())
}

fn check_expiry(wanted: Option<&str>, now: Timestamp) -> Result<Timestamp, ServiceError> {
    let Some(text) = wanted else { return Ok(after(now, LIFETIME_DEFAULT_SECONDS)) };
    let expires_at: Timestamp =
        text.parse().map_err(|_| ServiceError::invalid("702", "expiresAt must be a date with time and offset"))?;
    if expires_at <= now {
        return Err(ServiceError::invalid("702", "expiresAt must be in the future"));
    }
    if expires_at > after(now, LIFETIME_MAX_SECONDS) {
        return Err(ServiceError::invalid("702", "expiresAt must be at most 70 days ahead"));
    }
    Ok(expires_at)
}

fn capture_plan(manual: Option<bool>, delay_hours: Option<i64>) -> Result<CapturePlan, ServiceError> {
    match (manual, delay_hours) {
        (_, Some(hours)) if !(0..=CAPTURE_DELAY_HOURS_MAX).contains(&hours) => {
            Err(ServiceError::invalid("702", "captureDelayHours is out of range"))
        }
        (Some(true), _) => Ok(CapturePlan::OnRequest),
        (_, Some(hours)) if hours > 0 => Ok(CapturePlan::AfterHours(hours)),
        _ => Ok(CapturePlan::AtOnce),
    }
}
