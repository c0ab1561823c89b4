//! A Mandant with its services: everything that settings say about whose money it is and how it may be paid.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

use url::Url;
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    money::Money,
    provider::Environment,
    reference::AccountName,
};

use super::{
    fee_schedule::{FeeSchedule, FeeVersionRule},
    kassenzeichen::Range,
    language::LocalizedText,
    line::{BookingData, ShareRule},
    names::FeeKey,
};
pub use super::{
    names::{RangeName, ServiceId, StepName, TenantId},
    return_url::ReturnPrefix,
};

/// A Mandant whose parts fit together. Its parts can be read, not changed.
#[derive(Clone, Debug)]
pub struct Tenant(TenantParts);

/// What a Mandant is made of.
#[derive(Clone, Debug)]
pub struct TenantParts {
    /// Its name in addresses, keys and logs.
    pub id: TenantId,
    /// Whether it moves real money.
    pub environment: Environment,
    /// Who it is to citizens.
    pub authority: Authority,
    /// What its services may charge.
    pub fees: FeeSchedule,
    /// The numbers it may give out.
    pub ranges: BTreeMap<RangeName, Range>,
    /// Its online services and counters.
    pub services: BTreeMap<ServiceId, Service>,
}

impl Tenant {
    /// Takes parts whose references lead somewhere, and which are fit for real money where it is to move.
    ///
    /// The error holds every problem, see [`problems`].
    pub fn new(parts: TenantParts) -> Result<Self, Vec<TenantProblem>> {
        let problems = problems(parts.environment, &parts.fees, &parts.ranges, &parts.services);
        if problems.is_empty() { Ok(Self(parts)) } else { Err(problems) }
    }

    /// The parts, to be changed and checked again.
    pub fn into_parts(self) -> TenantParts {
        self.0
    }

    /// The range that a service takes its Kassenzeichen from; `None` where the portal gives them.
    pub fn range_of(&self, service: &Service) -> Option<&Range> {
        match &service.kassenzeichen {
            KassenzeichenSource::Assigned { range } => self.0.ranges.get(range),
            KassenzeichenSource::Given => None,
        }
    }
}

impl Deref for Tenant {
    type Target = TenantParts;

    fn deref(&self) -> &TenantParts {
        &self.0
    }
}

/// Everything that keeps parts from making a Mandant, services in the order of their ids.
pub fn problems(
    environment: Environment,
    fees: &FeeSchedule,
    ranges: &BTreeMap<RangeName, Range>,
    services: &BTreeMap<ServiceId, Service>,
) -> Vec<TenantProblem> {
    let mut problems = Vec::new();
    if environment == Environment::Live {
        let made_up = fees.fees().filter(|fee| fee.example);
        problems.extend(made_up.map(|fee| TenantProblem::ExampleFee { fee: fee.key.clone() }));
    }
    problems.extend(meeting(ranges));
    for service in services.values() {
        if environment == Environment::Live && service.approval_chain.is_empty() {
            problems.push(TenantProblem::NoApproval { service: service.id.clone() });
        }
        service.check_references(fees, ranges, &mut problems);
    }
    problems
}

/// Every two ranges that might give the same Kassenzeichen to two payments.
fn meeting(ranges: &BTreeMap<RangeName, Range>) -> impl Iterator<Item = TenantProblem> {
    let pairs = ranges.iter().enumerate().flat_map(|(index, (range, content))| {
        ranges.iter().take(index).map(move |(other, other_content)| (range, content, other, other_content))
    });
    pairs
        .filter(|(_, content, _, other_content)| content.may_meet(other_content))
        .map(|(range, _, other, _)| TenantProblem::RangesMeet { range: range.clone(), other: other.clone() })
}

/// Why parts do not make a Mandant.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TenantProblem {
    /// Real money would be asked for at a made-up price.
    #[error("fee {:?} is marked as example, a live Mandant needs the real amount", fee.as_str())]
    ExampleFee {
        /// The fee.
        fee: FeeKey,
    },
    /// Refunds of real money would need no person.
    #[error("service {:?} has an empty approval chain, which only a test Mandant may have", service.as_str())]
    NoApproval {
        /// The service.
        service: ServiceId,
    },
    /// Two payments might get the same Kassenzeichen.
    #[error("the ranges {:?} and {:?} can give the same Kassenzeichen", other.as_str(), range.as_str())]
    RangesMeet {
        /// A range.
        range: RangeName,
        /// Another one.
        other: RangeName,
    },
    /// There is no such range.
    #[error("service {:?} names the unknown range {:?}", service.as_str(), range.as_str())]
    UnknownRange {
        /// The service.
        service: ServiceId,
        /// The name.
        range: RangeName,
    },
    /// There is no such fee.
    #[error("service {:?} names the unknown fee {:?}", service.as_str(), fee.as_str())]
    UnknownFee {
        /// The service.
        service: ServiceId,
        /// The key.
        fee: FeeKey,
    },
    /// A fee is booked without a key that the service needs.
    #[error("service {:?} needs booking key {key:?}, which fee {:?} lacks", service.as_str(), fee.as_str())]
    FeeLacksBookingKey {
        /// The service.
        service: ServiceId,
        /// The fee.
        fee: FeeKey,
        /// The key of the booking data.
        key: String,
    },
}

/// Who a Mandant is to citizens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authority {
    /// Its name, e.g. `Stadt Dortmund`.
    pub name: LocalizedText,
    /// The telephone number for questions about a payment.
    pub telephone: Option<String>,
    /// The e-mail address for the same, for those who do not telephone.
    pub email: Option<String>,
    /// When somebody answers the telephone.
    pub hours: Option<LocalizedText>,
    /// The imprint.
    pub imprint_url: Option<Url>,
    /// What happens with personal data.
    pub privacy_url: Option<Url>,
    /// The declaration about accessibility.
    pub accessibility_url: Option<Url>,
}

/// An online service or counter of a Mandant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Service {
    /// Its name in the API.
    pub id: ServiceId,
    /// What citizens read.
    pub name: LocalizedText,
    /// Where its Kassenzeichen come from.
    pub kassenzeichen: KassenzeichenSource,
    /// When the claim is posted; without meaning where Kassenzeichen are given, see [`Service::posts_claim`].
    pub claim_posting: ClaimPosting,
    /// What it may charge.
    pub lines: AllowedLines,
    /// What the booking data of every line must name.
    pub booking_keys_required: BTreeSet<String>,
    /// Where an explicit line is booked that says nothing.
    pub default_booking: Option<BookingData>,
    /// Where citizens may be sent back to.
    pub return_urls: Vec<ReturnPrefix>,
    /// How it may be paid, each method once, in the order of [`Method::ALL`].
    pub methods: Vec<MethodRoute>,
    /// Who must agree to a refund, in this order; empty means nobody.
    pub approval_chain: Vec<ApprovalStep>,
    /// Whether the same reference of the portal means the same payment.
    pub one_payment_per_reference: bool,
    /// When money is taken where the portal does not say.
    pub capture: CaptureMode,
    /// How long a payment can be paid.
    pub expiry: ExpiryLimits,
    /// How long an unknown outcome is asked for before two persons decide, in seconds.
    pub outcome_deadline_seconds: u32,
}

impl Service {
    /// When we post the claim; `None` where the finance system has posted it before.
    pub fn posts_claim(&self) -> Option<ClaimPosting> {
        match self.kassenzeichen {
            KassenzeichenSource::Assigned { .. } => Some(self.claim_posting),
            KassenzeichenSource::Given => None,
        }
    }

    /// The provider account that takes a method.
    pub fn account_for(&self, method: Method) -> Option<&AccountName> {
        self.methods.iter().find(|route| route.method == method).map(|route| &route.account)
    }

    /// A return address in its normal form, if one of the prefixes admits it.
    pub fn return_address(&self, text: &str) -> Option<Url> {
        self.return_urls.iter().find_map(|prefix| prefix.admits(text))
    }

    /// Where an explicit line is booked: as it says, else by the default.
    pub fn booking_for(&self, given: Option<BookingData>) -> Result<BookingData, BookingError> {
        let given = given.filter(|booking| !booking.is_empty());
        let booking = given.or_else(|| self.default_booking.clone()).ok_or(BookingError::Missing)?;
        match self.missing_booking_key(&booking) {
            Some(key) => Err(BookingError::MissingKey { key: key.to_owned() }),
            None => Ok(booking),
        }
    }

    /// The first required key that booking data lacks.
    pub fn missing_booking_key(&self, booking: &BookingData) -> Option<&str> {
        self.booking_keys_required.iter().map(String::as_str).find(|key| booking.part(key).is_none())
    }

    fn check_references(
        &self,
        fees: &FeeSchedule,
        ranges: &BTreeMap<RangeName, Range>,
        problems: &mut Vec<TenantProblem>,
    ) {
        let service = || self.id.clone();
        if let KassenzeichenSource::Assigned { range } = &self.kassenzeichen
            && !ranges.contains_key(range)
        {
            problems.push(TenantProblem::UnknownRange { service: service(), range: range.clone() });
        }
        if let AllowedFees::Only(keys) = &self.lines.fees {
            let unknown = keys.iter().filter(|key| fees.fee(key.as_str()).is_none());
            problems.extend(unknown.map(|fee| TenantProblem::UnknownFee { service: service(), fee: fee.clone() }));
        }
        for fee in fees.fees().filter(|fee| self.lines.fees.contain(fee.key.as_str())) {
            let shares = fee.versions.all().iter().flat_map(FeeVersionRule::shares);
            if let Some(key) = self.first_missing_key(shares) {
                problems.push(TenantProblem::FeeLacksBookingKey { service: service(), fee: fee.key.clone(), key });
            }
        }
    }

    fn first_missing_key<'a>(&self, mut shares: impl Iterator<Item = &'a ShareRule>) -> Option<String> {
        shares.find_map(|share| self.missing_booking_key(&share.booking)).map(str::to_owned)
    }
}

/// Why an explicit line cannot be booked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BookingError {
    /// It says nothing, and the service has no default.
    #[error("must say where the line is booked")]
    Missing,
    /// A key is missing that the service needs.
    #[error("must contain {key:?}")]
    MissingKey {
        /// The key.
        key: String,
    },
}

/// Where the Kassenzeichen of a service come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KassenzeichenSource {
    /// We give the next number of a range.
    Assigned {
        /// The range.
        range: RangeName,
    },
    /// The portal sends the Kassenzeichen of a claim that the finance system has posted.
    Given,
}

/// When the claim of a payment is posted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClaimPosting {
    /// With the payment: it is owed, paid or not.
    AtCreation,
    /// When it is paid: nothing is owed before.
    AtPayment,
}

/// What a service may charge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowedLines {
    /// The fees of the schedule.
    pub fees: AllowedFees,
    /// Whether the portal may name amounts of its own.
    pub explicit: bool,
}

/// Which fees of the schedule a service may charge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AllowedFees {
    /// Every fee.
    All,
    /// These; none where the service has explicit lines only.
    Only(BTreeSet<FeeKey>),
}

impl AllowedFees {
    /// Whether the fee may be charged, if the schedule has it.
    pub fn contain(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(keys) => keys.contains(key),
        }
    }
}

/// Which provider account takes a method.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MethodRoute {
    /// The method.
    pub method: Method,
    /// The account.
    pub account: AccountName,
}

/// One agreement that a refund needs; each step of a chain is done by another person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApprovalStep {
    /// Its name, e.g. `sachlich-richtig`.
    pub name: StepName,
    /// What a person must be allowed to do.
    pub scope: ApprovalScope,
    /// The largest refund the step may agree to; `None` where there is no limit.
    pub limit: Option<Money>,
}

/// The scope of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ApprovalScope {
    /// `refunds:confirm`: it is right in substance and in its sums.
    Confirm,
    /// `refunds:order`: it is ordered (Anordnung).
    Order,
    /// `refunds:release`: it is paid out.
    Release,
}

impl ApprovalScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Confirm, Self::Order, Self::Release];

    /// The name in tokens and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "refunds:confirm",
            Self::Order => "refunds:order",
            Self::Release => "refunds:release",
        }
    }

    /// The scope of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// How long a payment can be paid, in seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExpiryLimits {
    min: u32,
    default: u32,
    max: u32,
}

impl ExpiryLimits {
    /// Takes limits in this order: `min` > 0, `min` <= `default` <= `max`.
    pub fn new(min: u32, default: u32, max: u32) -> Result<Self, ExpiryError> {
        if min == 0 || min > default || default > max {
            return Err(ExpiryError { min, max });
        }
        Ok(Self { min, default, max })
    }

    /// The shortest time a portal may wish.
    pub fn min(self) -> u32 {
        self.min
    }

    /// The time where the portal says nothing.
    pub fn default_seconds(self) -> u32 {
        self.default
    }

    /// The longest time a portal may wish.
    pub fn max(self) -> u32 {
        self.max
    }

    /// The seconds that hold for a wish; the default where there is none.
    pub fn choose(self, wish: Option<u32>) -> Result<u32, ExpiryError> {
        let seconds = wish.unwrap_or(self.default);
        if (self.min..=self.max).contains(&seconds) {
            Ok(seconds)
        } else {
            Err(ExpiryError { min: self.min, max: self.max })
        }
    }
}

/// From a minute to a week, half an hour where the portal says nothing.
impl Default for ExpiryLimits {
    fn default() -> Self {
        Self { min: 60, default: 1_800, max: 604_800 }
    }
}

/// A payment cannot be payable for so long or so short a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be from {min} to {max} seconds")]
pub struct ExpiryError {
    /// The shortest time.
    pub min: u32,
    /// The longest time.
    pub max: u32,
}

#[cfg(test)]
mod tests;
