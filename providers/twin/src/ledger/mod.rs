//! The provider's own books: pages, the payments made on them, and what is to be settled.

pub(crate) mod booking;
pub(crate) mod page;
pub(crate) mod payment;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::{booking::Booking, page::Page, payment::Payment};

/// How many requests of each operation there were for one page and its payments.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Calls {
    pub(crate) create: u64,
    pub(crate) close: u64,
    pub(crate) query: u64,
    pub(crate) capture: u64,
    pub(crate) refund: u64,
    pub(crate) cancel: u64,
}

/// Everything the provider knows of money.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Ledger {
    pages: BTreeMap<String, Page>,
    payments: BTreeMap<String, Payment>,
    /// Page ids in the order in which they were made.
    order: Vec<String>,
    pub(crate) bookings: Vec<Booking>,
}

impl Ledger {
    pub(crate) fn pages(&self) -> impl DoubleEndedIterator<Item = &Page> {
        self.order.iter().filter_map(|id| self.pages.get(id))
    }

    pub(crate) fn page_count(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn page(&self, id: &str) -> Option<&Page> {
        self.pages.get(id)
    }

    pub(crate) fn page_mut(&mut self, id: &str) -> Option<&mut Page> {
        self.pages.get_mut(id)
    }

    pub(crate) fn add_page(&mut self, page: Page) {
        self.order.push(page.id.clone());
        self.pages.insert(page.id.clone(), page);
    }

    pub(crate) fn payment(&self, psp: &str) -> Option<&Payment> {
        self.payments.get(psp)
    }

    pub(crate) fn payment_mut(&mut self, psp: &str) -> Option<&mut Payment> {
        self.payments.get_mut(psp)
    }

    pub(crate) fn payments_of<'a>(&'a self, page: &'a Page) -> impl DoubleEndedIterator<Item = &'a Payment> {
        page.payments.iter().filter_map(|psp| self.payments.get(psp))
    }

    pub(crate) fn add_payment(&mut self, payment: Payment) {
        if let Some(page) = self.pages.get_mut(&payment.page) {
            page.payments.push(payment.psp.clone());
        }
        self.payments.insert(payment.psp.clone(), payment);
    }

    /// The page on which the payment was made.
    pub(crate) fn page_of_payment(&mut self, psp: &str) -> Option<&mut Page> {
        let id = &self.payments.get(psp)?.page;
        self.pages.get_mut(id)
    }
}
