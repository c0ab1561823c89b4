//! The commands, one file each. Exit codes: 0 is well, 1 found something or failed, 2 is usage or settings.

pub mod assemble;
pub mod check_config;
mod demo;
mod key;
mod logging;
mod migrate;
mod notes;
mod serve;
pub mod service;
mod twin;
mod verify;
mod webhook;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{Config, Database, TenantConfig},
    domain::tenant::TenantId,
    store::Store,
};

/// The open payment gateway of a city's citizen services.
#[derive(Debug, Parser)]
#[command(name = "zahlstelle", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the service on embedded SQLite with simulated providers, a demonstration city and a small portal.
    Demo(demo::Arguments),
    /// Start the service.
    Serve(serve::Arguments),
    /// Say everything that is wrong with the settings, with file, line and key.
    CheckConfig {
        /// The settings file.
        file: PathBuf,
    },
    /// Bring the database up to date.
    Migrate(ConfigArgument),
    /// Create, list and revoke the keys of API clients.
    #[command(subcommand)]
    Key(key::Command),
    /// Check every invariant of a database and its hash chain.
    Verify(verify::Arguments),
    /// Start the simulated providers alone.
    Twin(twin::Arguments),
    /// For developers of portals: check a delivery, receive deliveries on this machine.
    #[command(subcommand)]
    Webhook(webhook::Command),
}

#[derive(Args, Debug)]
struct ConfigArgument {
    /// The settings file.
    #[arg(long = "config", env = "ZAHLSTELLE_CONFIG", value_name = "FILE")]
    file: PathBuf,
}

/// Why a command ended otherwise than well.
#[derive(Debug)]
enum Failure {
    /// Something was found or failed.
    Found,
    /// The settings or the way of asking are wrong.
    Usage,
}

/// A command's end. What went wrong has been written to the error output by then.
type Ended = Result<(), Failure>;

/// Reads the command line and carries out its command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::CheckConfig { file } => run_check_config(&file),
        Command::Migrate(config) => migrate::run(&config),
        Command::Key(command) => key::run(&command),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Twin(arguments) => twin::run(&arguments),
        Command::Webhook(command) => webhook::run(&command),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Found) => ExitCode::from(1),
        Err(Failure::Usage) => ExitCode::from(2),
    }
}

fn run_check_config(file: &std::path::Path) -> Ended {
    match check_config::run(file, &environ, &mut io::stdout()) {
        Ok(outcome) if outcome.exit_code() == 0 => Ok(()),
        Ok(_) => Err(Failure::Usage),
        Err(error) => Err(failed("the report could not be written", &error)),
    }
}

/// The settings of a file; every mistake in them is written to the error output.
fn load(config: &ConfigArgument) -> Result<Config, Failure> {
    Config::load(&config.file, &environ).map_err(|errors| {
        say_error(&errors.to_string());
        Failure::Usage
    })
}

/// The settings for a command that calls no provider, and so needs no secret of one.
fn load_without_secrets(config: &ConfigArgument) -> Result<Config, Failure> {
    Config::load_without_secrets(&config.file).map_err(|errors| {
        say_error(&errors.to_string());
        Failure::Usage
    })
}

/// The Mandant that `--tenant` names.
fn known_tenant<'a>(config: &'a Config, tenant: &str) -> Result<&'a TenantConfig, Failure> {
    config.tenants.get(tenant).ok_or_else(|| {
        let known: Vec<&str> = config.tenants.keys().map(TenantId::as_str).collect();
        say_error(&format!("--tenant {tenant}: the settings know {}", known.join(", ")));
        Failure::Usage
    })
}

/// The database of the settings, which must be there and up to date.
fn open_store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    if let Database::File(path) = &config.database {
        let path_shown = path.display();
        if !path.exists() {
            say_error(&format!("the database {path_shown}: no such file; `zahlstelle migrate` makes it"));
            return Err(Failure::Found);
        }
        return service::open_store(config).map_err(|error| failed(&format!("the database {path_shown}"), &error));
    }
    service::open_store(config).map_err(|error| failed("the database", &error))
}

fn environ(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Writes a line to the standard output. A reader that has gone away is no reason to fail.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Writes a line to the error output.
fn say_error(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes an error with all its causes, and makes it the command's end.
fn failed(what: &str, error: &dyn std::error::Error) -> Failure {
    let mut line = format!("{what}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    say_error(&line);
    Failure::Found
}

/// A runtime for commands that need one.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failed("the runtime cannot be started", &error))
}
