use zahlstelle_contract::money::Currency;

use super::*;
use crate::domain::{
    fee_schedule::{Fee, FeeVersions},
    kassenzeichen::{CheckDigit, PrintMask, Scheme},
    language::Language,
    line::{ShareKind, TaxRate},
};

fn text(german: &str) -> LocalizedText {
    LocalizedText::new(BTreeMap::from([(Language::german(), german.to_owned())])).unwrap()
}

fn booking(keys: &[&str]) -> BookingData {
    BookingData::parse(keys.iter().map(|key| ((*key).to_owned(), "1".to_owned())).collect()).unwrap()
}

fn fee(key: &str, example: bool) -> Fee {
    let amount = Money::parse("13.00", Currency::EUR).unwrap();
    let rule = ShareRule { kind: ShareKind::Ertrag, booking: booking(&["produktkonto"]), numerator: 1, denominator: 1 };
    let version = FeeVersionRule::new(None, None, amount, TaxRate::NONE, vec![rule]).unwrap();
    Fee {
        key: FeeKey::parse(key).unwrap(),
        names: text(key),
        legal_basis: None,
        example,
        versions: FeeVersions::new(vec![version]).unwrap(),
    }
}

fn range(name: &str) -> Range {
    let scheme = Scheme::new("2026".to_owned(), 8, CheckDigit::Mod11_10, PrintMask::default()).unwrap();
    Range::new(RangeName::parse(name).unwrap(), scheme, 1, 9_999, 100).unwrap()
}

fn service(id: &str) -> Service {
    Service {
        id: ServiceId::parse(id).unwrap(),
        name: text(id),
        kassenzeichen: KassenzeichenSource::Assigned { range: RangeName::parse("online").unwrap() },
        claim_posting: ClaimPosting::AtPayment,
        lines: AllowedLines {
            fees: AllowedFees::Only(BTreeSet::from([FeeKey::parse("urkunde").unwrap()])),
            explicit: true,
        },
        booking_keys_required: BTreeSet::from(["produktkonto".to_owned()]),
        default_booking: None,
        return_urls: vec![ReturnPrefix::parse("https://portal.example/a", Environment::Test).unwrap()],
        methods: vec![MethodRoute { method: Method::Card, account: AccountName::parse("adyen").unwrap() }],
        approval_chain: Vec::new(),
        one_payment_per_reference: false,
        capture: CaptureMode::Automatic,
        expiry: ExpiryLimits::new(60, 1_800, 86_400).unwrap(),
        outcome_deadline_seconds: 86_400,
    }
}

fn parts(environment: Environment, service: Service) -> TenantParts {
    TenantParts {
        id: TenantId::parse("stadt").unwrap(),
        environment,
        authority: Authority {
            name: text("Stadt"),
            telephone: None,
            email: None,
            hours: None,
            imprint_url: None,
            privacy_url: None,
            accessibility_url: None,
        },
        fees: FeeSchedule::new([fee("urkunde", true)]).unwrap(),
        ranges: BTreeMap::from([(RangeName::parse("online").unwrap(), range("online"))]),
        services: BTreeMap::from([(service.id.clone(), service)]),
    }
}

#[test]
fn a_test_mandant_may_have_examples_and_no_approval() {
    let tenant = Tenant::new(parts(Environment::Test, service("portal"))).unwrap();
    let portal = &tenant.services["portal"];
    assert_eq!(tenant.range_of(portal).map(|range| range.name().as_str()), Some("online"));
    assert_eq!(portal.posts_claim(), Some(ClaimPosting::AtPayment));
    let given = Service { kassenzeichen: KassenzeichenSource::Given, ..portal.clone() };
    assert_eq!((tenant.range_of(&given), given.posts_claim()), (None, None));
}

#[test]
fn every_problem_is_told_at_once() {
    let id = ServiceId::parse("portal").unwrap();
    let unknown = FeeKey::parse("nichts").unwrap();
    let elsewhere = RangeName::parse("elsewhere").unwrap();
    let mut wrong = service("portal");
    wrong.kassenzeichen = KassenzeichenSource::Assigned { range: elsewhere.clone() };
    wrong.lines.fees = AllowedFees::Only(BTreeSet::from([unknown.clone(), FeeKey::parse("urkunde").unwrap()]));
    wrong.booking_keys_required.insert("kostenstelle".to_owned());
    let problems = Tenant::new(parts(Environment::Live, wrong)).unwrap_err();
    let urkunde = FeeKey::parse("urkunde").unwrap();
    let expected = [
        TenantProblem::ExampleFee { fee: urkunde.clone() },
        TenantProblem::NoApproval { service: id.clone() },
        TenantProblem::UnknownRange { service: id.clone(), range: elsewhere },
        TenantProblem::UnknownFee { service: id.clone(), fee: unknown },
        TenantProblem::FeeLacksBookingKey { service: id, fee: urkunde, key: "kostenstelle".to_owned() },
    ];
    assert_eq!(problems, expected);
}

#[test]
fn two_ranges_with_common_numbers_are_refused_and_both_named() {
    let mut parts = parts(Environment::Test, service("portal"));
    parts.ranges.insert(RangeName::parse("counter").unwrap(), range("counter"));
    let problems = Tenant::new(parts).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["the ranges \"counter\" and \"online\" can give the same Kassenzeichen"]);
}

#[test]
fn explicit_lines_are_booked_as_they_say_or_by_default() {
    let mut portal = service("portal");
    assert_eq!(portal.booking_for(None), Err(BookingError::Missing));
    assert_eq!(portal.booking_for(Some(BookingData::default())), Err(BookingError::Missing));
    let missing = BookingError::MissingKey { key: "produktkonto".to_owned() };
    assert_eq!(portal.booking_for(Some(booking(&["kostenstelle"]))), Err(missing));
    assert_eq!(portal.booking_for(Some(booking(&["produktkonto"]))), Ok(booking(&["produktkonto"])));
    portal.default_booking = Some(booking(&["produktkonto", "kostenstelle"]));
    assert_eq!(portal.booking_for(None), Ok(booking(&["produktkonto", "kostenstelle"])));
}

#[test]
fn methods_and_return_addresses_are_those_of_the_service() {
    let portal = service("portal");
    assert_eq!(portal.account_for(Method::Card).map(AccountName::as_str), Some("adyen"));
    assert_eq!(portal.account_for(Method::PayPal), None);
    assert!(portal.return_address("https://portal.example/a/b").is_some());
    assert_eq!(portal.return_address("https://portal.example/b"), None);
}

#[test]
fn expiry_stays_within_its_limits() {
    let limits = ExpiryLimits::new(60, 1_800, 86_400).unwrap();
    let refused = Err(ExpiryError { min: 60, max: 86_400 });
    assert_eq!((limits.choose(None), limits.choose(Some(60))), (Ok(1_800), Ok(60)));
    assert_eq!((limits.choose(Some(59)), limits.choose(Some(86_401))), (refused, refused));
    for (min, default, max) in [(0, 1, 2), (2, 1, 3), (1, 3, 2)] {
        assert!(ExpiryLimits::new(min, default, max).is_err());
    }
}

#[test]
fn scopes_have_the_names_of_the_roles() {
    for scope in ApprovalScope::ALL {
        assert_eq!(ApprovalScope::from_name(scope.as_str()), Some(scope));
    }
    assert_eq!(ApprovalScope::from_name("refunds:request"), None);
}
