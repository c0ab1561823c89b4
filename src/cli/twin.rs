//! `zahlstelle twin`: the simulated providers alone.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::Args;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zahlstelle_twin::{
    AdvanceError, AdyenAccount, TwinClock, World, WorldSettings,
    faults::Profile,
    server::{self, Listener, Server},
};

use super::{Ended, Failure, failed, runtime, say, service};
use crate::clock::{Clock, OffsetClock};

/// The merchant account that the twin knows; the shipped settings name it, too.
pub(super) const MERCHANT_ACCOUNT: &str = "ZahlstelleDemoECOM";
/// The seed of a twin that is not told another one.
pub(super) const SEED_DEFAULT: u64 = 1;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The address to listen on; loopback only.
    #[arg(long, default_value = "127.0.0.1:8181")]
    listen: SocketAddr,
    /// The seed that references, keys and chances follow from.
    #[arg(long, default_value_t = SEED_DEFAULT)]
    seed: u64,
    /// What goes wrong by chance: none, mild or wild.
    #[arg(long, default_value = "none")]
    faults: String,
    /// Where its world is kept; without it, it ends with the process.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where notifications are sent.
    #[arg(long, default_value = "http://127.0.0.1:8080/hooks/adyen/adyen-test")]
    notify: String,
}

pub(super) fn run(arguments: &Arguments) -> Ended {
    let profile: Profile = serde_json::from_value(arguments.faults.as_str().into()).map_err(|error| {
        super::say_error(&format!("--faults {}: {error}", arguments.faults));
        Failure::Usage
    })?;
    if !url::Url::parse(&arguments.notify).is_ok_and(|url| url.scheme() == "http") {
        super::say_error(&format!(
            "--notify {}: must be an address with http://; the twin speaks no TLS",
            arguments.notify
        ));
        return Err(Failure::Usage);
    }
    let clock = Arc::new(OwnClock(OffsetClock::default()));
    runtime()?.block_on(async {
        let listener = Listener::bind(arguments.listen).await.map_err(|error| failed("--listen", &error))?;
        let keys = Keys::of(arguments.seed);
        let settings = settings(arguments.seed, &keys, &arguments.notify, &listener.base_url());
        let shown = serde_json::json!({
            "twin": listener.base_url(),
            "adyen": {
                "base_url": format!("{}/v71", listener.base_url()),
                "merchant_account": MERCHANT_ACCOUNT,
                "api_key": keys.api_key.expose_secret(),
                "hmac_key": keys.hmac_key_hex.expose_secret(),
            },
        });
        let mut world = load(settings, arguments.data.as_deref(), clock.now())?;
        world.set_fault_profile(profile);
        let server = Server::start(listener, world, clock, arguments.data.clone());
        let server = server.map_err(|error| failed("the twin", &error))?;
        say(&shown.to_string());
        service::stop_signal().await;
        server.stop().await.map_err(|error| failed("the twin", &error))
    })
}

/// A new world, or the one that a folder keeps.
pub(super) fn load(settings: WorldSettings, data: Option<&std::path::Path>, now: Timestamp) -> Result<World, Failure> {
    match data {
        Some(folder) => server::load(settings, folder, now).map_err(|error| failed("the twin's world", &error)),
        None => World::new(settings).map_err(|error| failed("the twin's settings", &error)),
    }
}

/// The keys of a simulated account. They follow from the seed, so that a service can be set up for a twin it only knows
/// the seed of; nothing depends on their being secret.
pub(super) struct Keys {
    pub(super) api_key: SecretString,
    pub(super) hmac_key_hex: SecretString,
}

impl Keys {
    pub(super) fn of(seed: u64) -> Self {
        let derived = |name: &str| hex::encode_upper(Sha256::digest(format!("twin {seed} {name}")));
        Self { api_key: derived("api").into(), hmac_key_hex: derived("hmac").into() }
    }
}

pub(super) fn settings(seed: u64, keys: &Keys, notification_url: &str, base_url: &str) -> WorldSettings {
    let adyen = AdyenAccount {
        merchant_account: MERCHANT_ACCOUNT.to_owned(),
        api_key: keys.api_key.clone(),
        hmac_key_hex: keys.hmac_key_hex.clone(),
        notification_url: notification_url.to_owned(),
    };
    WorldSettings { seed, adyen, base_url: base_url.to_owned() }
}

struct OwnClock(OffsetClock);

impl TwinClock for OwnClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn advance(&self, seconds: i64) -> Result<Timestamp, AdvanceError> {
        self.0.advance(seconds);
        Ok(self.0.now())
    }
}
