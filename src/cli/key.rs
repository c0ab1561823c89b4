//! `zahlstelle key`: keys of API clients. A key is shown once and kept as a hash.

use clap::{
    Subcommand,
    builder::{PossibleValue, PossibleValuesParser},
};
use uuid::Uuid;

use super::{
    ConfigArgument, Ended, Failure, failed, known_tenant, load_without_secrets, open_store, runtime, say, say_error,
};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    desk::clients::{self, SCOPES},
    ids::SystemIds,
    store::read::Client,
};

/// The most characters of a client's name.
const NAME_LENGTH_MAX: usize = 80;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a client and show its key, once.
    Create {
        #[command(flatten)]
        config: ConfigArgument,
        /// The Mandant it acts for.
        #[arg(long)]
        tenant: String,
        /// Its name among people, 1 to 80 printable characters.
        #[arg(long, value_parser = parse_name)]
        client: String,
        /// What it may do; may be given several times.
        #[arg(long = "scope", required = true, value_name = "SCOPE", value_parser = scopes())]
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
        /// The id of the client, as `key list` shows it, or its name where no other client has the same.
        #[arg(long)]
        client: String,
    },
}

pub(super) fn run(command: &Command) -> Ended {
    match command {
        Command::Create { config, tenant, client, scopes } => {
            create(&load_without_secrets(config)?, tenant, client, scopes)
        }
        Command::List { config, tenant } => list(&load_without_secrets(config)?, tenant),
        Command::Revoke { config, tenant, client } => revoke(&load_without_secrets(config)?, tenant, client),
    }
}

fn create(config: &Config, tenant: &str, client: &str, scopes: &[String]) -> Ended {
    let known = known_tenant(config, tenant)?;
    let store = open_store(config)?;
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
    let store = open_store(config)?;
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

fn revoke(config: &Config, tenant: &str, named: &str) -> Ended {
    known_tenant(config, tenant)?;
    let store = open_store(config)?;
    let runtime = runtime()?;
    let clients = runtime.block_on(store.clients(tenant)).map_err(|error| failed("the clients", &error))?;
    let client = find(&clients, named).map_err(|problem| {
        say_error(&format!("--client {named}: {}", problem.in_words(tenant)));
        Failure::Usage
    })?;
    let (id, name) = (client.id, &client.name);
    if let Some(at) = client.revoked_at {
        say(&format!("the key of {name} ({id}) was revoked already, at {at}"));
        return Ok(());
    }
    let revoked = clients::revoke(store.as_ref(), &SystemIds, SystemClock.now(), tenant, id);
    runtime.block_on(revoked).map_err(|error| failed("the key", &error))?;
    say(&format!("the key of {name} ({id}) is revoked"));
    Ok(())
}

/// Why a text names no client.
#[derive(Debug, Eq, PartialEq)]
enum NotFound {
    Unknown,
    Several(Vec<Uuid>),
}

impl NotFound {
    fn in_words(&self, tenant: &str) -> String {
        match self {
            Self::Unknown => format!("there is no client of this id or name of Mandant {tenant}"),
            Self::Several(ids) => {
                let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
                format!("several clients have this name, say which id: {}", ids.join(", "))
            }
        }
    }
}

/// The client of an id, or of a name that only one of those has whose key still works. A name that is left to revoked
/// clients means the newest of them.
fn find<'a>(clients: &'a [Client], named: &str) -> Result<&'a Client, NotFound> {
    if let Some(client) = clients.iter().find(|client| client.id.to_string() == named) {
        return Ok(client);
    }
    let of_name: Vec<&Client> = clients.iter().filter(|client| client.name == named).collect();
    let working: Vec<&Client> = of_name.iter().copied().filter(|client| client.revoked_at.is_none()).collect();
    match working.as_slice() {
        [client] => Ok(client),
        [] => of_name.into_iter().max_by_key(|client| client.created_at).ok_or(NotFound::Unknown),
        several => Err(NotFound::Several(several.iter().map(|client| client.id).collect())),
    }
}

/// The name of a client cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("must be 1 to {NAME_LENGTH_MAX} printable characters")]
struct NameError;

fn parse_name(text: &str) -> Result<String, NameError> {
    let fits =
        !text.trim().is_empty() && text.chars().count() <= NAME_LENGTH_MAX && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(NameError) }
}

/// The scopes with what each allows, for the help.
fn scopes() -> PossibleValuesParser {
    PossibleValuesParser::new(SCOPES.map(|scope| PossibleValue::new(scope).help(allows(scope))))
}

fn allows(scope: &str) -> &'static str {
    match scope {
        "payments:write" => "create, change, capture and cancel payments",
        "payments:read" => "read payments, refunds and events",
        "refunds:request" => "request refunds; to agree to them is for persons",
        "webhooks:manage" => "say where events are sent, and make the secrets that sign them",
        "terminals:use" => "take payments at card terminals; this release has none",
        "books:read" => "read the books; nothing in this release asks for it",
        "books:write" => "settle what the books leave open; nothing in this release asks for it",
        "operate" => "look after the service; nothing in this release asks for it",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: u128, name: &str, revoked: bool) -> Client {
        let now = jiff::Timestamp::UNIX_EPOCH;
        Client {
            tenant: "stadt".to_owned(),
            id: Uuid::from_u128(id),
            name: name.to_owned(),
            key_hash: [0; 32],
            scopes: Vec::new(),
            created_at: now,
            revoked_at: revoked.then_some(now),
        }
    }

    #[test]
    fn a_client_is_found_by_id_or_by_a_name_of_its_own() {
        let clients = [client(1, "a", true), client(2, "a", false), client(3, "b", false), client(4, "b", false)];
        let found = |named: &str| find(&clients, named).map(|client| client.id.as_u128());
        assert_eq!(found(&Uuid::from_u128(1).to_string()), Ok(1));
        assert_eq!(found("a"), Ok(2));
        assert_eq!(found("b"), Err(NotFound::Several(vec![Uuid::from_u128(3), Uuid::from_u128(4)])));
        assert_eq!(found("c"), Err(NotFound::Unknown));
        assert_eq!(NotFound::Unknown.in_words("stadt"), "there is no client of this id or name of Mandant stadt");
    }

    #[test]
    fn names_are_printable_and_every_scope_is_explained() {
        for wrong in ["", "  ", "a\nb", &"x".repeat(NAME_LENGTH_MAX + 1)] {
            assert!(parse_name(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(parse_name("Bürgerportal 2").unwrap(), "Bürgerportal 2");
        assert!(SCOPES.iter().all(|scope| !allows(scope).is_empty()));
    }
}
