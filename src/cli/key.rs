//! `zahlstelle key`: keys of API clients. A key is shown once and kept as a hash.

use clap::Subcommand;
use uuid::Uuid;

use super::{ConfigArgument, Ended, Failure, failed, load, runtime, say, say_error, service};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    desk::clients::{self, SCOPES},
    ids::SystemIds,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a client and show its key, once.
    Create {
        #[command(flatten)]
        config: ConfigArgument,
        /// The Mandant it acts for.
        #[arg(long)]
        tenant: String,
        /// Its name among people.
        #[arg(long)]
        client: String,
        /// What it may do; may be given several times.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
    },
    /// List the clients of a Mandant.
    List {
        #[command(flatten)]
        config: ConfigArgument,
        /// The Mandant.
        #[arg(long)]
        tenant: String,
    },
    /// Make the key of a client cease to work, within two seconds.
    Revoke {
        #[command(flatten)]
        config: ConfigArgument,
        /// The Mandant.
        #[arg(long)]
        tenant: String,
        /// The id of the client, as `key list` shows it.
        #[arg(long)]
        client: Uuid,
    },
}

pub(super) fn run(command: &Command) -> Ended {
    match command {
        Command::Create { config, tenant, client, scopes } => create(&load(config)?, tenant, client, scopes),
        Command::List { config, tenant } => list(&load(config)?, tenant),
        Command::Revoke { config, tenant, client } => revoke(&load(config)?, tenant, *client),
    }
}

fn create(config: &Config, tenant: &str, client: &str, scopes: &[String]) -> Ended {
    if let Some(unknown) = scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        say_error(&format!("--scope {unknown}: is none of {}", SCOPES.join(", ")));
        return Err(Failure::Usage);
    }
    let known = known_tenant(config, tenant)?;
    let store = service::open_store(config).map_err(|error| failed("the database", &error))?;
    let created = clients::create(
        store.as_ref(),
        &SystemIds,
        SystemClock.now(),
        tenant,
        known.tenant.environment,
        client,
        scopes,
    );
    let (client, key) = runtime()?.block_on(created).map_err(|error| failed("the key", &error))?;
    say(&serde_json::json!({ "client": client.id, "name": client.name, "key": key }).to_string());
    Ok(())
}

fn list(config: &Config, tenant: &str) -> Ended {
    known_tenant(config, tenant)?;
    let store = service::open_store(config).map_err(|error| failed("the database", &error))?;
    let clients = runtime()?.block_on(store.clients(tenant)).map_err(|error| failed("the clients", &error))?;
    for client in clients {
        let revoked = client.revoked_at.map(|at| at.to_string());
        let line = serde_json::json!({
            "client": client.id,
            "name": client.name,
            "scopes": client.scopes,
            "created_at": client.created_at,
            "revoked_at": revoked,
        });
        say(&line.to_string());
    }
    Ok(())
}

fn revoke(config: &Config, tenant: &str, client: Uuid) -> Ended {
    known_tenant(config, tenant)?;
    let store = service::open_store(config).map_err(|error| failed("the database", &error))?;
    let revoked = clients::revoke(store.as_ref(), &SystemIds, SystemClock.now(), tenant, client);
    runtime()?.block_on(revoked).map_err(|error| failed("the key", &error))?;
    say(&format!("the key of {client} is revoked"));
    Ok(())
}

fn known_tenant<'a>(config: &'a Config, tenant: &str) -> Result<&'a crate::config::TenantConfig, Failure> {
    config.tenants.get(tenant).ok_or_else(|| {
        let known: Vec<&str> = config.tenants.keys().map(crate::domain::tenant::TenantId::as_str).collect();
        say_error(&format!("--tenant {tenant}: the settings know {}", known.join(", ")));
        Failure::Usage
    })
}
