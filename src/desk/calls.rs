//! Carrying out what was intended: mark it as sent, call the provider, record what it said.

use jiff::SignedDuration;
use zahlstelle_contract::{
    fact::ProviderFact,
    money::Money,
    outcome::CallError,
    provider::{Acceptance, Effect, ModifyPayment, OpenPage, PageAnswer, Provider},
    reference::MerchantReference,
};

use super::{
    Desk, DeskError, TenantDesk,
    attention::{self, waits_for_reference},
    change::Extra,
    side::{self, PaymentSide},
};
use crate::{
    domain::{
        attempt::{Attempt, Page},
        call::{Call, Purpose},
        decide::Command,
        ids::{AttemptId, CallId, PaymentId},
        language::Language,
        payment::Payment,
        record::{Fact, PageTold},
    },
    metrics::CallName,
};

/// How long before the end of a provider key's life a call is no longer repeated, so that clocks may differ.
const KEY_MARGIN: SignedDuration = SignedDuration::from_mins(10);
/// For how long the making of a page is repeated. It moves no money, and the citizen has long gone.
const OPENING_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// How many calls of one payment are carried out in one go.
const CALLS_MAX: usize = 16;

impl Desk {
    /// Carries out every call of a payment that can be made and has not been sent.
    pub(super) async fn carry_out_unsent(&self, desk: &TenantDesk, id: PaymentId) -> Result<Payment, DeskError> {
        let mut payment = self.payment(desk.tenant.id.as_str(), id).await?;
        for _ in 0..CALLS_MAX {
            let is_new = |call: &&Call| call.first_sent_at.is_none() && call.not_sent.is_none();
            let next = payment.calls.iter().filter(is_new).find(|call| !waits_for_reference(&payment, call));
            let Some(call) = next.map(|call| call.id) else { return Ok(payment) };
            payment = self.carry_out(desk, id, call).await?;
        }
        Ok(payment)
    }

    /// Carries out one call, for the first time or again under the same key, as far as that is allowed.
    pub(super) async fn carry_out(&self, desk: &TenantDesk, id: PaymentId, call: CallId) -> Result<Payment, DeskError> {
        let payment = self.payment(desk.tenant.id.as_str(), id).await?;
        let Some(known) = payment.call(call) else { return Ok(payment) };
        if known.accepted.is_some() || waits_for_reference(&payment, known) {
            return Ok(payment);
        }
        let provider = Self::provider_of_call(desk, &payment, known)?;
        match self.repetition(provider.as_ref(), known) {
            Repetition::Allowed => {}
            Repetition::OnlyAsk => return Ok(payment),
            Repetition::GiveUp => {
                let fact = Fact::CallGivenUp { call };
                return Ok(self.record(desk, id, &fact, &Extra::default()).await?.payment);
            }
        }
        let repeated = known.first_sent_at.is_some();
        let payment = match self.command(desk, id, &Command::MarkSent { call }, &Extra::default()).await {
            Ok(changed) => changed.payment,
            // Somebody else settled it in the meantime.
            Err(DeskError::Refused(_)) => return self.payment(desk.tenant.id.as_str(), id).await,
            Err(error) => return Err(error),
        };
        let Some(known) = payment.call(call) else { return Ok(payment) };
        let provider = Self::provider_of_call(desk, &payment, known)?;
        let mut after = payment.clone();
        for fact in self.perform(desk, provider.as_ref(), &payment, known, repeated).await? {
            if matches!(fact, Fact::CallNotSent { .. }) && !self.was_alone(known) {
                continue;
            }
            after = self.record(desk, id, &fact, &Extra::default()).await?.payment;
        }
        Ok(after)
    }

    /// Whether nobody else can have begun to repeat a call since it was marked as sent: a job does so after the first
    /// step of its schedule at the earliest.
    fn was_alone(&self, call: &Call) -> bool {
        let first_step = attention::step(&self.settings.resolver_schedule, 0);
        call.first_sent_at.is_some_and(|sent_at| self.now() < super::later(sent_at, first_step))
    }

    /// Whether a call may be made again.
    fn repetition(&self, provider: &dyn Provider, call: &Call) -> Repetition {
        let Some(first_sent_at) = call.first_sent_at else { return Repetition::Allowed };
        let age = self.now().duration_since(first_sent_at);
        let lifetime = SignedDuration::try_from(provider.key_lifetime(call.purpose.operation())).unwrap_or_default();
        match call.purpose {
            Purpose::OpenPage { .. } if age > OPENING_LIFETIME => Repetition::GiveUp,
            // Closing twice is harmless, whatever the provider remembers.
            Purpose::OpenPage { .. } | Purpose::ClosePage { .. } => Repetition::Allowed,
            Purpose::Capture { .. } | Purpose::Void { .. } | Purpose::Refund { .. } => {
                if age > lifetime.saturating_sub(KEY_MARGIN) { Repetition::OnlyAsk } else { Repetition::Allowed }
            }
        }
    }

    fn provider_of_call<'a>(
        desk: &'a TenantDesk,
        payment: &Payment,
        call: &Call,
    ) -> Result<&'a std::sync::Arc<dyn Provider>, DeskError> {
        match call.purpose {
            Purpose::Refund { refund } => {
                let capture = payment.refund(refund).and_then(|refund| payment.capture(refund.capture));
                desk.provider(&capture.ok_or(DeskError::NotFound)?.account)
            }
            Purpose::OpenPage { attempt }
            | Purpose::ClosePage { attempt, .. }
            | Purpose::Capture { attempt }
            | Purpose::Void { attempt, .. } => desk.provider_of(payment.attempt(attempt).ok_or(DeskError::NotFound)?),
        }
    }

    /// Calls the provider. No fact at all means that nothing new is known of the call, so it stays as it is.
    async fn perform(
        &self,
        desk: &TenantDesk,
        provider: &dyn Provider,
        payment: &Payment,
        call: &Call,
        repeated: bool,
    ) -> Result<Vec<Fact>, DeskError> {
        match call.purpose {
            Purpose::OpenPage { .. } => self.open_page(desk, provider, payment, call, repeated).await,
            Purpose::ClosePage { attempt, .. } => Ok(self.close_page(provider, payment, call, attempt).await),
            Purpose::Capture { .. } | Purpose::Void { .. } | Purpose::Refund { .. } => {
                Ok(self.modify(provider, payment, call, repeated).await)
            }
        }
    }

    async fn open_page(
        &self,
        desk: &TenantDesk,
        provider: &dyn Provider,
        payment: &Payment,
        call: &Call,
        repeated: bool,
    ) -> Result<Vec<Fact>, DeskError> {
        let attempt = call.purpose.attempt().and_then(|attempt| payment.attempt(attempt));
        let Some(attempt) = attempt else { return Ok(Vec::new()) };
        let Some(pages) = provider.hosted_page() else { return Err(DeskError::MethodUnavailable) };
        let request = self.page_request(desk, payment, attempt, call).await?;
        let opened = self.metered(provider, CallName::OpenPage, pages.open_page(&request)).await;
        Ok(match opened {
            Ok(opened) => {
                let mismatch = opened.echo.compare(request.amount, &request.reference).err();
                let page = Page { reference: opened.page, url: opened.url, expires_at: opened.expires_at };
                vec![Fact::PageMade { call: call.id, page, mismatch }]
            }
            Err(error) => refusal(call, error, repeated).into_iter().collect(),
        })
    }

    /// What the provider is told. It never learns fee names, lines, the portal's reference or metadata.
    async fn page_request(
        &self,
        desk: &TenantDesk,
        payment: &Payment,
        attempt: &Attempt,
        call: &Call,
    ) -> Result<OpenPage, DeskError> {
        let side = self.store.side(desk.tenant.id.as_str(), payment.id.0).await?.ok_or(DeskError::NotFound)?;
        let side: PaymentSide = side::open(&side)?;
        let language = payment.language_of(attempt).and_then(|tag| Language::of_tag(tag).ok());
        let language = language.unwrap_or_else(Language::german);
        let authority = desk.tenant.authority.name.text(&language);
        let base = self.settings.public_url.as_str().trim_end_matches('/');
        Ok(OpenPage {
            key: call.key(),
            reference: payment.merchant_reference(attempt),
            amount: payment.terms.total,
            method: attempt.method,
            capture: payment.terms.capture,
            text: format!("{authority} {}", payment.terms.kassenzeichen),
            language: language.as_str().to_owned(),
            return_url: format!("{base}/pay/{}/return/{}", side.token, attempt.id),
            expires_at: payment.time_limit.expires_at,
        })
    }

    /// Closes the page, and asks when the provider does not say how it went: only the answer counts.
    async fn close_page(
        &self,
        provider: &dyn Provider,
        payment: &Payment,
        call: &Call,
        attempt: AttemptId,
    ) -> Vec<Fact> {
        let Some((attempt, page)) =
            payment.attempt(attempt).and_then(|attempt| Some((attempt, attempt.page.as_ref()?)))
        else {
            return Vec::new();
        };
        let Some(pages) = provider.hosted_page() else { return Vec::new() };
        let key = call.key();
        match self.metered(provider, CallName::ClosePage, pages.close_page(&page.reference, &key)).await {
            Ok(answer) => vec![told(payment, attempt, answer)],
            Err(error) => {
                tracing::warn!(payment = %payment.id, %error, "closing a page of payment {} was not answered", payment.id);
                match self.metered(provider, CallName::AskPage, pages.ask_page(&page.reference)).await {
                    Ok(answer) => vec![told(payment, attempt, answer)],
                    Err(_) => vec![Fact::CallUnanswered { call: call.id }],
                }
            }
        }
    }

    /// Asks about the page of an attempt and records the answer.
    pub(super) async fn ask_page(
        &self,
        desk: &TenantDesk,
        payment: &Payment,
        attempt: &Attempt,
    ) -> Result<Payment, DeskError> {
        let provider = desk.provider_of(attempt)?;
        let (Some(page), Some(pages)) = (&attempt.page, provider.hosted_page()) else { return Ok(payment.clone()) };
        let asked = self.metered(provider.as_ref(), CallName::AskPage, pages.ask_page(&page.reference)).await;
        let fact = match asked {
            Ok(answer) => told(payment, attempt, answer),
            Err(error) => {
                tracing::warn!(payment = %payment.id, %error, "asking about a page of payment {} was not answered", payment.id);
                Fact::PageUnanswered { attempt: attempt.id }
            }
        };
        Ok(self.record(desk, payment.id, &fact, &Extra::default()).await?.payment)
    }

    /// Captures, voids or refunds.
    async fn modify(&self, provider: &dyn Provider, payment: &Payment, call: &Call, repeated: bool) -> Vec<Fact> {
        let Some(change) = modification(payment, call) else { return Vec::new() };
        let answer = match call.purpose {
            Purpose::Capture { .. } => match provider.capture() {
                Some(capture) => self.metered(provider, CallName::Capture, capture.capture(&change)).await,
                None => return Vec::new(),
            },
            Purpose::Void { .. } => match provider.cancel() {
                Some(cancel) => self.metered(provider, CallName::Cancel, cancel.cancel(&change)).await,
                None => return Vec::new(),
            },
            Purpose::Refund { .. } => match provider.refund() {
                Some(refund) => self.metered(provider, CallName::Refund, refund.refund(&change)).await,
                None => return Vec::new(),
            },
            Purpose::OpenPage { .. } | Purpose::ClosePage { .. } => return Vec::new(),
        };
        match answer {
            Ok(acceptance) => taken(payment, call, &change, acceptance),
            Err(error) => {
                tracing::warn!(payment = %payment.id, %error, "a change of payment {} was not accepted", payment.id);
                refusal(call, error, repeated).into_iter().collect()
            }
        }
    }
}

/// Whether a call may be made again.
enum Repetition {
    /// The provider still knows its key, so it cannot be done twice.
    Allowed,
    /// The provider may have forgotten the key: from now on only the truth is asked for, and finally a person decides.
    OnlyAsk,
    /// It moves nothing, and nobody waits for it any more.
    GiveUp,
}

fn modification(payment: &Payment, call: &Call) -> Option<ModifyPayment> {
    let key = call.key();
    match call.purpose {
        Purpose::Capture { attempt } | Purpose::Void { attempt, .. } => {
            let attempt = payment.attempt(attempt)?;
            let reference = payment.capture_reference(attempt);
            Some(ModifyPayment {
                key,
                payment: attempt.reference.clone()?,
                capture: None,
                amount: payment.terms.total,
                reference,
            })
        }
        Purpose::Refund { refund } => {
            let refund = payment.refund(refund)?;
            let capture = payment.capture(refund.capture)?;
            let attempt = payment.attempt(capture.attempt)?;
            let reference = payment.refund_reference(attempt, refund);
            let (payment, named) = (capture.payment.clone()?, capture.reference.clone());
            Some(ModifyPayment { key, payment, capture: named, amount: refund.amount, reference })
        }
        Purpose::OpenPage { .. } | Purpose::ClosePage { .. } => None,
    }
}

fn taken(payment: &Payment, call: &Call, change: &ModifyPayment, acceptance: Acceptance) -> Vec<Fact> {
    let mismatch = acceptance.echo.compare(change.amount, &change.reference).err();
    let reference = acceptance.reference.clone();
    let mut facts = vec![Fact::CallTaken { call: call.id, reference: reference.clone(), mismatch }];
    if acceptance.effect == Effect::Done && mismatch.is_none() {
        facts.extend(done(payment, call, change, acceptance));
    }
    facts
}

/// What has already happened where a provider does at once what it accepts.
fn done(payment: &Payment, call: &Call, change: &ModifyPayment, acceptance: Acceptance) -> Option<Fact> {
    let (named, amount) = (change.payment.clone(), change.amount);
    let (attempt, fact) = match call.purpose {
        Purpose::Capture { attempt } => {
            (attempt, ProviderFact::Captured { payment: named, capture: acceptance.reference, amount })
        }
        Purpose::Void { attempt, .. } => (attempt, ProviderFact::Voided { payment: named }),
        Purpose::Refund { refund } => {
            let capture = payment.refund(refund).and_then(|refund| payment.capture(refund.capture))?;
            let merchant_reference: Option<MerchantReference> = Some(change.reference.clone());
            let refund = acceptance.reference;
            (capture.attempt, ProviderFact::Refunded { payment: named, refund, merchant_reference, amount })
        }
        Purpose::OpenPage { .. } | Purpose::ClosePage { .. } => return None,
    };
    Some(Fact::Told { attempt, fact })
}

/// What an error says about a call; nothing when this try did not leave. `repeated`: an earlier try may have left before.
fn refusal(call: &Call, error: CallError, repeated: bool) -> Option<Fact> {
    match error {
        // An earlier try may have left, so what is known about it is not taken back.
        CallError::NotSent { .. } if repeated => None,
        CallError::NotSent { .. } => Some(Fact::CallNotSent { call: call.id }),
        CallError::Declined { code } => {
            Some(Fact::CallRefused { call: call.id, code: Some(code), rejected: false, repeated })
        }
        CallError::Rejected { code, .. } => Some(Fact::CallRefused { call: call.id, code, rejected: true, repeated }),
        CallError::Unknown { .. } => Some(Fact::CallUnanswered { call: call.id }),
    }
}

fn told(payment: &Payment, attempt: &Attempt, answer: PageAnswer) -> Fact {
    let reference = payment.merchant_reference(attempt);
    let asked: Money = payment.terms.total;
    let mismatch = answer.echo.compare(asked, &reference).err();
    let told = PageTold { status: answer.status, payment: answer.payment, amount: answer.echo.amount, mismatch };
    Fact::PageTold { attempt: attempt.id, told }
}
