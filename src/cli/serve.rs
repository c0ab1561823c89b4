//! `zahlstelle serve`: the service.

use std::{sync::Arc, time::Duration};

use clap::Args;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};

use super::{
    ConfigArgument, Ended, Failure, failed, load, logging, notes, open_store, runtime,
    service::{Role, Service, StopSignals},
};
use crate::{clock::SystemClock, config::Config, http, ids::SystemIds, traces::Traces};

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
    let traces = Traces::start(&config.tracing).map_err(|error| failed("[tracing]", &error))?;
    logging::start(config.log, &traces);
    for note in notes::exposed(&config) {
        tracing::warn!("{note}");
    }
    let runtime = runtime()?;
    let store = open_store(&config)?;
    let drain = Duration::from_secs(u64::from(config.server.drain_seconds));
    runtime.block_on(async {
        // Before anybody can see that the service runs, since until then a signal ends it without any order.
        let unheard = |error| failed("the signals of the system", &error);
        let stop = StopSignals::catch().map_err(unheard)?;
        let hangup = signal(SignalKind::hangup()).map_err(unheard)?;
        let listen = config.server.listen;
        let server = match arguments.role {
            Role::Jobs => None,
            Role::Http | Role::All => Some(bind(&config).await?),
        };
        let watched = match config.metrics.listen {
            None => None,
            Some(address) => {
                let bound = http::Server::bind(address, http::Limits::for_operators()).await;
                Some(bound.map_err(|error| failed(&format!("[metrics] listen = \"{address}\""), &error))?)
            }
        };
        let tls = server.as_ref().and_then(|server| server.tls().cloned());
        let encrypted = tls.is_some();
        let ids = Arc::new(SystemIds);
        let started = Service::start(config, arguments.role, server, store, Arc::new(SystemClock), ids, Arc::default());
        let mut service = started.map_err(|error| failed("the service", &error))?;
        if let Some(server) = watched {
            service.watch(server);
        }
        tracing::info!(%listen, encrypted, "zahlstelle listens on {listen}");
        until_stopped(stop, hangup, tls.as_ref()).await;
        tracing::info!("zahlstelle stops");
        let deadline = Instant::now().checked_add(drain);
        service.stop().await;
        // Requests and jobs come first; what is left of their time is for the traces of them.
        traces
            .finish(deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now())))
            .await;
        tracing::info!("zahlstelle has stopped");
        Ok(())
    })
}

/// Takes the address, and reads the certificate where there is to be one.
async fn bind(config: &Config) -> Result<http::Server, Failure> {
    let listen = config.server.listen;
    let tls = config.tls.as_ref().map(http::tls::Tls::load).transpose();
    let tls = tls.map_err(|error| failed("[tls]", &error))?;
    let bound = http::Server::bind(listen, http::Limits::from(config)).await;
    let server = bound.map_err(|error| failed(&format!("[server] listen = \"{listen}\""), &error))?;
    let server = server.behind(config.server.trusted_proxies.clone());
    Ok(match tls {
        Some(tls) => {
            let until = tls.expires_at().map(tracing::field::display);
            tracing::info!(expires_at = until, "a certificate is in use");
            server.with_tls(tls)
        }
        None => server,
    })
}

/// Waits for the operating system's wish to stop. A hang-up asks for the certificate to be read again, as it does of
/// other servers, and without TLS it asks for nothing.
async fn until_stopped(mut stop: StopSignals, mut hangup: Signal, tls: Option<&http::tls::Tls>) {
    loop {
        tokio::select! {
            biased;
            () = stop.any() => return,
            _ = hangup.recv() => {
                tracing::info!("asked to read the certificate again");
                if let Some(tls) = tls {
                    tls.look_now();
                }
            }
        }
    }
}
