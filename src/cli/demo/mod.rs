//! `zahlstelle demo`: the service on embedded SQLite with the twin beside it, a city and a small portal.

mod arrivals;
mod clock;
mod once;
mod portal;
mod state;
mod walker;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::Args;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use zahlstelle_contract::provider::Environment;
use zahlstelle_twin::server::{Listener, Server as TwinServer};

use self::{
    arrivals::Arrivals,
    clock::DemoClock,
    state::{Addresses, State},
    walker::Walker,
};
use super::{Ended, Failure, failed, logging, runtime, say, service, twin};
use crate::{
    clock::{Clock, OffsetClock},
    config::{Config, Log, LogLevel},
    desk::clients,
    http,
    ids::SystemIds,
    store::{Store, sqlite::engine::SqliteStore},
    traces::Traces,
};

/// Where the API listens if nothing speaks against it.
const API_PORT: u16 = 8080;
/// Where the portal does.
const PORTAL_PORT: u16 = 8090;
/// Where the twin does.
const TWIN_PORT: u16 = 8181;
/// The Mandant of the demonstration.
const TENANT: &str = "dortmund-demo";
/// Its service that takes explicit lines and needs no approval.
const SERVICE: &str = "buergerportal";
/// What the client of the demonstration may do.
const SCOPES: [&str; 4] = ["payments:write", "payments:read", "refunds:request", "webhooks:manage"];
/// The key under which the portal makes its endpoint. Asked for again under it, the same endpoint and secret are shown.
const ENDPOINT_KEY: &str = "demo-portal-webhook";

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Drive one payment through everything, print a summary, and end.
    #[arg(long)]
    once: bool,
    /// The address of the API, loopback only; by default one that is free, and the same again for the same data.
    #[arg(long, value_parser = parse_loopback)]
    listen: Option<SocketAddr>,
    /// Where everything is kept; started again with it, the demonstration goes on where it was.
    #[arg(long, default_value = "demo-data")]
    data: PathBuf,
    /// Use the twin that runs at this address, started with its default seed, instead of an own one.
    #[arg(long, value_parser = parse_twin)]
    twin: Option<SocketAddr>,
}

/// Why an address cannot be one of the demonstration.
#[derive(Debug, thiserror::Error)]
enum AddressError {
    /// It is none at all.
    #[error("must be an IP address with a port, such as 127.0.0.1:{example}")]
    None {
        /// A port that would do.
        example: u16,
    },
    /// Others could reach it, and the demonstration gives its key to whoever asks the portal.
    #[error("must be an address of this machine only, such as 127.0.0.1:{}", .0.port())]
    NotLoopback(SocketAddr),
}

fn parse_loopback(text: &str) -> Result<SocketAddr, AddressError> {
    let address: SocketAddr = text.parse().map_err(|_| AddressError::None { example: API_PORT })?;
    if address.ip().is_loopback() { Ok(address) } else { Err(AddressError::NotLoopback(address)) }
}

/// The address of a twin, as `zahlstelle twin` prints it or without its scheme.
fn parse_twin(text: &str) -> Result<SocketAddr, AddressError> {
    let address = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    address.parse().map_err(|_| AddressError::None { example: TWIN_PORT })
}

/// Refuses a place where no twin answers, before anything is written that relies on it.
async fn expect_twin(twin: SocketAddr) -> Ended {
    let answer = Walker::new().get(&format!("http://{twin}/control/transactions")).await;
    match answer.and_then(|answer| answer.json()) {
        Ok(books) if books.is_array() => Ok(()),
        Ok(_) | Err(_) => {
            super::say_error(&format!("--twin {twin}: no twin answers there; `zahlstelle twin` starts one"));
            Err(Failure::Found)
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the command owns its arguments")]
pub(super) fn run(arguments: Arguments) -> Ended {
    let fresh = arguments.once.then(tempfile_folder).transpose()?;
    let data = match (&fresh, arguments.data.as_os_str() == "demo-data") {
        // A single run must not be disturbed by, or disturb, what an earlier demonstration has left.
        (Some(folder), true) => folder.clone(),
        _ => arguments.data.clone(),
    };
    let ended = runtime()?.block_on(demonstrate(&arguments, data));
    if let Some(folder) = fresh {
        drop(std::fs::remove_dir_all(folder));
    }
    ended
}

/// A folder of its own for a single run.
fn tempfile_folder() -> Result<PathBuf, Failure> {
    let folder = std::env::temp_dir().join(format!("zahlstelle-demo-{}", std::process::id()));
    state::create_folder(&folder).map_err(|error| failed("a folder for the demonstration", &error))?;
    Ok(folder)
}

async fn demonstrate(arguments: &Arguments, data: PathBuf) -> Ended {
    let mut state = State::open(&data).map_err(|error| failed(&format!("--data {}", data.display()), &error))?;
    if let Some(twin) = arguments.twin {
        expect_twin(twin).await?;
    }
    let bound = Bound::bind(arguments, &state).await?;
    let addresses = bound.addresses().map_err(|error| failed("the bound addresses", &error))?;
    state.keep(&addresses).map_err(|error| failed("the demonstration's state", &error))?;
    let seed = if arguments.twin.is_some() { twin::SEED_DEFAULT } else { state.seed() };
    let keys = twin::Keys::of(seed);
    let config_file = state.write_config(&addresses, &keys).map_err(|error| failed("the settings", &error))?;
    let config = Config::load(&config_file, &super::environ).map_err(|errors| {
        super::say_error(&errors.to_string());
        Failure::Usage
    })?;
    // A single run shows its own summary; the log of every request would bury it.
    let level = if arguments.once { LogLevel::Warn } else { config.log.level };
    logging::start(Log { level, ..config.log }, &Traces::default());
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::migrate(&state.database()).map_err(|error| failed("the database", &error))?);
    let wake = Arc::new(Notify::new());
    let offset = Arc::new(OffsetClock::ahead_by(state.clock_offset()));
    let clock = Arc::new(DemoClock::new(Arc::clone(&offset), state.clock_file(), Arc::clone(&wake)));
    let api_key = api_key(&mut state, store.as_ref(), offset.as_ref()).await?;

    let own_twin = match bound.twin {
        Some(listener) => Some(start_twin(listener, seed, &keys, &addresses, &state, &clock)?),
        None => None,
    };
    let as_clock: Arc<dyn Clock> = Arc::<OffsetClock>::clone(&offset);
    let portal_clock = Arc::clone(&as_clock);
    let started = service::Service::start(
        config,
        service::Role::All,
        Some(bound.api),
        Arc::clone(&store),
        as_clock,
        Arc::new(SystemIds),
        wake,
    );
    let running = started.map_err(|error| failed("the service", &error))?;
    let stop = CancellationToken::new();
    let secret = webhook_secret(&addresses, &api_key).await;
    let arrivals = secret.as_deref().and_then(|secret| Arrivals::new(secret, portal_clock)).map(Arc::new);
    let serving = portal::serve(bound.portal, &addresses, &api_key, arrivals.clone(), stop.clone());
    let portal = tokio::task::JoinSet::from_iter([serving]);
    state.announce(&addresses, &api_key, secret.as_deref()).map_err(|error| failed("demo.json", &error))?;

    let ended = if arguments.once {
        once::walk(&addresses, &api_key, store.as_ref(), arrivals.as_deref()).await
    } else {
        greet(&addresses, &api_key, &state);
        service::stop_signal().await;
        Ok(())
    };
    stop.cancel();
    portal.join_all().await;
    running.stop().await;
    if let Some(server) = own_twin {
        server.stop().await.map_err(|error| failed("the twin", &error))?;
    }
    ended
}

/// Everything that listens, bound before anything begins, so that a port in use is told at once.
struct Bound {
    api: http::Server,
    portal: http::Server,
    twin: Option<Listener>,
    twin_elsewhere: Option<SocketAddr>,
}

impl Bound {
    async fn bind(arguments: &Arguments, state: &State) -> Result<Self, Failure> {
        let kept = state.addresses();
        let api = match arguments.listen {
            Some(listen) => bind(listen).await.map_err(|error| failed(&format!("--listen {listen}"), &error))?,
            None => bind_near(kept.map(|kept| kept.api), API_PORT).await?,
        };
        let portal = bind_near(kept.map(|kept| kept.portal), PORTAL_PORT).await?;
        let twin = match arguments.twin {
            Some(_) => None,
            None => Some(bind_twin(kept.map(|kept| kept.twin)).await?),
        };
        Ok(Self { api, portal, twin, twin_elsewhere: arguments.twin })
    }

    fn addresses(&self) -> std::io::Result<Addresses> {
        let twin = self.twin.as_ref().map(Listener::address).or(self.twin_elsewhere);
        Ok(Addresses {
            api: self.api.address()?,
            portal: self.portal.address()?,
            twin: twin.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
        })
    }
}

async fn bind(address: SocketAddr) -> Result<http::Server, http::ListenError> {
    http::Server::bind(address, http::Limits::default()).await
}

/// Binds the address that was kept, and nothing else; for new data the usual port, or any that is free.
async fn bind_near(kept: Option<SocketAddr>, usual_port: u16) -> Result<http::Server, Failure> {
    if let Some(kept) = kept {
        return bind(kept).await.map_err(|error| failed(&format!("the kept address {kept}"), &error));
    }
    match bind(SocketAddr::from(([127, 0, 0, 1], usual_port))).await {
        Ok(server) => Ok(server),
        Err(_) => bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(|error| failed("a free port", &error)),
    }
}

async fn bind_twin(kept: Option<SocketAddr>) -> Result<Listener, Failure> {
    if let Some(kept) = kept {
        return Listener::bind(kept).await.map_err(|error| failed(&format!("the kept address {kept}"), &error));
    }
    match Listener::bind(SocketAddr::from(([127, 0, 0, 1], TWIN_PORT))).await {
        Ok(listener) => Ok(listener),
        Err(_) => Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .map_err(|error| failed("a free port for the twin", &error)),
    }
}

fn start_twin(
    listener: Listener,
    seed: u64,
    keys: &twin::Keys,
    addresses: &Addresses,
    state: &State,
    clock: &Arc<DemoClock>,
) -> Result<TwinServer, Failure> {
    let hook = format!("http://{}/hooks/adyen/adyen-test", addresses.api);
    let folder = state.twin_folder();
    let settings = twin::settings(seed, keys, &hook, &listener.base_url());
    let now = zahlstelle_twin::TwinClock::now(clock.as_ref());
    let world = twin::load(settings, Some(&folder), now)?;
    let clock = Arc::<DemoClock>::clone(clock);
    TwinServer::start(listener, world, clock, Some(folder)).map_err(|error| failed("the twin", &error))
}

/// The key of the demonstration's client: the kept one, or a new one.
async fn api_key(state: &mut State, store: &dyn Store, clock: &OffsetClock) -> Result<String, Failure> {
    if let Some(key) = state.api_key() {
        return Ok(key);
    }
    let scopes: Vec<String> = SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
    let (_, key) = clients::create(store, &SystemIds, clock.now(), TENANT, Environment::Test, "demo-portal", &scopes)
        .await
        .map_err(|error| failed("the client", &error))?;
    state.keep_api_key(&key).map_err(|error| failed("the demonstration's state", &error))?;
    Ok(key)
}

/// The secret of the portal's endpoint; none for data of an earlier program, whose key may not make one.
async fn webhook_secret(addresses: &Addresses, api_key: &str) -> Option<String> {
    let address = format!("http://{}/v1/webhook-endpoints", addresses.api);
    let wanted = serde_json::json!({
        "url": format!("http://{}/webhook", addresses.portal),
        "description": "demo-portal",
    });
    match Walker::new().post_api(&address, api_key, ENDPOINT_KEY, &wanted).await {
        Ok(endpoint) => endpoint.get("secret").and_then(serde_json::Value::as_str).map(str::to_owned),
        Err(error) => {
            tracing::warn!(%error, "the portal has no webhook endpoint");
            None
        }
    }
}

fn greet(addresses: &Addresses, api_key: &str, state: &State) {
    say("Zahlstelle demonstration: no real money moves.");
    say(&format!("  portal   http://{}/   (begin here, with a browser)", addresses.portal));
    say(&format!("  API      http://{}/v1", addresses.api));
    say(&format!("  key      {api_key}"));
    say(&format!("  twin     http://{}/control/transactions", addresses.twin));
    say(&format!("  all this {}", state.announcement().display()));
    say("Stop with Ctrl-C; started again with the same --data, it goes on where it was.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_reaches_a_demonstration() {
        assert!(parse_loopback("127.0.0.1:8080").is_ok() && parse_loopback("[::1]:8080").is_ok());
        for wrong in ["0.0.0.0:8080", "192.0.2.1:8080", "127.0.0.1", "localhost:8080"] {
            assert!(parse_loopback(wrong).is_err(), "{wrong}");
        }
        let twin = SocketAddr::from(([127, 0, 0, 1], 8181));
        for right in ["127.0.0.1:8181", "http://127.0.0.1:8181", "http://127.0.0.1:8181/"] {
            assert_eq!(parse_twin(right).unwrap(), twin);
        }
        assert!(parse_twin("https://127.0.0.1:8181").is_err());
    }
}
