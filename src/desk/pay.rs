//! Paying: starting an attempt, switching the method, coming back from the provider.

use jiff::Timestamp;
use zahlstelle_contract::method::Method;

use super::{
    Desk, DeskError, TenantDesk,
    attention::can_be_asked,
    change::Extra,
    idempotency::{Answered, Idempotency, KeyState},
    later,
    side::{self, PaymentSide},
    token,
};
use crate::{
    domain::{
        attempt::AttemptState,
        call::Purpose,
        decide::{Command, Refusal},
        ids::{AttemptId, CallId, PaymentId},
        language::Language,
        payment::{Payment, State},
    },
    store::commit::{Space, Takeover},
};

/// How many methods in a row may turn out to be under way before a start gives up.
const STARTS_MAX: usize = 3;

/// What the payer must do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NextStep {
    /// Go to a page of the provider.
    Redirect {
        /// Its address.
        url: String,
    },
    /// Look at where the payment stands: it is paid, or its outcome is not known.
    Look,
}

/// A payment that a checkout token opens.
#[derive(Clone, Debug)]
pub struct Returned {
    /// The payment.
    pub payment: Payment,
    /// Its erasable data.
    pub side: PaymentSide,
    /// The Mandant.
    pub tenant: String,
}

impl Desk {
    /// The payment that a checkout token opens. A wrong token opens nothing, whatever is wrong with it.
    pub async fn open_token(&self, token: &str) -> Result<Returned, DeskError> {
        let named = token::read(token).ok_or(DeskError::NotFound)?;
        let id = named.payment;
        for desk in self.tenants.values().filter(|desk| named.fits(desk.tenant.id.as_str())) {
            let tenant = desk.tenant.id.as_str();
            let Some(side) = self.store.side(tenant, id.0).await? else { continue };
            let side: PaymentSide = side::open(&side)?;
            if !bool::from(subtle::ConstantTimeEq::ct_eq(side.token.as_bytes(), token.as_bytes())) {
                return Err(DeskError::NotFound);
            }
            let payment = self.payment(tenant, id).await?;
            return Ok(Returned { payment, side, tenant: tenant.to_owned() });
        }
        Err(DeskError::NotFound)
    }

    /// Starts to pay with a method: closes another attempt first, asks what became of it, and only then starts.
    pub async fn start_attempt(&self, tenant: &str, id: PaymentId, method: Method) -> Result<NextStep, DeskError> {
        let desk = self.tenant(tenant)?;
        self.start(desk, id, method, None, &Extra::default()).await
    }

    /// The same for a citizen, who goes on in the language of the page and comes back to it.
    pub async fn start_attempt_in(
        &self,
        tenant: &str,
        id: PaymentId,
        method: Method,
        language: Language,
    ) -> Result<NextStep, DeskError> {
        let desk = self.tenant(tenant)?;
        self.start(desk, id, method, Some(language), &Extra::default()).await
    }

    /// Gives the citizen more time; `seen` is how many extensions the page knew of that asks for it.
    pub async fn extend_time(&self, tenant: &str, id: PaymentId, seen: Option<u32>) -> Result<Payment, DeskError> {
        let desk = self.tenant(tenant)?;
        Ok(self.command(desk, id, &Command::ExtendTime { seen }, &Extra::default()).await?.payment)
    }

    /// The same for a portal that starts by the API, under an idempotency key.
    pub async fn start_attempt_once(
        &self,
        tenant: &str,
        id: PaymentId,
        method: Method,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let desk = self.tenant(tenant)?;
        let lease = later(self.now(), self.settings.idempotency_lease);
        let begun = Extra { claims: vec![idempotency.begun(id.0, lease)], ..Extra::default() };
        match self.start(desk, id, method, None, &begun).await {
            Ok(_) => {}
            Err(DeskError::Taken(taken)) if taken.key.space == Space::Idempotency => {
                if let Some(answered) = self.resume(desk, id, &taken.claim, idempotency).await? {
                    return Ok(answered);
                }
                let renewed = self.store.claim(tenant, &idempotency.key).await?.and_then(|claim| claim.lease_until);
                if let Err(error) = self.start(desk, id, method, None, &Extra::default()).await {
                    return Err(self.leave_key(desk, id, idempotency, renewed, error).await?);
                }
            }
            Err(error @ DeskError::ProviderUnavailable) => {
                return Err(self.leave_key(desk, id, idempotency, Some(lease), error).await?);
            }
            // What is refused now may be refused because the first request of this key was met.
            Err(refused @ (DeskError::Refused(_) | DeskError::MethodUnavailable)) => {
                let Some(claim) = self.store.claim(tenant, &idempotency.key).await? else { return Err(refused) };
                if let Some(answered) = self.resume(desk, id, &claim, idempotency).await? {
                    return Ok(answered);
                }
            }
            Err(error) => return Err(error),
        }
        self.answer(desk, id, id.0, idempotency, 201).await
    }

    /// Ends the lease of a key whose request has stopped at an error, so that the same key may try again at once. A
    /// lease that somebody else has taken over stays theirs.
    async fn leave_key(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        idempotency: &Idempotency,
        lease: Option<Timestamp>,
        error: DeskError,
    ) -> Result<DeskError, DeskError> {
        let Some(expected_lease) = lease else { return Ok(error) };
        let now = self.now();
        let takeover = Takeover { key: idempotency.key, expected_lease, lease_until: now };
        let extra = Extra { takeovers: vec![takeover], ..Extra::default() };
        match self.change(desk, id, &extra, now, |_| Ok(Vec::new())).await {
            Ok(_) | Err(DeskError::Taken(_)) => Ok(error),
            Err(other) => Err(other),
        }
    }

    async fn start(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        method: Method,
        language: Option<Language>,
        extra: &Extra,
    ) -> Result<NextStep, DeskError> {
        let mut extra = extra.clone();
        for _ in 0..STARTS_MAX {
            let payment = self.payment(desk.tenant.id.as_str(), id).await?;
            let payment = self.ask_lapsed_page(desk, payment).await?;
            let service = desk.tenant.services.get(payment.terms.service.as_str()).ok_or(DeskError::NotFound)?;
            let account = service.account_for(method).ok_or(DeskError::MethodUnavailable)?.clone();
            desk.provider(&account)?;
            let (attempt, call) = (AttemptId(self.id()), CallId(self.id()));
            let command = Command::StartAttempt { attempt, method, account, call, language: language.clone() };
            match self.command(desk, id, &command, &extra).await {
                Ok(_) => return self.to_page(desk, id, method).await,
                Err(DeskError::Refused(Refusal::AttemptUnderWay)) => {
                    let closed = self.close_live(desk, id, &extra).await?;
                    // The key is taken by the commit that intended to close; the start needs it no more.
                    extra = Extra::default();
                    if closed.state != State::Open {
                        return Ok(NextStep::Look);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(DeskError::Contended)
    }

    /// A page that the provider has let lapse is asked about first: it cannot be paid any more, so a new one is needed
    /// where the payment has more time than its page had.
    async fn ask_lapsed_page(&self, desk: &TenantDesk, payment: Payment) -> Result<Payment, DeskError> {
        let now = self.now();
        match payment.live().filter(|live| can_be_asked(live) && live.has_lapsed(now)) {
            Some(lapsed) => self.ask_page(desk, &payment, lapsed).await,
            None => Ok(payment),
        }
    }

    /// Closes the live attempt at the provider and asks what became of it.
    async fn close_live(&self, desk: &TenantDesk, id: PaymentId, extra: &Extra) -> Result<Payment, DeskError> {
        let close = Command::CloseAttempt { call: CallId(self.id()) };
        let changed = match self.command(desk, id, &close, extra).await {
            Ok(changed) => changed.payment,
            Err(DeskError::Refused(_)) => return self.payment(desk.tenant.id.as_str(), id).await,
            Err(error) => return Err(error),
        };
        self.carry_out_closing(desk, &changed).await
    }

    /// Carries out the calls that close the live attempt of a payment.
    pub(super) async fn carry_out_closing(&self, desk: &TenantDesk, payment: &Payment) -> Result<Payment, DeskError> {
        let closing = payment.calls.iter().find(|call| match call.purpose {
            Purpose::ClosePage { .. } | Purpose::Void { .. } => true,
            Purpose::OpenPage { .. } | Purpose::Capture { .. } | Purpose::Refund { .. } => false,
        });
        match closing.map(|call| call.id) {
            Some(call) => self.carry_out(desk, payment.id, call).await,
            None => Ok(payment.clone()),
        }
    }

    /// Makes the page of the live attempt, unless it exists, and says where it is.
    async fn to_page(&self, desk: &TenantDesk, id: PaymentId, method: Method) -> Result<NextStep, DeskError> {
        let payment = self.payment(desk.tenant.id.as_str(), id).await?;
        let opening = payment.calls.iter().find(|call| matches!(call.purpose, Purpose::OpenPage { .. }));
        let payment = match opening.map(|call| call.id) {
            Some(call) => self.carry_out(desk, id, call).await?,
            None => payment,
        };
        // A page for something else than was asked is to be closed, and nobody may learn its address before.
        let payment = match closing_of_live(&payment) {
            Some(call) => self.carry_out(desk, id, call).await?,
            None => payment,
        };
        let Some(live) = payment.live() else {
            return if payment.state == State::Open { Err(DeskError::ProviderUnavailable) } else { Ok(NextStep::Look) };
        };
        // Somebody else may have chosen another method meanwhile; their page is not what was asked for here.
        if live.method != method || closing_of_live(&payment).is_some() {
            return Ok(NextStep::Look);
        }
        match (&live.state, &live.page) {
            (AttemptState::Waiting, Some(page)) if !payment.is_closing(live) => {
                Ok(NextStep::Redirect { url: page.url.clone() })
            }
            (AttemptState::Started, _) => Err(DeskError::ProviderUnavailable),
            (_, _) => Ok(NextStep::Look),
        }
    }

    /// The payer came back: asks what became of the page, whatever the address claims.
    pub async fn come_back(&self, token: &str, attempt: AttemptId) -> Result<Returned, DeskError> {
        let returned = self.open_token(token).await?;
        let Some(attempt) = returned.payment.attempt(attempt).filter(|attempt| can_be_asked(attempt)) else {
            return Ok(returned);
        };
        let desk = self.tenant(&returned.tenant)?;
        let payment = self.ask_page(desk, &returned.payment, attempt).await?;
        Ok(Returned { payment, ..returned })
    }

    /// What a key that is taken means for a command on a payment: it was answered, or this request goes on with it.
    pub(super) async fn resume(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        claim: &crate::store::read::Claim,
        idempotency: &Idempotency,
    ) -> Result<Option<Answered>, DeskError> {
        let now = self.now();
        match idempotency.judge(claim, now)? {
            KeyState::Answered(answered) => Ok(Some(answered)),
            KeyState::Abandoned { lease, .. } => {
                let lease_until = later(now, self.settings.idempotency_lease);
                let takeover = Takeover { key: idempotency.key, expected_lease: lease, lease_until };
                let extra = Extra { takeovers: vec![takeover], ..Extra::default() };
                match self.change(desk, id, &extra, now, |_| Ok(Vec::new())).await {
                    Ok(_) => Ok(None),
                    Err(DeskError::Taken(_)) => Err(DeskError::KeyInFlight),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Notes the answer under a key, so that it is the same from now on.
    pub(super) async fn answer(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        holder: uuid::Uuid,
        idempotency: &Idempotency,
        status: u16,
    ) -> Result<Answered, DeskError> {
        let extra = Extra { answers: vec![(idempotency.key, status)], ..Extra::default() };
        let payment = self.change(desk, id, &extra, self.now(), |_| Ok(Vec::new())).await?.payment;
        Ok(Answered { holder, status, version: payment.version, replayed: false })
    }
}

/// The call that makes the page of the live attempt unpayable, if there is one.
fn closing_of_live(payment: &Payment) -> Option<CallId> {
    let live = payment.live()?;
    payment.calls_of(live.id).find(|call| matches!(call.purpose, Purpose::ClosePage { .. })).map(|call| call.id)
}
