//! What a demonstration keeps in its folder: addresses, client, key, clock, settings.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
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
const LOCK: &str = "lock";
const DATABASE: &str = "demo.sqlite";
/// From this file the secrets of webhook endpoints follow, so it is made once.
const WEBHOOK_KEY: &str = "webhook-key";
/// Only the owner reads and writes: keys are among what is kept.
const FILE_MODE: u32 = 0o600;
/// Only the owner looks into the folder.
const FOLDER_MODE: u32 = 0o700;
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
    /// Held as long as the demonstration runs; the operating system lets go of it however the process ends.
    _lock: File,
}

/// Why the folder of a demonstration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum StateError {
    /// Two services would write into one world.
    #[error("is in use by a running demonstration; stop it, or give this one another folder")]
    InUse,
    /// The operating system says no.
    #[error("cannot be used")]
    Io(#[from] io::Error),
}

impl State {
    /// Takes the folder for this process, and makes it where there is none.
    pub(super) fn open(folder: &Path) -> Result<Self, StateError> {
        create_folder(&folder.join("tenants"))?;
        let lock = private_file(&folder.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let kept = match fs::read(folder.join(STATE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept { seed: new_seed(), ..Kept::default() },
            Err(error) => return Err(error.into()),
        };
        Ok(Self { folder: folder.to_owned(), kept, _lock: lock })
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
        write_whole(&self.folder.join("adyen-api-key"), keys.api_key.expose_secret().as_bytes())?;
        write_whole(&self.folder.join("adyen-hmac-key"), keys.hmac_key_hex.expose_secret().as_bytes())?;
        let tenant = TENANT_FILE
            .replace("{ env = \"ZAHLSTELLE_ADYEN_API_KEY\" }", "{ file = \"../adyen-api-key\" }")
            .replace("{ env = \"ZAHLSTELLE_ADYEN_HMAC_KEY\" }", "{ file = \"../adyen-hmac-key\" }")
            .replace("https://checkout-test.adyen.com", &format!("http://{}", addresses.twin))
            .replace("http://127.0.0.1:8090/", &format!("http://{}/", addresses.portal))
            .replace("http://localhost:8090/", &format!("http://localhost:{}/", addresses.portal.port()));
        write_whole(&self.folder.join("tenants/dortmund.toml"), tenant.as_bytes())?;
        let master_key = self.folder.join(WEBHOOK_KEY);
        if !master_key.exists() {
            write_whole(&master_key, hex::encode(SystemIds.bytes()).as_bytes())?;
        }
        let config = CONFIG
            .replace("127.0.0.1:8080", &addresses.api.to_string())
            .replace("{ env = \"ZAHLSTELLE_WEBHOOK_KEY\" }", &format!("{{ file = \"{WEBHOOK_KEY}\" }}"));
        let file = self.folder.join("config.toml");
        write_whole(&file, config.as_bytes())?;
        Ok(file)
    }

    /// Writes what scripts need to know, once everything is ready.
    pub(super) fn announce(
        &self,
        addresses: &Addresses,
        api_key: &str,
        webhook_secret: Option<&str>,
    ) -> io::Result<()> {
        let mut announcement = serde_json::json!({
            "api": format!("http://{}", addresses.api),
            "twin": format!("http://{}", addresses.twin),
            "portal": format!("http://{}", addresses.portal),
            "api_key": api_key,
            "tenant": TENANT,
            "service": SERVICE,
        });
        if let (Some(members), Some(secret)) = (announcement.as_object_mut(), webhook_secret) {
            members.insert("webhook_secret".to_owned(), secret.into());
        }
        let (api, twin, portal) = (addresses.api, addresses.twin, addresses.portal);
        let variables =
            format!("ZS_API=http://{api}\nZS_TWIN=http://{twin}\nZS_PORTAL=http://{portal}\nZS_KEY={api_key}\n");
        write_whole(&self.folder.join("demo.env"), variables.as_bytes())?;
        write_whole(&self.announcement(), &serde_json::to_vec_pretty(&announcement)?)
    }
}

/// Makes a folder, and those above it that are missing, for nobody but the owner. One that is there is left as it is.
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
}

/// Opens a file for writing that nobody but the owner can read, whoever could read what was there before.
fn private_file(file: &Path) -> io::Result<File> {
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(file)?;
    opened.set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(opened)
}

/// Writes a file beside its place and renames it, so that nobody ever reads half of it, and nobody else any of it.
pub(super) fn write_whole(file: &Path, content: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("new");
    private_file(&beside)?.write_all(content)?;
    fs::rename(&beside, file)
}

fn new_seed() -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(SystemIds.bytes().split_at(8).0);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn nobody_else_reads_the_secrets() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data");
        let mut state = State::open(&folder).unwrap();
        let own = SocketAddr::from(([127, 0, 0, 1], 1));
        let addresses = Addresses { api: own, twin: own, portal: own };
        // A file of an earlier program that others could read.
        fs::write(folder.join("demo.new"), "").unwrap();
        state.keep(&addresses).unwrap();
        state.keep_api_key("key").unwrap();
        state.write_config(&addresses, &Keys::of(1)).unwrap();
        state.announce(&addresses, "key", Some("secret")).unwrap();
        assert_eq!(mode(&folder), 0o700);
        for file in
            ["adyen-api-key", "adyen-hmac-key", WEBHOOK_KEY, "demo.env", "state.json", "demo.json", "config.toml"]
        {
            assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
        }
    }

    #[test]
    fn a_folder_serves_one_demonstration_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = State::open(folder.path()).unwrap();
        let second = State::open(folder.path()).unwrap_err();
        assert!(matches!(second, StateError::InUse), "{second:?}");
        drop(first);
        State::open(folder.path()).unwrap();
    }
}
