//! Settings: one file a section, each parsed into a type that cannot be invalid, all mistakes told at once.
//!
//! [`Config::load`] is the way in. A section reads its members through [`reader::Section`], which reports what does not
//! fit and lets the section go on with a substitute, so that one mistake does not hide the next; whether anything was
//! reported decides at the end.

mod database;
mod document;
mod error;
mod jobs;
mod limits;
mod log;
mod metrics;
mod nearest;
mod reader;
mod secret;
mod server;
mod tenant;
mod tls;
mod tracing;
mod webhooks;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read,
    path::{Path, PathBuf},
};

pub use self::{
    database::Database,
    error::{ConfigError, ConfigErrors, FileProblem, Kind, Problem},
    jobs::Jobs,
    limits::{Limits, Rate},
    log::{Log, LogFormat, LogLevel},
    metrics::Metrics,
    server::Server,
    tenant::{
        TenantConfig,
        account::{AdyenAccount, ProviderAccount, ProviderSettings},
    },
    tls::Tls,
    tracing::Tracing,
    webhooks::Webhooks,
};
use self::{
    document::Document,
    reader::{Keys, Section},
    secret::{SecretSource, Secrets},
    tenant::TenantDocument,
};
use crate::domain::tenant::TenantId;
use zahlstelle_contract::provider::Environment;

/// The variables of the environment by their names, as secrets refer to them.
pub type Environ<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The most bytes of one file.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The most tenant files.
const TENANT_FILES_MAX: usize = 1_000;

const ROOT: Keys = Keys {
    schema: "main",
    names: &["server", "tls", "limits", "database", "log", "jobs", "webhooks", "metrics", "tracing", "tenants"],
};
const TENANTS: Keys = Keys { schema: "tenants", names: &["files"] };

/// Every setting of the service and of its Mandanten.
#[derive(Debug)]
pub struct Config {
    /// The HTTP listener.
    pub server: Server,
    /// The certificate of the listener; without one it speaks plain HTTP.
    pub tls: Option<Tls>,
    /// How often clients and sources may ask.
    pub limits: Limits,
    /// Where data is kept.
    pub database: Database,
    /// What is logged.
    pub log: Log,
    /// Work in the background.
    pub jobs: Jobs,
    /// The address for operators.
    pub metrics: Metrics,
    /// To whom traces are exported.
    pub tracing: Tracing,
    /// Deliveries to the endpoints of portals.
    pub webhooks: Webhooks,
    /// The Mandanten by their ids.
    pub tenants: BTreeMap<TenantId, TenantConfig>,
}

impl Config {
    /// Reads the file at `path` and the tenant files it names, whose paths are relative to it.
    ///
    /// Secrets are fetched from `environ` and from files here and now, so that a missing one is known before anything
    /// starts. The error holds every mistake of every file.
    pub fn load(path: &Path, environ: &Environ<'_>) -> Result<Self, ConfigErrors> {
        Self::load_with(path, SecretSource::Fetched(environ))
    }

    /// The same for whoever calls no provider: secrets outside the settings are not fetched, and what stands in their
    /// place opens nothing.
    pub fn load_without_secrets(path: &Path) -> Result<Self, ConfigErrors> {
        Self::load_with(path, SecretSource::Substituted)
    }

    fn load_with(path: &Path, source: SecretSource<'_>) -> Result<Self, ConfigErrors> {
        let text = read(path).map_err(|problem| ConfigErrors::of_file(path, problem))?;
        let document = Document::new(path, &text);
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let table = document.parse();
        let root = Section::root(&document, &table, &ROOT);
        let tls_section = root.section("tls", &tls::KEYS);
        let tls = Tls::read(&tls_section, folder);
        let server = Server::read(&root.section("server", &server::KEYS), tls::is_wanted(&tls_section));
        let limits = Limits::read(&root.section("limits", &limits::KEYS));
        let database = Database::read(&root.section("database", &database::KEYS), folder);
        let log = Log::read(&root.section("log", &log::KEYS));
        let jobs = Jobs::read(&root.section("jobs", &jobs::KEYS));
        let metrics = Metrics::read(&root.section("metrics", &metrics::KEYS));
        let tracing = Tracing::read(&root.section("tracing", &tracing::KEYS));
        // Here it is not told which Mandant is live, so no secret may stand in the file.
        let secrets = Secrets { folder, source, environment: Environment::Live };
        let webhooks = Webhooks::read(&root.section("webhooks", &webhooks::KEYS), &secrets);
        let files = tenant_files(&root.section("tenants", &TENANTS), folder);
        let mut errors = document.into_errors();
        let tenants = load_tenants(&files, source, &mut errors);
        match server {
            Some(server) if errors.is_empty() => {
                Ok(Self { server, tls, limits, database, log, jobs, metrics, tracing, webhooks, tenants })
            }
            Some(_) | None => Err(ConfigErrors::new(errors)),
        }
    }
}

/// Reads every tenant file; names that must be unique among all Mandanten are compared here.
fn load_tenants(
    files: &[PathBuf],
    source: SecretSource<'_>,
    errors: &mut Vec<ConfigError>,
) -> BTreeMap<TenantId, TenantConfig> {
    let mut tenants = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut accounts = BTreeSet::new();
    for path in files {
        let text = match read(path) {
            Ok(text) => text,
            Err(problem) => {
                errors.push(ConfigError::of_file(path, problem));
                continue;
            }
        };
        let document = Document::new(path, &text);
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let table = document.parse();
        let parsed = TenantDocument { document: &document, folder, source }.read(&table, &mut ids, &mut accounts);
        if let Some(parsed) = parsed {
            tenants.insert(parsed.tenant.id.clone(), parsed);
        }
        errors.extend(document.into_errors());
    }
    tenants
}

fn tenant_files(section: &Section<'_>, folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Some(value) = section.require("files") else { return files };
    for item in value.items(1..=TENANT_FILES_MAX) {
        let Some(name) = item.text() else { continue };
        let file = folder.join(name);
        if files.contains(&file) {
            item.report(Problem::Duplicate { of: "an earlier file" });
        } else {
            files.push(file);
        }
    }
    files
}

fn read(path: &Path) -> Result<String, FileProblem> {
    let file = fs::File::open(path).map_err(|error| FileProblem::Unreadable { kind: error.kind() })?;
    let mut bytes = Vec::new();
    let limited = file.take(FILE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes);
    limited.map_err(|error| FileProblem::Unreadable { kind: error.kind() })?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(FileProblem::TooLarge { bytes_max: FILE_BYTES_MAX });
    }
    String::from_utf8(bytes).map_err(|_| FileProblem::NotUtf8)
}

/// Every table that the parser knows, with its keys; the schema is compared with it.
#[cfg(test)]
pub(crate) fn known_tables() -> Vec<Keys> {
    let own = [
        ROOT,
        TENANTS,
        server::KEYS,
        tls::KEYS,
        limits::KEYS,
        database::KEYS,
        log::KEYS,
        jobs::KEYS,
        webhooks::KEYS,
        metrics::KEYS,
        tracing::KEYS,
    ];
    own.into_iter().chain(tenant::known_tables()).collect()
}

#[cfg(test)]
mod tests;
