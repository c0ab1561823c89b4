//! Creating a payment: what is charged, under which Kassenzeichen, until when.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    money::{Currency, Money},
};

use super::{
    Desk, DeskError, Problem, TenantDesk,
    change::{self, Extra},
    idempotency::{Answered, Idempotency, KeyState},
    later, log,
    side::{self, PaymentSide},
    token,
};
use crate::{
    domain::{
        event::{ClaimPosting, Event, Terms},
        ids::{ClientId, PaymentId},
        kassenzeichen::Kassenzeichen,
        language::Language,
        line::{BookingData, FeeLine, ShareKind, ShareRule, TaxRate},
        payment::{Payment, State},
        tenant::{self, KassenzeichenSource, Service},
    },
    ledger::chain,
    store::{
        commit::{ClaimKey, NewClaim, Outcome, Row, Space, Taken},
        read::ListFilter,
    },
};

/// How often a number that somebody else had used is replaced by the next one.
const NUMBERS_MAX: usize = 16;

/// What a portal wants to charge.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// The service.
    pub service: String,
    /// The portal's own reference.
    pub reference: String,
    /// What is charged.
    pub lines: Vec<NewLine>,
    /// What the portal believes the sum to be.
    pub amount: Option<Money>,
    /// The Kassenzeichen of an earlier claim of ours, or of the finance system.
    pub kassenzeichen: Option<String>,
    /// Where the citizen is sent back to.
    pub return_url: String,
    /// The language of the citizen.
    pub language: Option<Language>,
    /// The methods the portal allows; all of the service by default.
    pub methods: Option<Vec<Method>>,
    /// For how long it can be paid.
    pub expires_in_seconds: Option<u32>,
    /// When money is taken.
    pub capture: Option<CaptureMode>,
    /// The portal's own data.
    pub metadata: BTreeMap<String, String>,
}

/// One line that a portal wants to charge.
#[derive(Clone, Debug)]
pub enum NewLine {
    /// A fee of the schedule.
    Fee {
        /// Its key.
        fee: String,
        /// How many.
        quantity: u32,
        /// The day whose price counts; today by default.
        fee_date: Option<Date>,
    },
    /// An amount of the portal's own.
    Explicit {
        /// What citizens read.
        description: String,
        /// How many.
        quantity: u32,
        /// What one costs, tax included.
        unit_amount: Money,
        /// The tax contained in it.
        tax_rate: TaxRate,
        /// Where it is booked.
        booking: Option<BookingData>,
    },
}

/// What became of a request for a payment.
#[derive(Debug)]
pub struct Created {
    /// The answer.
    pub answered: Answered,
    /// The payment, when it was made just now and need not be read again.
    pub fresh: Option<Box<Fresh>>,
}

/// A payment that was made just now.
#[derive(Debug)]
pub struct Fresh {
    /// The payment.
    pub payment: Payment,
    /// Its erasable data.
    pub side: PaymentSide,
}

impl From<Answered> for Created {
    fn from(answered: Answered) -> Self {
        Self { answered, fresh: None }
    }
}

impl Desk {
    /// Creates a payment, or says how the first request under the key was answered.
    pub async fn create_payment(
        &self,
        tenant: &str,
        client: ClientId,
        request: &NewPayment,
        idempotency: &Idempotency,
    ) -> Result<Created, DeskError> {
        let created = self.try_create(tenant, client, request, idempotency).await;
        let Err(refused) = created else { return created };
        // What was answered stays answered, even where prices or settings have changed since and would refuse it now.
        match self.store.claim(tenant, &idempotency.key).await? {
            Some(claim) => match idempotency.judge(&claim, self.now())? {
                KeyState::Answered(answered) => Ok(answered.into()),
                KeyState::Abandoned { .. } => Err(refused),
            },
            None => Err(refused),
        }
    }

    async fn try_create(
        &self,
        tenant: &str,
        client: ClientId,
        request: &NewPayment,
        idempotency: &Idempotency,
    ) -> Result<Created, DeskError> {
        let desk = self.tenant(tenant)?;
        let now = self.now();
        let id = PaymentId(self.id());
        let prepared = prepare(desk, request, client, now)?;
        let mut reference_of = None;
        for _ in 0..NUMBERS_MAX {
            let claim = Claimed { reference_of, ..self.claim_for(desk, &prepared, request).await? };
            let (outcome, fresh) = self.commit_payment(desk, id, &prepared, &claim, request, idempotency, now).await?;
            match outcome {
                Outcome::Committed | Outcome::AlreadyCommitted => {
                    self.announce();
                    let answered = Answered { holder: id.0, status: 201, version: 1, replayed: false };
                    return Ok(Created { answered, fresh: Some(Box::new(fresh)) });
                }
                Outcome::Stale(_) | Outcome::FenceLost => {}
                Outcome::Taken(taken) => {
                    if taken.key.space == Space::Idempotency {
                        self.give_number_back(desk, prepared.service, &claim);
                    }
                    // Whoever holds an assigned number has nothing to do with this claim: the next number is taken.
                    let foreign = claim.is_new && taken.key.space == Space::OpenClaim;
                    if foreign {
                        tracing::error!(
                            kassenzeichen = claim.kassenzeichen,
                            "an assigned Kassenzeichen was in use; do two ranges overlap?"
                        );
                        continue;
                    }
                    if let Some(answered) = self.created_otherwise(tenant, &taken, idempotency, now).await? {
                        return Ok(answered.into());
                    }
                    if taken.key.space == Space::PortalReference {
                        reference_of = Some(taken.claim.holder);
                    }
                }
            }
        }
        Err(DeskError::Contended)
    }

    /// A number that was drawn for a repetition is used for the next creation.
    fn give_number_back(&self, desk: &TenantDesk, service: &Service, claim: &Claimed) {
        let number = Kassenzeichen::parse(claim.kassenzeichen.as_str()).ok().filter(|_| claim.is_new);
        if let (Some(number), Some(range)) = (number, desk.tenant.range_of(service)) {
            self.numbers.give_back(desk.tenant.id.as_str(), range, number);
        }
    }

    /// What a key that is taken means for a new payment; [`None`] when another number may do.
    async fn created_otherwise(
        &self,
        tenant: &str,
        taken: &Taken,
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<Option<Answered>, DeskError> {
        let payment = taken.claim.holder;
        match taken.key.space {
            Space::Idempotency => match idempotency.judge(&taken.claim, now)? {
                KeyState::Answered(answered) => Ok(Some(answered)),
                // A creation is answered by the commit that takes its key, so it is never abandoned.
                KeyState::Abandoned { .. } => Err(DeskError::KeyInFlight),
            },
            Space::OpenClaim => match self.payment(tenant, PaymentId(payment)).await?.state {
                State::Paid { .. } => Err(DeskError::ClaimSettled { payment }),
                State::Open | State::Processing { .. } | State::Authorised { .. } | State::OutcomeUnknown { .. } => {
                    Err(DeskError::ClaimHasOpenPayment { payment })
                }
                // It has given the claim back in the meantime.
                State::Reversed { .. } | State::Cancelled | State::Expired | State::Failed => Ok(None),
            },
            Space::PortalReference => match self.payment(tenant, PaymentId(payment)).await?.state {
                // It ended unpaid: the reference goes over to the new payment, if nobody else is faster.
                State::Cancelled | State::Expired | State::Failed => Ok(None),
                State::Open
                | State::Processing { .. }
                | State::Authorised { .. }
                | State::OutcomeUnknown { .. }
                | State::Paid { .. }
                | State::Reversed { .. } => Err(DeskError::ReferenceTaken { payment }),
            },
            Space::Kassenzeichen
            | Space::MerchantReference
            | Space::ProviderReference
            | Space::Notification
            | Space::MoneyFact
            | Space::Refund => Ok(None),
        }
    }

    /// The Kassenzeichen of the payment: the next number, or that of a claim that exists.
    async fn claim_for(
        &self,
        desk: &TenantDesk,
        prepared: &Prepared<'_>,
        request: &NewPayment,
    ) -> Result<Claimed, DeskError> {
        let service = prepared.service;
        let invalid =
            |detail: &dyn ToString| DeskError::Invalid(vec![Problem::at("/kassenzeichen", detail.to_string())]);
        let named =
            request.kassenzeichen.as_deref().map(Kassenzeichen::parse).transpose().map_err(|error| invalid(&error))?;
        let tenant = desk.tenant.id.as_str();
        match (&service.kassenzeichen, named) {
            (KassenzeichenSource::Assigned { .. }, None) => {
                let range = desk.tenant.range_of(service).ok_or(DeskError::KassenzeichenExhausted)?;
                let kassenzeichen = self.next_kassenzeichen(desk, range).await?.as_str().to_owned();
                Ok(Claimed {
                    kassenzeichen,
                    is_new: true,
                    attempts_before: 0,
                    claim: prepared.terms.claim,
                    reference_of: None,
                })
            }
            (KassenzeichenSource::Assigned { .. }, Some(named)) => {
                let key = kassenzeichen_key(named.as_str());
                if self.store.claim(tenant, &key).await?.is_none() {
                    return Err(DeskError::UnknownKassenzeichen);
                }
                self.follow_up(tenant, named, prepared).await
            }
            (KassenzeichenSource::Given, Some(named)) => self.follow_up(tenant, named, prepared).await,
            (KassenzeichenSource::Given, None) => Err(invalid(&"is required by this service")),
        }
    }

    /// A further payment of a claim is over the same amount, and counts its attempts behind those of the earlier ones.
    async fn follow_up(
        &self,
        tenant: &str,
        named: Kassenzeichen,
        prepared: &Prepared<'_>,
    ) -> Result<Claimed, DeskError> {
        let filter = ListFilter {
            reference: None,
            kassenzeichen: Some(named.as_str().to_owned()),
            state: None,
            created_after: None,
            created_before: None,
            before: None,
            limit: 1,
        };
        let kassenzeichen = named.as_str().to_owned();
        let new = &prepared.terms;
        let Some(latest) = self.store.payments(tenant, &filter).await?.into_iter().next() else {
            return Ok(Claimed {
                kassenzeichen,
                is_new: false,
                attempts_before: 0,
                claim: new.claim,
                reference_of: None,
            });
        };
        let latest = self.payment(tenant, PaymentId(latest.id)).await?;
        if latest.terms.service != new.service || latest.terms.total != new.total {
            let detail = format!("belongs to a claim of service {} over {}", latest.terms.service, latest.terms.total);
            return Err(DeskError::Invalid(vec![Problem::at("/kassenzeichen", detail)]));
        }
        // After a reversal the claim still stands in the books; after any other end it was withdrawn and is posted anew.
        let stands = matches!(latest.state, State::Reversed { .. });
        let claim = if stands { ClaimPosting::Elsewhere } else { new.claim };
        let attempts_before = latest.next_attempt_number().saturating_sub(1);
        Ok(Claimed { kassenzeichen, is_new: false, attempts_before, claim, reference_of: None })
    }

    #[expect(clippy::too_many_arguments, reason = "everything here was prepared before and only meets in the commit")]
    async fn commit_payment(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        prepared: &Prepared<'_>,
        claimed: &Claimed,
        request: &NewPayment,
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<(Outcome, Fresh), DeskError> {
        let data = PaymentSide {
            reference: request.reference.clone(),
            return_url: prepared.return_url.clone(),
            token: token::new(id, desk.tenant.id.as_str(), &self.ids.bytes()),
            descriptions: prepared.descriptions.clone(),
            metadata: request.metadata.clone(),
        };
        let (side, side_mac) = side::seal(id.0, Some(request.reference.clone()), &data, self.ids.bytes())?;
        let terms = Terms {
            kassenzeichen: claimed.kassenzeichen.clone(),
            attempts_before: claimed.attempts_before,
            claim: claimed.claim,
            side_mac,
            ..prepared.terms.clone()
        };
        let mut claims = vec![idempotency.answered(id.0, 201, 1)];
        if prepared.service.one_payment_per_reference {
            let parts = [prepared.service.id.as_str().as_bytes(), request.reference.as_bytes()];
            let key = ClaimKey::new(Space::PortalReference, &parts);
            claims.push(NewClaim { instead_of: claimed.reference_of, ..NewClaim::of(key, id.0) });
        }
        // A number of ours that somebody has is told apart from a claim that is being paid by coming first.
        if claimed.is_new {
            claims.push(NewClaim::of(kassenzeichen_key(&claimed.kassenzeichen), id.0));
        }
        claims.push(NewClaim::of(change::open_claim_key(&claimed.kassenzeichen), id.0));
        let extra = Extra { claims, rows: vec![Row::Side(side)], ..Extra::default() };
        let events = [Event::Created(Box::new(terms))];
        let (posted, payment) = log::post(None, id, &events, now)?;
        let payment = payment.ok_or(DeskError::NotFound)?;
        let commit = self.assemble(desk, self.id(), now, None, &payment, &events, posted, &extra)?;
        Ok((self.store.commit(commit).await?, Fresh { payment, side: data }))
    }
}

/// Which Kassenzeichen a payment gets.
struct Claimed {
    kassenzeichen: String,
    is_new: bool,
    attempts_before: u32,
    claim: ClaimPosting,
    /// The payment that had the portal's reference and ended unpaid.
    reference_of: Option<Uuid>,
}

/// A request that can be met.
struct Prepared<'a> {
    service: &'a Service,
    terms: Terms,
    descriptions: Vec<Option<String>>,
    return_url: String,
}

/// Everything that can be said about a request without the store; all problems at once.
fn prepare<'a>(
    desk: &'a TenantDesk,
    request: &NewPayment,
    client: ClientId,
    now: Timestamp,
) -> Result<Prepared<'a>, DeskError> {
    let Some(service) = desk.tenant.services.get(request.service.as_str()) else {
        return Err(DeskError::Invalid(vec![Problem::at("/service", "is no service of this Mandant")]));
    };
    let mut problems = Vec::new();
    let (lines, descriptions) = price_lines(desk, service, request, now, &mut problems);
    let total = total_of(&lines, request, &mut problems);
    let methods = methods_of(service, request, &mut problems);
    let return_url = service.return_address(&request.return_url);
    if return_url.is_none() {
        problems.push(Problem::at("/return_url", "is not covered by the return addresses of the service"));
    }
    let seconds = service.expiry.choose(request.expires_in_seconds).unwrap_or_else(|error| {
        problems.push(Problem::at("/expires_in_seconds", error));
        0
    });
    let (Some(return_url), true) = (return_url, problems.is_empty()) else { return Err(DeskError::Invalid(problems)) };
    let terms = Terms {
        service: service.id.as_str().to_owned(),
        kassenzeichen: String::new(),
        lines,
        total,
        capture: request.capture.unwrap_or(service.capture),
        methods,
        language: request.language.clone().unwrap_or_else(Language::german).as_str().to_owned(),
        claim: match service.posts_claim() {
            Some(tenant::ClaimPosting::AtCreation) => ClaimPosting::AtCreation,
            Some(tenant::ClaimPosting::AtPayment) => ClaimPosting::AtPayment,
            None => ClaimPosting::Elsewhere,
        },
        attempts_before: 0,
        expires_at: later(now, std::time::Duration::from_secs(u64::from(seconds))),
        client,
        side_mac: String::new(),
    };
    Ok(Prepared { service, terms, descriptions, return_url: return_url.into() })
}

fn price_lines(
    desk: &TenantDesk,
    service: &Service,
    request: &NewPayment,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) -> (Vec<FeeLine>, Vec<Option<String>>) {
    let mut lines = Vec::with_capacity(request.lines.len());
    let mut descriptions = Vec::with_capacity(request.lines.len());
    for (index, line) in request.lines.iter().enumerate() {
        let priced = match line {
            NewLine::Fee { fee, quantity, fee_date } => {
                descriptions.push(None);
                price_fee(desk, service, fee, *quantity, *fee_date, now)
            }
            NewLine::Explicit { description, quantity, unit_amount, tax_rate, booking } => {
                descriptions.push(Some(description.clone()));
                price_explicit(service, *quantity, *unit_amount, *tax_rate, booking.clone())
            }
        };
        match priced {
            Ok(line) => lines.push(line),
            Err((member, detail)) => problems.push(Problem::at(format!("/lines/{index}{member}"), detail)),
        }
    }
    (lines, descriptions)
}

/// The member of a line that is wrong, and how.
type LineProblem = (&'static str, String);

fn price_fee(
    desk: &TenantDesk,
    service: &Service,
    fee: &str,
    quantity: u32,
    fee_date: Option<Date>,
    now: Timestamp,
) -> Result<FeeLine, LineProblem> {
    if !service.lines.fees.contain(fee) {
        return Err(("/fee", "is no fee of this service".to_owned()));
    }
    let today = chain::berlin_day(now);
    desk.tenant.fees.price(fee, quantity, fee_date, today).map_err(|error| ("", error.to_string()))
}

fn price_explicit(
    service: &Service,
    quantity: u32,
    unit_amount: Money,
    tax_rate: TaxRate,
    booking: Option<BookingData>,
) -> Result<FeeLine, LineProblem> {
    if !service.lines.explicit {
        return Err(("", "this service charges fees of the schedule only".to_owned()));
    }
    if !unit_amount.is_positive() {
        return Err(("/unit_amount", "must be greater than zero".to_owned()));
    }
    let booking = service.booking_for(booking).map_err(|error| ("/booking", error.to_string()))?;
    let rule = ShareRule { kind: ShareKind::Ertrag, booking, numerator: 1, denominator: 1 };
    FeeLine::from_gross(None, quantity, unit_amount, tax_rate, &[rule]).map_err(|error| ("", error.to_string()))
}

fn total_of(lines: &[FeeLine], request: &NewPayment, problems: &mut Vec<Problem>) -> Money {
    let total = Money::total(lines.iter().map(|line| line.gross), Currency::EUR).unwrap_or_else(|error| {
        problems.push(Problem::at("/lines", format!("the sum {error}")));
        Money::zero(Currency::EUR)
    });
    if problems.is_empty() && !total.is_positive() {
        problems.push(Problem::at("/lines", "the sum must be greater than zero"));
    }
    if problems.is_empty() && request.amount.is_some_and(|amount| amount != total) {
        problems.push(Problem::at("/amount", format!("differs from the sum of the lines, which is {total}")));
    }
    total
}

fn methods_of(service: &Service, request: &NewPayment, problems: &mut Vec<Problem>) -> Vec<Method> {
    let offered: Vec<Method> = service.methods.iter().map(|route| route.method).collect();
    let Some(wanted) = &request.methods else { return offered };
    if wanted.is_empty() {
        problems.push(Problem::at("/methods", "must name at least one method"));
    }
    for (index, method) in wanted.iter().enumerate() {
        if !offered.contains(method) {
            problems.push(Problem::at(format!("/methods/{index}"), "is not offered by this service"));
        }
    }
    offered.into_iter().filter(|method| wanted.contains(method)).collect()
}

/// The key of a Kassenzeichen that was given out.
pub(super) fn kassenzeichen_key(kassenzeichen: &str) -> ClaimKey {
    ClaimKey::new(Space::Kassenzeichen, &[kassenzeichen.as_bytes()])
}
