//! What can be charged, and how it can be paid.

use jiff::civil::Date;
use serde::Serialize;
use zahlstelle_contract::method::Method;

use super::{Desk, DeskError, Problem};
use crate::{domain::language::Language, ledger::chain};

/// A fee with its price on a day.
#[derive(Clone, Debug, Serialize)]
pub struct FeeView {
    fee: String,
    name: String,
    legal_basis: Option<String>,
    amount: String,
    currency: &'static str,
    tax_rate: String,
    valid_from: Option<Date>,
    valid_to: Option<Date>,
    example: bool,
}

/// A way to pay for a service.
#[derive(Clone, Debug, Serialize)]
pub struct MethodView {
    method: Method,
    provider: &'static str,
}

impl Desk {
    /// The fees that have a price on a day, today by default; of one service or of the whole Mandant.
    pub fn fees(
        &self,
        tenant: &str,
        service: Option<&str>,
        on: Option<Date>,
        language: &Language,
    ) -> Result<Vec<FeeView>, DeskError> {
        let desk = self.tenant(tenant)?;
        let service = match service {
            Some(name) => Some(desk.tenant.services.get(name).ok_or_else(unknown_service)?),
            None => None,
        };
        let day = on.unwrap_or_else(|| chain::berlin_day(self.now()));
        let charged = |key: &str| service.is_none_or(|service| service.lines.fees.contain(key));
        let valid = desk.tenant.fees.valid_on(day).filter(|(fee, _)| charged(fee.key.as_str()));
        Ok(valid
            .map(|(fee, version)| FeeView {
                fee: fee.key.as_str().to_owned(),
                name: fee.names.text(language).to_owned(),
                legal_basis: fee.legal_basis.clone(),
                amount: version.amount().decimal(),
                currency: version.amount().currency().code(),
                tax_rate: version.tax_rate().to_string(),
                valid_from: version.valid_from(),
                valid_to: version.valid_to(),
                example: fee.example,
            })
            .collect())
    }

    /// How a service can be paid, in the order in which a checkout offers it.
    pub fn payment_methods(&self, tenant: &str, service: &str) -> Result<Vec<MethodView>, DeskError> {
        let desk = self.tenant(tenant)?;
        let service = desk.tenant.services.get(service).ok_or_else(unknown_service)?;
        service
            .methods
            .iter()
            .map(|route| Ok(MethodView { method: route.method, provider: desk.provider(&route.account)?.provider() }))
            .collect()
    }
}

fn unknown_service() -> DeskError {
    DeskError::Invalid(vec![Problem::at("service", "is no service of this Mandant")])
}
