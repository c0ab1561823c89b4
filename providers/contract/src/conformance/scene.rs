//! What scenarios have in common: requests, payments that got as far as a scenario needs, and words for what failed.

use std::fmt::Debug;

use jiff::SignedDuration;

use super::{Delivery, Fault, Peer};
use crate::{
    fact::ProviderFact,
    method::CaptureMode,
    money::{Currency, Money},
    notification::{Notification, NotificationError, RawDelivery, Verified},
    outcome::{CallError, UnknownCause},
    provider::{HostedPage, ModifyPayment, Notifications, OpenPage, OpenedPage, Operation, Provider},
    reference::{MerchantReference, ProviderKey, ProviderReference},
};

/// How long a page of a scenario may be paid.
const PAGE_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// The amount of every payment here, in cents: odd, so that nothing rounds to it.
const AMOUNT_CENTS: i64 = 1_237;

pub(super) fn amount() -> Money {
    Money::from_minor(AMOUNT_CENTS, Currency::EUR)
}

/// The value, or the end of the run with the name of the scenario.
pub(super) fn must<T>(value: Option<T>, scenario: &str, what: &str) -> T {
    value.unwrap_or_else(|| panic!("{scenario}: {what}"))
}

/// The good result, or the end of the run with the name of the scenario.
pub(super) fn must_succeed<T, E: Debug>(result: Result<T, E>, scenario: &str, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{scenario}: {what}: {error:?}"))
}

/// A request for a page whose key and reference are made of the scenario's name.
pub(super) fn page_request(provider: &dyn Provider, peer: &dyn Peer, scenario: &str, number: u32) -> OpenPage {
    let method = must(provider.methods().first().copied(), scenario, "the account offers no method");
    let expires_at = must_succeed(peer.now().checked_add(PAGE_LIFETIME), scenario, "the world's time is too late");
    OpenPage {
        key: key(scenario, "page", number),
        reference: reference(scenario, "page", number),
        amount: amount(),
        method,
        capture: CaptureMode::Manual,
        text: "Musterstadt 2026000017".to_owned(),
        language: "de-DE".to_owned(),
        return_url: "https://zahlung.example/rueckkehr".to_owned(),
        expires_at,
    }
}

/// A key that is unique to a scenario and short enough whatever the scenario's name.
pub(super) fn key(scenario: &str, what: &str, number: u32) -> ProviderKey {
    let short: String = scenario.chars().take(40).collect();
    must_succeed(ProviderKey::parse(format!("{short}.{what}.{number}")), scenario, "no key can be made of the name")
}

pub(super) fn reference(scenario: &str, what: &str, number: u32) -> MerchantReference {
    let short: String = scenario.chars().take(40).collect();
    let text = format!("{short}-{what}-{number}");
    must_succeed(MerchantReference::parse(text), scenario, "no reference can be made of the name")
}

/// Opens a page that must open, and checks what came back against what was asked.
pub(super) async fn open(pages: &dyn HostedPage, request: &OpenPage, scenario: &str) -> OpenedPage {
    let opened = must_succeed(pages.open_page(request).await, scenario, "a page did not open");
    let compared = opened.echo.compare(request.amount, &request.reference);
    assert_eq!(compared, Ok(()), "{scenario}: the page is not the one that was asked for");
    opened
}

/// A fault that was armed must have been met.
pub(super) async fn assert_met(peer: &dyn Peer, met_before: usize, scenario: &str) {
    assert_eq!(peer.faults_met().await.checked_sub(met_before), Some(1), "{scenario}: the fault did not fire");
}

pub(super) fn assert_unknown<T: Debug>(result: &Result<T, CallError>, scenario: &str) {
    assert!(matches!(result, Err(CallError::Unknown { .. })), "{scenario}: {result:?} is not an unknown outcome");
}

pub(super) fn assert_server_error<T: Debug>(result: &Result<T, CallError>, scenario: &str) {
    let as_promised = matches!(result, Err(CallError::Unknown { cause: UnknownCause::ServerError { .. } }));
    assert!(as_promised, "{scenario}: {result:?} does not tell a server error of unknown outcome");
}

pub(super) fn assert_not_sent<T: Debug>(result: &Result<T, CallError>, scenario: &str) {
    assert!(
        matches!(result, Err(CallError::NotSent { .. })),
        "{scenario}: {result:?} does not say that nothing was sent"
    );
}

pub(super) fn assert_executed(before: usize, after: usize, times: usize, scenario: &str) {
    assert_eq!(after.checked_sub(before), Some(times), "{scenario}: the provider acted another number of times");
}

/// Verifies a delivery as it would be if it arrived now.
pub(super) fn verify(
    notifications: &dyn Notifications,
    peer: &dyn Peer,
    delivery: &Delivery,
) -> Result<Vec<Result<Notification, NotificationError>>, NotificationError> {
    let raw = RawDelivery { headers: &delivery.headers, body: &delivery.body, received_at: peer.now() };
    let items = notifications.verify(raw)?;
    Ok(items.into_iter().map(|item| item.map(Verified::into_inner)).collect())
}

/// Everything the provider has to tell, verified.
pub(super) async fn told(notifications: &dyn Notifications, peer: &dyn Peer, scenario: &str) -> Vec<Notification> {
    let mut all = Vec::new();
    for delivery in peer.deliveries().await {
        for item in must_succeed(verify(notifications, peer, &delivery), scenario, "a delivery was refused") {
            all.push(must_succeed(item, scenario, "an item was refused"));
        }
    }
    all
}

/// A payment that was authorised on a page of its own, and whose authorisation was told.
pub(super) async fn authorised(
    provider: &dyn Provider,
    peer: &dyn Peer,
    scenario: &str,
    number: u32,
) -> Option<ProviderReference> {
    let (pages, notifications) = (provider.hosted_page()?, provider.notifications()?);
    let request = page_request(provider, peer, scenario, number);
    let page = open(pages, &request, scenario).await;
    peer.approve(&page).await;
    let told = told(notifications, peer, scenario).await;
    let of_page = |one: &&Notification| one.merchant_reference.as_ref() == Some(&request.reference);
    let reference = told.iter().filter(of_page).find_map(|one| {
        let ProviderFact::Authorised { payment, amount } = &one.fact else { return None };
        (*amount == request.amount).then(|| payment.clone())
    });
    Some(must(reference, scenario, "no authorisation of this page and amount was told"))
}

/// A payment as it must be before `operation`: captured before a refund, authorised before anything else.
pub(super) async fn ready_for(
    provider: &dyn Provider,
    peer: &dyn Peer,
    operation: Operation,
    scenario: &str,
    number: u32,
) -> Option<ModifyPayment> {
    let payment = authorised(provider, peer, scenario, number).await?;
    let capture = if operation == Operation::Refund {
        let request = change(scenario, "capture", number, payment.clone(), None);
        must_succeed(provider.capture()?.capture(&request).await, scenario, "the capture before a refund failed");
        captured(provider, peer, &payment, scenario).await
    } else {
        None
    };
    Some(change(scenario, name(operation), number, payment, capture))
}

async fn captured(
    provider: &dyn Provider,
    peer: &dyn Peer,
    of_payment: &ProviderReference,
    scenario: &str,
) -> Option<ProviderReference> {
    told(provider.notifications()?, peer, scenario).await.into_iter().find_map(|one| {
        let ProviderFact::Captured { payment, capture, .. } = one.fact else { return None };
        (payment == *of_payment).then_some(capture)
    })
}

fn change(
    scenario: &str,
    what: &str,
    number: u32,
    payment: ProviderReference,
    capture: Option<ProviderReference>,
) -> ModifyPayment {
    ModifyPayment {
        key: key(scenario, what, number),
        payment,
        capture,
        amount: amount(),
        reference: reference(scenario, what, number),
    }
}

fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::OpenPage => "open",
        Operation::ClosePage => "close",
        Operation::ChargeToken => "charge",
        Operation::Capture => "capture",
        Operation::Cancel => "cancel",
        Operation::Refund => "refund",
    }
}

/// Arms a fault and says how many had been met before.
pub(super) async fn arm(peer: &dyn Peer, fault: Fault, operation: Operation) -> usize {
    let met = peer.faults_met().await;
    peer.arm(fault, operation).await;
    met
}
