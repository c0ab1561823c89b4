//! Lists of payments, newest first.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Desk, DeskError, view::PaymentView};
use crate::{domain::ids::PaymentId, store::read::ListFilter};

/// Which payments are wanted.
#[derive(Clone, Debug, Default)]
pub struct PaymentQuery {
    /// The portal's reference.
    pub reference: Option<String>,
    /// The Kassenzeichen, without blanks.
    pub kassenzeichen: Option<String>,
    /// The name of the state.
    pub state: Option<String>,
    /// Created at or after.
    pub created_after: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
    /// Only payments before this one.
    pub before: Option<Uuid>,
    /// How many at most.
    pub limit: u32,
}

/// A page of payments.
#[derive(Clone, Debug)]
pub struct PaymentPage {
    /// The payments.
    pub payments: Vec<PaymentView>,
    /// The last payment of the page, when more follow.
    pub last: Option<Uuid>,
}

impl Desk {
    /// A page of payments.
    pub async fn list(&self, tenant: &str, query: PaymentQuery) -> Result<PaymentPage, DeskError> {
        let desk = self.tenant(tenant)?;
        let filter = ListFilter {
            reference: query.reference,
            kassenzeichen: query.kassenzeichen,
            state: query.state,
            created_after: query.created_after,
            created_before: query.created_before,
            before: query.before,
            // One more than asked for tells whether another page follows.
            limit: query.limit.saturating_add(1),
        };
        let listed = self.store.payments(tenant, &filter).await?;
        let wanted = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let more = listed.len() > wanted;
        let mut payments = Vec::with_capacity(listed.len().min(wanted));
        let mut last = None;
        for row in listed.iter().take(wanted) {
            let payment = self.payment(tenant, PaymentId(row.id)).await?;
            payments.push(self.view(desk, &payment).await?);
            last = Some(row.id);
        }
        Ok(PaymentPage { payments, last: last.filter(|_| more) })
    }
}
