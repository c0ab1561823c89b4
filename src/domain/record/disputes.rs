//! What a provider says about money that the payer's bank asks for, takes, or gives back.

use zahlstelle_contract::{money::Money, reference::ProviderReference};

use super::{
    Recorder,
    money::{is_within, negative},
};
use crate::domain::{
    attempt::Attempt,
    event::{Event, MoneyKind},
    refund::{Dispute, DisputeState},
};

impl Recorder<'_> {
    pub(super) fn dispute_opened(
        &self,
        attempt: &Attempt,
        payment: &ProviderReference,
        dispute: &ProviderReference,
        amount: Money,
    ) -> Vec<Event> {
        if self.payment.disputes.iter().any(|known| known.reference == *dispute) {
            return Vec::new();
        }
        match self.capture_of(attempt, payment) {
            Some(taken) if is_within(amount, taken, self.payment.refundable_minor(taken)) => {
                vec![Event::DisputeOpened { capture: taken.id, reference: dispute.clone(), amount }]
            }
            Some(_) | None => vec![self.impossible("dispute_opened", Some(dispute))],
        }
    }

    pub(super) fn dispute_debited(
        &self,
        attempt: &Attempt,
        payment: &ProviderReference,
        dispute: &ProviderReference,
        amount: Money,
    ) -> Vec<Event> {
        let known = self.payment.disputes.iter().find(|known| known.reference == *dispute);
        if known.is_some_and(|known| matches!(known.state, DisputeState::Debited | DisputeState::Lost)) {
            return Vec::new();
        }
        let reserved = known.filter(|known| known.state.reserves()).map_or(0, |known| known.amount.minor());
        match self.capture_of(attempt, payment) {
            Some(taken) if is_within(amount, taken, self.payment.refundable_minor(taken).saturating_add(reserved)) => {
                vec![Event::DisputeDebited { capture: taken.id, reference: dispute.clone(), amount }]
            }
            Some(_) | None => vec![
                Self::unexplained(attempt, MoneyKind::Dispute, dispute, negative(amount)),
                self.impossible("dispute_debited", Some(dispute)),
            ],
        }
    }

    pub(super) fn dispute_won(
        &self,
        attempt: &Attempt,
        payment: &ProviderReference,
        dispute: &ProviderReference,
        amount: Money,
    ) -> Vec<Event> {
        let capture = self.capture_of(attempt, payment).map(|taken| taken.id);
        let could_be_won = |known: &&Dispute| {
            known.state == DisputeState::Debited
                && known.amount == amount
                && capture.is_none_or(|capture| known.capture == capture)
        };
        let disputes = &self.payment.disputes;
        // Its own name decides; a provider that leaves it out can only mean one of this capture and amount.
        let named = disputes.iter().filter(could_be_won).find(|known| known.reference == *dispute);
        match named.or_else(|| disputes.iter().find(could_be_won)) {
            Some(known) => {
                vec![Event::DisputeWon { capture: known.capture, reference: known.reference.clone(), amount }]
            }
            None if disputes.iter().any(|known| known.reference == *dispute && known.state == DisputeState::Won) => {
                Vec::new()
            }
            None => vec![
                Self::unexplained(attempt, MoneyKind::DisputeWon, dispute, amount),
                self.impossible("dispute_won", Some(dispute)),
            ],
        }
    }
}
