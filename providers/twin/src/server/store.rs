//! The state of a world on disk: a snapshot, and a journal of what came in since.
//!
//! The world is a pure function of what came in, so a request is one appended line, written before it takes effect,
//! however large the world has grown. A snapshot begins a new generation: it is written beside the old one, renamed
//! over it, and the journal of the old generation goes. Writes survive the death of the process; they are not forced
//! onto the disk, as nothing here is money.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    adyen::api::{API_KEY, IDEMPOTENCY_KEY},
    exchange::{Origin, Request},
    settings::WorldSettings,
    world::{RestoreError, World},
};

/// The size of a journal after which a new generation begins, in bytes.
const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why the state of a twin cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system says no.
    #[error("cannot read or write {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The state has no JSON form.
    #[error("the state of the twin cannot be written down")]
    Encode(#[source] serde_json::Error),
    /// A file is not what this module wrote.
    #[error("{path}, line {line}, is no state of a twin")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// What is stored is not a world, or the settings are wrong.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// The world stored in a data folder, or a new one if there is none.
pub fn load(settings: WorldSettings, data: &Path, now: Timestamp) -> Result<World, StoreError> {
    let Some(snapshot) = read_snapshot(data)? else {
        return Ok(World::new(settings).map_err(RestoreError::Settings)?);
    };
    let mut world = World::restore(settings, snapshot.world.get().as_bytes(), now)?;
    let path = journal_file(data, snapshot.generation);
    let journal = match fs::read_to_string(&path) {
        Ok(journal) => journal,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(source) => return Err(StoreError::Io { path, source }),
    };
    // A line without its end was never taken up: the process died while writing it.
    for (index, line) in journal.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n')) {
        let unreadable = |source| StoreError::Unreadable { path: path.clone(), line: index.saturating_add(1), source };
        serde_json::from_str::<Entry>(line).map_err(unreadable)?.repeat(&mut world);
    }
    world.recall(now);
    Ok(world)
}

/// One thing that came in.
#[derive(Deserialize, Serialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(super) enum Entry {
    Request {
        at: Timestamp,
        method: String,
        path: String,
        /// Whether the caller knew the key of the account; the key itself is not written down.
        authorised: bool,
        idempotency_key: Option<String>,
        /// In Base64, as a body need not be text.
        body: String,
    },
    Delivered {
        at: Timestamp,
        id: u64,
        status: Option<u16>,
    },
}

impl Entry {
    /// What is to be remembered of a request; nothing if it cannot change anything.
    pub(super) fn of(world: &World, at: Timestamp, request: &Request) -> Option<Self> {
        let only_looks = request.method == Method::GET && !request.path.starts_with("/v71/");
        if only_looks || request.origin == Origin::Elsewhere && request.path.starts_with("/control/") {
            return None;
        }
        Some(Self::Request {
            at,
            method: request.method.to_string(),
            path: request.path.clone(),
            authorised: request.header_text(API_KEY) == Some(world.settings.api_key.expose_secret()),
            idempotency_key: request.header_text(IDEMPOTENCY_KEY).map(str::to_owned),
            body: STANDARD.encode(&request.body),
        })
    }

    fn repeat(self, world: &mut World) {
        match self {
            Self::Request { at, method, path, authorised, idempotency_key, body } => {
                let mut headers = HeaderMap::new();
                let mut put = |name, value: &str| {
                    if let Ok(value) = HeaderValue::from_str(value) {
                        headers.insert(HeaderName::from_static(name), value);
                    }
                };
                if authorised {
                    put(API_KEY, world.settings.api_key.expose_secret());
                }
                if let Some(key) = idempotency_key {
                    put(IDEMPOTENCY_KEY, &key);
                }
                let method = method.parse().unwrap_or(Method::GET);
                let body = STANDARD.decode(body).unwrap_or_default();
                let request = Request { method, path, query: None, headers, body, origin: Origin::Loopback };
                world.handle(at, &request);
            }
            Self::Delivered { at, id, status } => world.delivered(id, status, at),
        }
    }
}

#[derive(Deserialize, Serialize)]
struct Snapshot {
    generation: u64,
    world: Box<RawValue>,
}

fn read_snapshot(data: &Path) -> Result<Option<Snapshot>, StoreError> {
    let path = snapshot_file(data);
    match fs::read(&path) {
        Ok(stored) => serde_json::from_slice(&stored).map(Some).map_err(|source| StoreError::Unreadable {
            path,
            line: source.line(),
            source,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Io { path, source }),
    }
}

/// The files of a world while it runs.
pub(super) struct Store {
    data: PathBuf,
    generation: u64,
    journal: File,
    written_bytes: u64,
}

impl Store {
    /// Begins a new generation in a data folder with the world as it is.
    pub(super) fn begin(world: &World, data: PathBuf) -> Result<Self, StoreError> {
        let former = read_snapshot(&data)?.map_or(0, |snapshot| snapshot.generation);
        let generation = former.saturating_add(1);
        let world = String::from_utf8(world.store().map_err(StoreError::Encode)?).unwrap_or_default();
        let world = RawValue::from_string(world).map_err(StoreError::Encode)?;
        let stored = serde_json::to_vec(&Snapshot { generation, world }).map_err(StoreError::Encode)?;
        // The journal is there before the snapshot that names it, and empty whatever an earlier run left of it.
        let path = journal_file(&data, generation);
        fs::create_dir_all(&data).map_err(|source| StoreError::Io { path: data.clone(), source })?;
        let options = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let journal = options.map_err(|source| StoreError::Io { path, source })?;
        write_whole(&snapshot_file(&data), &stored)?;
        // The former journal has no reader any more; that it stays behind harms nobody.
        fs::remove_file(journal_file(&data, former)).ok();
        Ok(Self { data, generation, journal, written_bytes: 0 })
    }

    /// Writes down one thing that is about to take effect.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let mut line = serde_json::to_vec(entry).map_err(StoreError::Encode)?;
        line.push(b'\n');
        let written = self.journal.write_all(&line);
        written.map_err(|source| StoreError::Io { path: journal_file(&self.data, self.generation), source })?;
        self.written_bytes = self.written_bytes.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Whether it is time for a new generation.
    pub(super) fn is_long(&self) -> bool {
        self.written_bytes > JOURNAL_BYTES_MAX
    }

    /// Begins a new generation.
    pub(super) fn renew(&mut self, world: &World) -> Result<(), StoreError> {
        *self = Self::begin(world, self.data.clone())?;
        Ok(())
    }
}

fn snapshot_file(data: &Path) -> PathBuf {
    data.join("twin.json")
}

fn journal_file(data: &Path, generation: u64) -> PathBuf {
    data.join(format!("twin.{generation}.jsonl"))
}

/// Writes a file whole or not at all, with the folders above it.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let mut file = File::create(&beside).map_err(io)?;
    file.write_all(content).map_err(io)?;
    fs::rename(&beside, path).map_err(io)
}
