//! From settings to a desk: the one place where providers are made.

use std::{collections::BTreeMap, sync::Arc};

use zahlstelle_adyen::{Adyen, AdyenSettings};
use zahlstelle_contract::{
    provider::{Environment, Provider},
    reference::AccountName,
    transport::Transport,
};

use crate::{
    config::{Config, ProviderAccount, ProviderSettings, TenantConfig},
    desk::{Settings, TenantDesk},
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
    #[error("service {service:?}: account {account} cannot take {method}")]
    Method {
        /// The service.
        service: String,
        /// The account.
        account: AccountName,
        /// The method.
        method: zahlstelle_contract::method::Method,
    },
}

/// The settings of the desk that follow from the settings of the service.
pub fn desk_settings(config: &Config) -> Settings {
    let mut settings = Settings::new(config.server.public_url.clone());
    settings.resolver_schedule.clone_from(&config.jobs.resolver_delays);
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
pub fn tenant_desks(
    tenants: impl IntoIterator<Item = TenantConfig>,
    transport: impl Fn(&AccountName) -> Option<Arc<dyn Transport>>,
) -> Result<Vec<TenantDesk>, AssembleError> {
    tenants.into_iter().map(|tenant| tenant_desk(tenant, &transport)).collect()
}

fn tenant_desk(
    config: TenantConfig,
    transport: &impl Fn(&AccountName) -> Option<Arc<dyn Transport>>,
) -> Result<TenantDesk, AssembleError> {
    let mut providers: BTreeMap<AccountName, Arc<dyn Provider>> = BTreeMap::new();
    for (name, account) in config.accounts {
        let line = transport(&name).ok_or_else(|| AssembleError::NoLine { account: name.clone() })?;
        providers.insert(name.clone(), provider(name, account, line)?);
    }
    for service in config.tenant.services.values() {
        for route in &service.methods {
            let takes =
                providers.get(&route.account).is_some_and(|provider| provider.methods().contains(&route.method));
            if !takes {
                let (service, account) = (service.id.as_str().to_owned(), route.account.clone());
                return Err(AssembleError::Method { service, account, method: route.method });
            }
        }
    }
    Ok(TenantDesk { tenant: config.tenant, providers })
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
