//! Journal entries: legs on accounts that always balance.

use serde::{Deserialize, Serialize};
use zahlstelle_contract::{
    money::{Money, MoneyError},
    reference::{AccountName, ProviderReference},
};

use super::account::Account;
use crate::domain::event::MoneyKind;

/// One leg of an entry: positive is a debit, negative a credit.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Leg {
    /// The account.
    pub account: Account,
    /// Debit when positive, credit when negative; never zero.
    pub amount: Money,
}

/// An entry whose legs add up to zero.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// The legs, debits first.
    pub legs: Vec<Leg>,
    /// The fact about money that it posts, if it is one; each is posted once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money_fact: Option<MoneyFact>,
}

/// Something that moved money at a provider, by its unique key.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct MoneyFact {
    /// The provider account.
    pub account: AccountName,
    /// What kind of movement.
    pub kind: MoneyKind,
    /// The provider's reference.
    pub reference: ProviderReference,
    /// Counts the movements of one kind under one reference, from 1: a dispute that was won may be debited again.
    pub round: u32,
}

impl MoneyFact {
    /// The first movement of a kind under a reference.
    pub fn first(account: AccountName, kind: MoneyKind, reference: ProviderReference) -> Self {
        Self { account, kind, reference, round: 1 }
    }

    /// The unique key as text.
    pub fn key(&self) -> String {
        format!("{}/{}/{}/{}", self.account, self.kind.as_str(), self.round, self.reference)
    }
}

/// Collects the legs of one entry; empty legs are left out and the balance is checked at the end.
#[derive(Debug, Default)]
pub struct Draft {
    legs: Vec<Leg>,
}

/// Why legs make no entry; it would be a mistake in a posting rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EntryError {
    /// Debits and credits differ.
    #[error("the entry does not balance")]
    Unbalanced,
    /// The amounts overflow or mix currencies.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Draft {
    /// Adds a debit; a negative amount is a credit.
    pub fn debit(&mut self, account: Account, amount: Money) {
        if !amount.is_zero() {
            self.legs.push(Leg { account, amount });
        }
    }

    /// Adds a credit; a negative amount is a debit.
    pub fn credit(&mut self, account: Account, amount: Money) -> Result<(), EntryError> {
        self.debit(account, amount.checked_neg()?);
        Ok(())
    }

    /// The entry, unless its legs do not balance.
    pub fn finish(self, money_fact: Option<MoneyFact>) -> Result<Entry, EntryError> {
        if let Some(first) = self.legs.first() {
            let sum = Money::total(self.legs.iter().map(|leg| leg.amount), first.amount.currency())?;
            if !sum.is_zero() {
                return Err(EntryError::Unbalanced);
            }
        }
        Ok(Entry { legs: self.legs, money_fact })
    }
}

/// An entry of one debit and one credit.
pub fn simple(debit: Account, credit: Account, amount: Money, fact: Option<MoneyFact>) -> Result<Entry, EntryError> {
    let mut draft = Draft::default();
    draft.debit(debit, amount);
    draft.credit(credit, amount)?;
    draft.finish(fact)
}

impl Entry {
    /// The same entry with the sides exchanged, which takes it back.
    pub fn reversed(&self) -> Result<Self, EntryError> {
        let legs = self
            .legs
            .iter()
            .map(|leg| Ok(Leg { account: leg.account.clone(), amount: leg.amount.checked_neg()? }))
            .collect::<Result<_, MoneyError>>()?;
        Ok(Self { legs, money_fact: None })
    }
}
