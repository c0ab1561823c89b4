//! `[[service]]`: an online service or counter.

use std::collections::{BTreeMap, BTreeSet};

use zahlstelle_contract::{
    method::{CaptureMode, Method},
    money::{Currency, Money},
    provider::Environment,
    reference::AccountName,
};

use super::{account::account_name, booking, dangling};
use crate::{
    config::{
        document::Place,
        error::{Kind, Problem},
        reader::{Keys, Section, Value},
    },
    domain::{
        language::{Language, LocalizedText},
        line::BookingData,
        names::FeeKey,
        tenant::{
            AllowedFees, AllowedLines, ApprovalScope, ApprovalStep, ClaimPosting, ExpiryLimits, KassenzeichenSource,
            MethodRoute, RangeName, ReturnPrefix, Service, ServiceId, StepName,
        },
    },
};

pub(super) const KEYS: Keys = Keys {
    schema: "service",
    names: &[
        "id",
        "name",
        "kassenzeichen",
        "range",
        "claim_posting",
        "fees",
        "explicit_lines",
        "booking_keys_required",
        "default_booking",
        "return_urls",
        "methods",
        "approval_chain",
        "one_payment_per_reference",
        "capture",
        "expires_in_seconds",
        "outcome_deadline_seconds",
    ],
};
const METHODS: Keys = Keys { schema: "methods", names: &["card", "paypal", "google_pay", "apple_pay"] };
const STEP: Keys = Keys { schema: "approval_step", names: &["name", "scope", "limit"] };
const EXPIRY: Keys = Keys { schema: "expires_in_seconds", names: &["min", "default", "max"] };

#[cfg(test)]
pub(super) const TABLES: [Keys; 4] = [KEYS, METHODS, STEP, EXPIRY];

const FEES_MAX: usize = 10_000;
const RETURN_URLS_MAX: usize = 100;
const STEPS_MAX: usize = 10;
const EXPIRY_SECONDS_MAX: u32 = 31_622_400;
const OUTCOME_DEADLINE_SECONDS_DEFAULT: u32 = 259_200;

/// The services of a file.
#[derive(Default)]
pub(super) struct Services {
    /// All services, with substitutes for what could not be read, so that what they refer to can be checked.
    pub(super) by_id: BTreeMap<ServiceId, Service>,
    /// Where they refer to something.
    pub(super) places: BTreeMap<ServiceId, ServicePlaces>,
}

/// Where a service refers to something.
pub(super) struct ServicePlaces {
    pub(super) range: Place,
    pub(super) approval_chain: Place,
    pub(super) booking_keys: Place,
    pub(super) fees: BTreeMap<FeeKey, Place>,
}

pub(super) fn read_all(
    sections: &[Section<'_>],
    environment: Environment,
    accounts: &BTreeSet<AccountName>,
) -> Services {
    let mut services = Services::default();
    for (index, section) in sections.iter().enumerate() {
        let id = section.require("id").and_then(|value| {
            let id = value.parsed(ServiceId::parse)?;
            let is_new = !services.by_id.contains_key(&id);
            value.checked(if is_new { Ok(id) } else { Err(Problem::Duplicate { of: "an earlier service" }) })
        });
        let Some(id) = id.or_else(|| ServiceId::parse(format!("unreadable-{index}")).ok()) else { continue };
        let (fees, fee_places) = fees(section);
        let places = ServicePlaces {
            range: section.place_of("range"),
            approval_chain: section.place_of("approval_chain"),
            booking_keys: section.place_of("booking_keys_required"),
            fees: fee_places,
        };
        if let Some(service) = read(section, id.clone(), fees, environment, accounts) {
            services.by_id.insert(id.clone(), service);
        }
        services.places.insert(id, places);
    }
    services
}

/// Always a service: only a text that cannot fail would leave none.
fn read(
    section: &Section<'_>,
    id: ServiceId,
    fees: AllowedFees,
    environment: Environment,
    accounts: &BTreeSet<AccountName>,
) -> Option<Service> {
    let substitute = BTreeMap::from([(Language::german(), id.to_string())]);
    let name = section.require("name").and_then(|value| value.localized());
    let (kassenzeichen, claim_posting) = kassenzeichen(section);
    let booking_keys_required = booking_keys(section);
    let default_booking = default_booking(section, &booking_keys_required);
    let explicit = section.flag("explicit_lines");
    if !explicit && section.get("fees").is_none() {
        section.report("fees", Problem::Missing);
    }
    let captures = [("automatic", CaptureMode::Automatic), ("manual", CaptureMode::Manual)];
    Some(Service {
        id,
        name: name.or_else(|| LocalizedText::new(substitute).ok())?,
        kassenzeichen,
        claim_posting,
        lines: AllowedLines { fees, explicit },
        booking_keys_required,
        default_booking,
        return_urls: return_urls(section, environment),
        methods: methods(section, accounts),
        approval_chain: approval_chain(section),
        one_payment_per_reference: section.flag("one_payment_per_reference"),
        capture: section.word_or("capture", &captures, CaptureMode::Automatic),
        expiry: expiry(section),
        outcome_deadline_seconds: section.integer_or(
            "outcome_deadline_seconds",
            60..=2_592_000,
            OUTCOME_DEADLINE_SECONDS_DEFAULT,
        ),
    })
}

fn kassenzeichen(section: &Section<'_>) -> (KassenzeichenSource, ClaimPosting) {
    let range = section.get("range").and_then(|value| value.parsed(RangeName::parse));
    let postings = [("at_creation", ClaimPosting::AtCreation), ("at_payment", ClaimPosting::AtPayment)];
    let posting = section.word_or("claim_posting", &postings, ClaimPosting::AtPayment);
    let given = section.word_or("kassenzeichen", &[("assigned", false), ("given", true)], false);
    if given {
        for key in ["range", "claim_posting"] {
            if let Some(value) = section.get(key) {
                value.report(Problem::Meaningless { other: "kassenzeichen", value: "given" });
            }
        }
        return (KassenzeichenSource::Given, posting);
    }
    if section.get("range").is_none() {
        section.report("range", Problem::Missing);
    }
    let source = range.map_or(KassenzeichenSource::Given, |range| KassenzeichenSource::Assigned { range });
    (source, posting)
}

/// The allowed fees and where each is named; none by default.
fn fees(section: &Section<'_>) -> (AllowedFees, BTreeMap<FeeKey, Place>) {
    let mut places = BTreeMap::new();
    let Some(value) = section.get("fees") else { return (AllowedFees::Only(BTreeSet::new()), places) };
    match value.kind() {
        Kind::String if value.word(&[("all", ())]).is_some() => return (AllowedFees::All, places),
        Kind::Array => {
            for item in value.items(0..=FEES_MAX) {
                let Some(key) = item.parsed(FeeKey::parse) else { continue };
                if places.insert(key, item.place().clone()).is_some() {
                    item.report(Problem::Duplicate { of: "an earlier entry" });
                }
            }
        }
        Kind::String => {}
        Kind::Integer
        | Kind::Float
        | Kind::Boolean
        | Kind::Date
        | Kind::Datetime
        | Kind::Table
        | Kind::Secret
        | Kind::ArrayOrAll => value.report_type(Kind::ArrayOrAll),
    }
    (AllowedFees::Only(places.keys().cloned().collect()), places)
}

fn booking_keys(section: &Section<'_>) -> BTreeSet<String> {
    let items = section.get("booking_keys_required").map(|value| value.items(0..=BookingData::PARTS_MAX));
    let parsed = items.unwrap_or_default().into_iter().filter_map(|item| {
        item.parsed(|text| {
            // A key that no booking data could have would refuse every line.
            BookingData::parse(BTreeMap::from([(text.to_owned(), "0".to_owned())])).map(|_| text.to_owned())
        })
    });
    parsed.collect()
}

fn default_booking(section: &Section<'_>, required: &BTreeSet<String>) -> Option<BookingData> {
    let value = section.get("default_booking")?;
    let booking = booking::read(&value)?;
    match required.iter().find(|key| booking.part(key).is_none()) {
        Some(key) => value.report(Problem::BookingKeyMissing { key: key.clone() }),
        None => return Some(booking),
    }
    None
}

fn return_urls(section: &Section<'_>, environment: Environment) -> Vec<ReturnPrefix> {
    let items = section.get("return_urls").map(|value| value.items(0..=RETURN_URLS_MAX)).unwrap_or_default();
    items.iter().filter_map(|item| item.parsed(|text| ReturnPrefix::parse(text, environment))).collect()
}

fn methods(section: &Section<'_>, accounts: &BTreeSet<AccountName>) -> Vec<MethodRoute> {
    let Some(value) = section.require("methods") else { return Vec::new() };
    let Some(table) = value.section(&METHODS) else { return Vec::new() };
    let named = Method::ALL.into_iter().filter_map(|method| Some((method, table.get(method.as_str())?)));
    let named: Vec<(Method, Value<'_>)> = named.collect();
    if named.is_empty() {
        value.report(Problem::Count { min: 1, max: Method::ALL.len() });
    }
    let route = |(method, value): (Method, Value<'_>)| {
        let account = value.parsed(account_name)?;
        if accounts.contains(&account) {
            return Some(MethodRoute { method, account });
        }
        value.report(dangling("a provider account", account.as_str(), accounts.iter().map(AccountName::as_str)));
        None
    };
    named.into_iter().filter_map(route).collect()
}

fn approval_chain(section: &Section<'_>) -> Vec<ApprovalStep> {
    let items = section.get("approval_chain").map(|value| value.items(0..=STEPS_MAX)).unwrap_or_default();
    let mut names = BTreeSet::new();
    items.iter().filter_map(|item| step(item, &mut names)).collect()
}

fn step(value: &Value<'_>, names: &mut BTreeSet<StepName>) -> Option<ApprovalStep> {
    let section = value.section(&STEP)?;
    let name = section.require("name").and_then(|value| {
        let name = value.parsed(StepName::parse)?;
        let is_new = names.insert(name.clone());
        value.checked(if is_new { Ok(name) } else { Err(Problem::Duplicate { of: "an earlier step" }) })
    });
    let words = ApprovalScope::ALL.map(|scope| (scope.as_str(), scope));
    let scope = section.require("scope").and_then(|value| value.word(&words));
    let limit = section.get("limit").and_then(|value| {
        let limit = value.parsed(|text| Money::parse(text, Currency::EUR))?;
        let applied = scope.is_none_or(|scope| scope == ApprovalScope::Order);
        value.checked(if applied { Ok(limit) } else { Err(Problem::LimitWithoutOrder) })
    });
    Some(ApprovalStep { name: name?, scope: scope?, limit })
}

fn expiry(section: &Section<'_>) -> ExpiryLimits {
    let default = ExpiryLimits::default();
    let Some(value) = section.get("expires_in_seconds") else { return default };
    let Some(table) = value.section(&EXPIRY) else { return default };
    let [min, usual, max] = [("min", default.min()), ("default", default.default_seconds()), ("max", default.max())]
        .map(|(key, default)| table.integer_or(key, 1..=EXPIRY_SECONDS_MAX, default));
    value.checked(ExpiryLimits::new(min, usual, max)).unwrap_or(default)
}
