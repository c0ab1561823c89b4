//! `zahlstelle serve`: the service.

use std::sync::Arc;

use clap::Args;

use super::{
    ConfigArgument, Ended, failed, load, logging, open_store, runtime,
    service::{self, Role, Service},
};
use crate::{clock::SystemClock, http, ids::SystemIds};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Which parts run in this process.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
}

pub(super) fn run(arguments: &Arguments) -> Ended {
    let config = load(&arguments.config)?;
    logging::start(config.log);
    let runtime = runtime()?;
    let store = open_store(&config)?;
    runtime.block_on(async {
        let listen = config.server.listen;
        let server = match arguments.role {
            Role::Jobs => None,
            Role::Http | Role::All => {
                let bound = http::Server::bind(listen, http::Limits::from(&config.server)).await;
                Some(bound.map_err(|error| failed(&format!("[server] listen = \"{listen}\""), &error))?)
            }
        };
        let watched = match config.metrics.listen {
            None => None,
            Some(address) => {
                let bound = http::Server::bind(address, http::Limits::for_operators()).await;
                Some(bound.map_err(|error| failed(&format!("[metrics] listen = \"{address}\""), &error))?)
            }
        };
        let ids = Arc::new(SystemIds);
        let started = Service::start(config, arguments.role, server, store, Arc::new(SystemClock), ids, Arc::default());
        let mut service = started.map_err(|error| failed("the service", &error))?;
        if let Some(server) = watched {
            service.watch(server);
        }
        tracing::info!(%listen, "zahlstelle listens on {listen}");
        service::stop_signal().await;
        tracing::info!("zahlstelle stops");
        service.stop().await;
        Ok(())
    })
}
