//! What a demonstration keeps in its folder: addresses, client, key, clock, settings.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::{SERVICE, TENANT};
use crate::{
    cli::twin::Keys,
    ids::{Ids, SystemIds},
};

const STATE: &str = "state.json";
const ANNOUNCEMENT: &str = "demo.json";
const CLOCK: &str = "clock-offset-seconds";
const DATABASE: &str = "demo.sqlite";
/// The settings that the demonstration starts from; they are shipped with the source.
const CONFIG: &str = include_str!("../../../config/demo.toml");
const TENANT_FILE: &str = include_str!("../../../config/tenants/dortmund.toml");

/// Where everything listens.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Addresses {
    pub(super) api: SocketAddr,
    pub(super) twin: SocketAddr,
    pub(super) portal: SocketAddr,
}

/// What is kept between two starts.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Kept {
    seed: u64,
    addresses: Option<Addresses>,
    api_key: Option<String>,
}

/// The folder of a demonstration.
#[derive(Debug)]
pub(super) struct State {
    folder: PathBuf,
    kept: Kept,
}

impl State {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder.join("tenants"))?;
        let kept = match fs::read(folder.join(STATE)) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept { seed: new_seed(), ..Kept::default() },
            Err(error) => return Err(error),
        };
        Ok(Self { folder: folder.to_owned(), kept })
    }

    pub(super) fn seed(&self) -> u64 {
        self.kept.seed
    }

    pub(super) fn addresses(&self) -> Option<Addresses> {
        self.kept.addresses
    }

    pub(super) fn api_key(&self) -> Option<String> {
        self.kept.api_key.clone()
    }

    pub(super) fn keep(&mut self, addresses: &Addresses) -> io::Result<()> {
        self.kept.addresses = Some(*addresses);
        self.write()
    }

    pub(super) fn keep_api_key(&mut self, key: &str) -> io::Result<()> {
        self.kept.api_key = Some(key.to_owned());
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        write_whole(&self.folder.join(STATE), &serde_json::to_vec_pretty(&self.kept)?)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    pub(super) fn twin_folder(&self) -> PathBuf {
        self.folder.join("twin")
    }

    pub(super) fn clock_file(&self) -> PathBuf {
        self.folder.join(CLOCK)
    }

    pub(super) fn clock_offset(&self) -> i64 {
        let text = fs::read_to_string(self.clock_file()).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    pub(super) fn announcement(&self) -> PathBuf {
        self.folder.join(ANNOUNCEMENT)
    }

    /// Writes the settings of the demonstration: the shipped ones with its own addresses and secrets, so that every
    /// other command can be used on its data with `--config`.
    pub(super) fn write_config(&self, addresses: &Addresses, keys: &Keys) -> io::Result<PathBuf> {
        fs::write(self.folder.join("adyen-api-key"), keys.api_key.expose_secret())?;
        fs::write(self.folder.join("adyen-hmac-key"), keys.hmac_key_hex.expose_secret())?;
        let tenant = TENANT_FILE
            .replace("{ env = \"ZAHLSTELLE_ADYEN_API_KEY\" }", "{ file = \"../adyen-api-key\" }")
            .replace("{ env = \"ZAHLSTELLE_ADYEN_HMAC_KEY\" }", "{ file = \"../adyen-hmac-key\" }")
            .replace("https://checkout-test.adyen.com", &format!("http://{}", addresses.twin))
            .replace("http://127.0.0.1:8090/", &format!("http://{}/", addresses.portal))
            .replace("http://localhost:8090/", &format!("http://localhost:{}/", addresses.portal.port()));
        write_whole(&self.folder.join("tenants/dortmund.toml"), tenant.as_bytes())?;
        let config = CONFIG.replace("127.0.0.1:8080", &addresses.api.to_string());
        let file = self.folder.join("config.toml");
        write_whole(&file, config.as_bytes())?;
        Ok(file)
    }

    /// Writes what scripts need to know, once everything is ready.
    pub(super) fn announce(&self, addresses: &Addresses, api_key: &str) -> io::Result<()> {
        let announcement = serde_json::json!({
            "api": format!("http://{}", addresses.api),
            "twin": format!("http://{}", addresses.twin),
            "portal": format!("http://{}", addresses.portal),
            "api_key": api_key,
            "tenant": TENANT,
            "service": SERVICE,
        });
        let (api, twin, portal) = (addresses.api, addresses.twin, addresses.portal);
        let variables =
            format!("ZS_API=http://{api}\nZS_TWIN=http://{twin}\nZS_PORTAL=http://{portal}\nZS_KEY={api_key}\n");
        write_whole(&self.folder.join("demo.env"), variables.as_bytes())?;
        write_whole(&self.announcement(), &serde_json::to_vec_pretty(&announcement)?)
    }
}

/// Writes a file beside its place and renames it, so that nobody ever reads half of it.
pub(super) fn write_whole(file: &Path, content: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("new");
    fs::write(&beside, content)?;
    fs::rename(&beside, file)
}

fn new_seed() -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(SystemIds.bytes().split_at(8).0);
    u64::from_be_bytes(bytes)
}
