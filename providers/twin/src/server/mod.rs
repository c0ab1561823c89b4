//! The twin on a socket: a loopback listener around a [`World`], and a deliverer of its notifications.
//!
//! ```no_run
//! # async fn example(settings: impl Fn(String) -> zahlstelle_twin::WorldSettings, clock: std::sync::Arc<dyn zahlstelle_twin::TwinClock>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use zahlstelle_twin::{World, server::{Listener, Server}};
//!
//! let listener = Listener::bind("127.0.0.1:0".parse()?).await?;
//! let world = World::new(settings(listener.base_url()))?;
//! let server = Server::start(listener, world, clock, None)?;
//! // The service runs against `server.base_url()` here.
//! server.stop().await?;
//! # Ok(())
//! # }
//! ```

mod deliver;
mod serve;
mod shared;
mod store;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinError, JoinSet},
};

use self::shared::Shared;
pub use self::store::{StoreError, load};
use crate::{clock::TwinClock, world::World};

/// Why the twin does not run, or did not stop in good order.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, or is none of this machine.
    #[error("the twin cannot listen on {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The twin trusts its callers, so it listens on the loopback interface only.
    #[error("the twin listens on a loopback address only, not on {address}")]
    NotLoopback {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The state could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task ended in a panic.
    #[error("a task of the twin failed")]
    Task(#[source] JoinError),
}

/// An open socket that nobody serves yet, so that its address can stand in settings.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Opens a loopback socket; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServerError> {
        if !address.ip().is_loopback() {
            return Err(ServerError::NotLoopback { address });
        }
        let bind_error = |source| ServerError::Bind { address, source };
        let socket = TcpListener::bind(address).await.map_err(bind_error)?;
        let address = socket.local_addr().map_err(bind_error)?;
        Ok(Self { socket, address })
    }

    /// The address with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as `http://…` without a trailing slash.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A running twin.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Starts to serve and to deliver. With `data`, every change is written there before it takes effect; the world
    /// must then be the one that [`load`] gave for the same folder.
    pub fn start(
        listener: Listener,
        world: World,
        clock: Arc<dyn TwinClock>,
        data: Option<PathBuf>,
    ) -> Result<Self, ServerError> {
        let shared = Arc::new(Shared::new(world, clock, data)?);
        let (stop, stopped) = watch::channel(false);
        let address = listener.address;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve::run(listener.socket, Arc::clone(&shared), stopped.clone()));
        tasks.spawn(deliver::run(Arc::clone(&shared), stopped));
        Ok(Self { shared, address, stop, tasks })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as `http://…` without a trailing slash.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at, or changes, the world between two requests, and wakes the deliverer.
    pub fn with_world<T>(&self, act: impl FnOnce(&mut World) -> T) -> Result<T, ServerError> {
        let answer = self.shared.act(act)?;
        self.wake();
        Ok(answer)
    }

    /// Makes the deliverer look again, e.g. after somebody else has moved the clock.
    pub fn wake(&self) {
        self.shared.wake();
    }

    /// Ends all connections and deliveries, waits for them, and writes the state.
    pub async fn stop(mut self) -> Result<(), ServerError> {
        // Nobody listening any more means that both tasks have already ended.
        self.stop.send(true).ok();
        while let Some(ended) = self.tasks.join_next().await {
            ended.map_err(ServerError::Task)?;
        }
        self.shared.save()?;
        Ok(())
    }
}

/// Whether a peer is this machine, also when it comes over IPv6 with an IPv4 address.
fn is_loopback(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4: Ipv4Addr| v4.is_loopback())
        }
    }
}
