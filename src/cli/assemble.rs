//! From settings to a desk: the one place where providers are made.

use std::{collections::BTreeMap, sync::Arc};

use zahlstelle_adyen::{Adyen, AdyenSettings};
use zahlstelle_contract::{provider::Provider, reference::AccountName, transport::Transport};

use crate::{
    config::{Config, ProviderAccount, ProviderSettings, TenantConfig},
    desk::{Settings, TenantDesk},
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

/// The Mandanten with their providers. `transport` makes the line to one account, with its limit of parallel calls.
pub fn tenant_desks(
    tenants: impl IntoIterator<Item = TenantConfig>,
    transport: impl Fn(&AccountName, u16) -> Arc<dyn Transport>,
) -> Result<Vec<TenantDesk>, AssembleError> {
    tenants.into_iter().map(|tenant| tenant_desk(tenant, &transport)).collect()
}

fn tenant_desk(
    config: TenantConfig,
    transport: &impl Fn(&AccountName, u16) -> Arc<dyn Transport>,
) -> Result<TenantDesk, AssembleError> {
    let mut providers: BTreeMap<AccountName, Arc<dyn Provider>> = BTreeMap::new();
    for (name, account) in config.accounts {
        let line = transport(&name, account.concurrency_max);
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
