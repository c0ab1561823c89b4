//! Creating a payment: what is charged, under which Kassenzeichen, until when.

mod prepare;

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    money::Money,
};

use self::prepare::{Prepared, prepare};
use super::{
    Desk, DeskError, Problem, TenantDesk,
    change::{self, Extra},
    idempotency::{Answered, Idempotency, KeyState},
    log,
    side::{self, PaymentSide},
    token,
};
use crate::{
    domain::{
        event::{ClaimPosting, Event, Terms},
        ids::{ClientId, PaymentId},
        kassenzeichen::Kassenzeichen,
        language::Language,
        line::{BookingData, TaxRate},
        payment::{Payment, State},
        tenant::{KassenzeichenSource, Service},
    },
    ledger::claim,
    store::{
        commit::{ClaimKey, NewClaim, Outcome, Row, Space, Taken},
        read::ListFilter,
    },
};

/// How many payments a claim may have, so that naming it stays cheap.
const PAYMENTS_OF_CLAIM_MAX: u32 = 50;
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
            | Space::Refund
            | Space::WebhookSlot => Ok(None),
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

    /// A further payment of a claim is over what is open of it, and counts its attempts behind those of the earlier ones.
    async fn follow_up(
        &self,
        tenant: &str,
        named: Kassenzeichen,
        prepared: &Prepared<'_>,
    ) -> Result<Claimed, DeskError> {
        let kassenzeichen = named.as_str().to_owned();
        let earlier = self.payments_of_claim(tenant, &kassenzeichen).await?;
        let new = &prepared.terms;
        let attempts_before = earlier.iter().map(Payment::next_attempt_number).max().unwrap_or(1).saturating_sub(1);
        let claimed = Claimed { kassenzeichen, is_new: false, attempts_before, claim: new.claim, reference_of: None };
        let (Some(latest), true) = (earlier.first(), new.claim != ClaimPosting::Elsewhere) else { return Ok(claimed) };
        // What went back without a refund of ours still stands in the books; otherwise the claim is posted anew.
        let open = earlier.iter().fold(0_i64, |sum, payment| sum.saturating_add(claim::open_minor(payment)));
        let owed = if open > 0 { Money::from_minor(open, new.total.currency()) } else { latest.terms.total };
        if latest.terms.service != new.service || owed != new.total {
            let detail = "belongs to a claim of another service or over another amount";
            return Err(DeskError::Invalid(vec![Problem::at("/kassenzeichen", detail)]));
        }
        Ok(Claimed { claim: if open > 0 { ClaimPosting::Elsewhere } else { new.claim }, ..claimed })
    }

    /// The payments of a claim, newest first.
    async fn payments_of_claim(&self, tenant: &str, kassenzeichen: &str) -> Result<Vec<Payment>, DeskError> {
        let filter = ListFilter {
            reference: None,
            kassenzeichen: Some(kassenzeichen.to_owned()),
            state: None,
            created_after: None,
            created_before: None,
            before: None,
            limit: PAYMENTS_OF_CLAIM_MAX,
        };
        let mut payments = Vec::new();
        for listed in self.store.payments(tenant, &filter).await? {
            payments.push(self.payment(tenant, PaymentId(listed.id)).await?);
        }
        if payments.len() >= usize::try_from(PAYMENTS_OF_CLAIM_MAX).unwrap_or(usize::MAX) {
            return Err(DeskError::Invalid(vec![Problem::at("/kassenzeichen", "has been tried too often")]));
        }
        Ok(payments)
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

/// The key of a Kassenzeichen that was given out.
pub(super) fn kassenzeichen_key(kassenzeichen: &str) -> ClaimKey {
    ClaimKey::new(Space::Kassenzeichen, &[kassenzeichen.as_bytes()])
}
