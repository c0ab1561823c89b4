//! From settings to a desk: the one place where providers are made.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use zahlstelle_adyen::{Adyen, AdyenSettings};
use zahlstelle_contract::{
    method::Method,
    outcome::NotSentCause,
    provider::{Environment, Provider},
    reference::AccountName,
    transport::{HttpRequest, HttpResponse, Transport, TransportError},
};

use crate::{
    config::{Config, ProviderAccount, ProviderSettings, TenantConfig},
    desk::{
        Settings, TenantDesk,
        webhooks::{self, MasterKeys},
    },
    http::checkout::PageOrigin,
};

/// Why the settings do not make a desk.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// The provider refuses the settings of an account.
    #[error("provider account {account}: {source}")]
    Account {
        /// The account.
        account: AccountName,
        /// What is wrong.
        source: zahlstelle_adyen::SettingsError,
    },
    /// Nothing leads to the provider of an account.
    #[error("provider account {account}: there is no client for it")]
    NoLine {
        /// The account.
        account: AccountName,
    },
    /// A service offers a method that its account cannot start.
    #[error("{tenant}: service {service}: account {account} cannot take {method}, it takes {}", list(takes))]
    Method {
        /// The Mandant.
        tenant: String,
        /// The service.
        service: String,
        /// The account.
        account: AccountName,
        /// The method.
        method: Method,
        /// What the account can take.
        takes: Vec<Method>,
    },
}

/// Everything for which settings do not make a desk; never empty.
#[derive(Debug)]
pub struct AssembleErrors(Vec<AssembleError>);

impl AssembleErrors {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// One line for each.
impl fmt::Display for AssembleErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            error.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for AssembleErrors {}

fn list(methods: &[Method]) -> String {
    let names: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    names.join(", ")
}

/// The settings of the desk that follow from the settings of the service.
pub fn desk_settings(config: &Config) -> Settings {
    let mut settings = Settings::new(config.server.public_url.clone());
    settings.resolver_schedule.clone_from(&config.jobs.resolver_delays);
    settings.webhooks = webhooks::Settings {
        master_keys: MasterKeys::new(config.webhooks.master_keys.iter().cloned()),
        retry_schedule: config.webhooks.retry_schedule.clone(),
        endpoints_max: config.webhooks.endpoints_per_tenant_max,
    };
    settings
}

/// Where the hosted pages of a Mandant's providers are; browsers follow a form's redirect only to places that are named.
pub fn page_origins(tenant: &TenantConfig) -> Vec<PageOrigin> {
    let origins = tenant.accounts.values().flat_map(|account| match &account.settings {
        // The twin serves its pages where it serves its API; Adyen has hosts of their own for them.
        ProviderSettings::Adyen(own) if own.base_url.scheme() == "http" => {
            vec![own.base_url.origin().ascii_serialization()]
        }
        ProviderSettings::Adyen(_) => match account.environment {
            Environment::Test => vec!["https://test.adyen.link".to_owned()],
            Environment::Live => vec!["https://eu.adyen.link".to_owned()],
        },
    });
    origins.filter_map(|origin| PageOrigin::new(&url::Url::parse(&origin).ok()?).ok()).collect()
}

/// The Mandanten with their providers. `transport` gives the line of an account.
///
/// The error holds everything that stands in the way, not the first of it.
pub fn tenant_desks(
    tenants: impl IntoIterator<Item = TenantConfig>,
    transport: impl Fn(&AccountName) -> Option<Arc<dyn Transport>>,
) -> Result<Vec<TenantDesk>, AssembleErrors> {
    let mut errors = Vec::new();
    let desks = tenants.into_iter().map(|tenant| tenant_desk(tenant, &transport, &mut errors)).collect();
    if errors.is_empty() { Ok(desks) } else { Err(AssembleErrors(errors)) }
}

/// Says what would keep the service from starting, without any way to a provider.
pub fn check(tenants: impl IntoIterator<Item = TenantConfig>) -> Result<(), AssembleErrors> {
    tenant_desks(tenants, |_| Some(Arc::new(NoWayOut))).map(drop)
}

/// Leads nowhere: what only has to be made, and never called, needs no more.
struct NoWayOut;

#[async_trait]
impl Transport for NoWayOut {
    async fn send(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
        Err(TransportError::NotSent(NotSentCause::NoConnection))
    }
}

fn tenant_desk(
    config: TenantConfig,
    transport: &impl Fn(&AccountName) -> Option<Arc<dyn Transport>>,
    errors: &mut Vec<AssembleError>,
) -> TenantDesk {
    let mut providers: BTreeMap<AccountName, Arc<dyn Provider>> = BTreeMap::new();
    for (name, account) in config.accounts {
        let line = transport(&name).ok_or_else(|| AssembleError::NoLine { account: name.clone() });
        match line.and_then(|line| provider(name.clone(), account, line)) {
            Ok(made) => drop(providers.insert(name, made)),
            Err(error) => errors.push(error),
        }
    }
    for service in config.tenant.services.values() {
        for route in &service.methods {
            // An account that could not be made has been told of.
            let Some(provider) = providers.get(&route.account) else { continue };
            if !provider.methods().contains(&route.method) {
                errors.push(AssembleError::Method {
                    tenant: config.tenant.id.as_str().to_owned(),
                    service: service.id.as_str().to_owned(),
                    account: route.account.clone(),
                    method: route.method,
                    takes: provider.methods().to_vec(),
                });
            }
        }
    }
    TenantDesk { tenant: config.tenant, providers }
}

fn provider(
    name: AccountName,
    account: ProviderAccount,
    line: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, AssembleError> {
    match account.settings {
        ProviderSettings::Adyen(own) => {
            let settings = AdyenSettings {
                account: account.name,
                environment: account.environment,
                merchant_account: own.merchant_account,
                base_url: own.base_url,
                api_key: own.api_key,
                hmac_keys: own.hmac_keys,
            };
            let adyen =
                Adyen::new(settings, line).map_err(|source| AssembleError::Account { account: name, source })?;
            Ok(Arc::new(adyen))
        }
    }
}
