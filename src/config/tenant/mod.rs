//! A tenant file: one Mandant with its authority, Kassenzeichen, fees, services and provider accounts.

pub(super) mod account;
mod authority;
mod booking;
mod fee;
mod range;
mod service;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use toml::{Spanned, de::DeTable};
use zahlstelle_contract::{provider::Environment, reference::AccountName};

use self::{account::ProviderAccount, service::ServicePlaces};
use super::{
    document::{Document, Place},
    error::Problem,
    nearest::nearest,
    reader::{Keys, Section},
    secret::{SecretSource, Secrets},
};
use crate::domain::{
    fee_schedule::FeeSchedule,
    names::{FeeKey, RangeName, ServiceId},
    tenant::{Tenant, TenantId, TenantParts, TenantProblem, problems},
};

const ROOT: Keys = Keys {
    schema: "tenant_file",
    names: &["tenant", "authority", "kassenzeichen", "fee", "service", "provider_account"],
};
const TENANT: Keys = Keys { schema: "tenant", names: &["id", "environment"] };

const ENVIRONMENTS: [(&str, Environment); 2] = [("test", Environment::Test), ("live", Environment::Live)];

/// A Mandant with the provider accounts that its services name.
#[derive(Debug)]
pub struct TenantConfig {
    /// The Mandant.
    pub tenant: Tenant,
    /// Its provider accounts by their names.
    pub accounts: BTreeMap<AccountName, ProviderAccount>,
}

/// A tenant file while it is read.
pub(super) struct TenantDocument<'d> {
    pub(super) document: &'d Document<'d>,
    /// Paths of secrets are relative to it.
    pub(super) folder: &'d Path,
    pub(super) source: SecretSource<'d>,
}

impl<'d> TenantDocument<'d> {
    /// Reads everything; `None` where the file does not make a Mandant, which then is reported.
    ///
    /// `ids` and `taken_accounts` are the names that earlier files have taken.
    pub(super) fn read(
        &self,
        table: &'d Spanned<DeTable<'d>>,
        ids: &mut BTreeSet<TenantId>,
        taken_accounts: &mut BTreeSet<AccountName>,
    ) -> Option<TenantConfig> {
        let root = Section::root(self.document, table, &ROOT);
        let head = root.section("tenant", &TENANT);
        let id = head.require("id").and_then(|value| {
            let id = value.parsed(TenantId::parse)?;
            let is_new = ids.insert(id.clone());
            value.checked(if is_new { Ok(id) } else { Err(Problem::Duplicate { of: "an earlier Mandant" }) })
        });
        let environment = head.require("environment").and_then(|value| value.word(&ENVIRONMENTS));
        // Without a known environment the strict rules would tell of mistakes that may be none.
        let assumed = environment.unwrap_or(Environment::Test);
        let secrets = Secrets { folder: self.folder, source: self.source, environment: assumed };

        let authority = authority::read(&root.section("authority", &authority::KEYS));
        let ranges = range::read_all(&root.sections("kassenzeichen", &range::KEYS));
        let fees = fee::read_all(&root.sections("fee", &fee::KEYS), assumed);
        let account_sections = root.sections("provider_account", &account::KEYS);
        let accounts = account::read_all(&account_sections, &secrets, environment, taken_accounts);
        let services = service::read_all(&root.sections("service", &service::KEYS), assumed, &accounts.declared);
        if root.get("service").is_none() {
            root.report("service", Problem::Missing);
        }

        let schedule = FeeSchedule::new(fees.by_key.into_values()).unwrap_or_default();
        let places = Places {
            ranges: &ranges.declared,
            numbers: &ranges.places,
            fees: &fees.declared,
            services: &services.places,
        };
        for problem in problems(assumed, &schedule, &ranges.by_name, &services.by_id) {
            places.report(self.document, problem);
        }
        let parts = TenantParts {
            id: id?,
            environment: environment?,
            authority: authority?,
            fees: schedule,
            ranges: ranges.by_name,
            services: services.by_id,
        };
        Some(TenantConfig { tenant: Tenant::new(parts).ok()?, accounts: accounts.by_name })
    }
}

/// What is needed to tell of parts that do not go together: the names that are there, even those of parts that could
/// not be read and are told of already, and where the services name them.
struct Places<'p> {
    ranges: &'p BTreeSet<RangeName>,
    /// Where the numbers of each range begin.
    numbers: &'p BTreeMap<RangeName, Place>,
    fees: &'p BTreeSet<FeeKey>,
    services: &'p BTreeMap<ServiceId, ServicePlaces>,
}

impl Places<'_> {
    fn report(&self, document: &Document<'_>, problem: TenantProblem) {
        if let Some(place) = self.find(&problem) {
            let problem = match problem {
                TenantProblem::UnknownRange { range, .. } => {
                    dangling("a range of Kassenzeichen", range.as_str(), self.ranges.iter().map(RangeName::as_str))
                }
                TenantProblem::UnknownFee { fee, .. } => {
                    dangling("a fee", fee.as_str(), self.fees.iter().map(FeeKey::as_str))
                }
                TenantProblem::ExampleFee { .. }
                | TenantProblem::RangesMeet { .. }
                | TenantProblem::NoApproval { .. }
                | TenantProblem::FeeLacksBookingKey { .. } => problem.into(),
            };
            document.report(place, problem);
        }
    }

    /// Where a problem stands; `None` where another mistake that is told already is the cause.
    fn find(&self, problem: &TenantProblem) -> Option<&Place> {
        let of = |service: &ServiceId| self.services.get(service);
        match problem {
            // Told where the later of the two stands, which is what was added to a file that was right.
            TenantProblem::RangesMeet { range, other } => {
                let places = [range, other].into_iter().filter_map(|name| self.numbers.get(name));
                places.max_by_key(|place| place.offset)
            }
            TenantProblem::NoApproval { service } => Some(&of(service)?.approval_chain),
            TenantProblem::FeeLacksBookingKey { service, .. } => Some(&of(service)?.booking_keys),
            TenantProblem::UnknownRange { service, range } if !self.ranges.contains(range) => Some(&of(service)?.range),
            TenantProblem::UnknownFee { service, fee } if !self.fees.contains(fee) => of(service)?.fees.get(fee),
            // The fee section tells of every example itself, whether or not the rest of the fee can be read.
            TenantProblem::ExampleFee { .. }
            | TenantProblem::UnknownRange { .. }
            | TenantProblem::UnknownFee { .. } => None,
        }
    }
}

/// A name that leads nowhere, with the name that was probably meant.
fn dangling<'n>(of: &'static str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Problem {
    let nearest = nearest(name, known.clone()).map(str::to_owned);
    Problem::Dangling { of, nearest, known: known.map(str::to_owned).collect() }
}

/// Every table of a tenant file.
#[cfg(test)]
pub(super) fn known_tables() -> Vec<Keys> {
    let own = [ROOT, TENANT, authority::KEYS, range::KEYS, account::KEYS, super::secret::KEYS];
    own.into_iter().chain(fee::TABLES).chain(service::TABLES).collect()
}
