//! Names into addresses.

use std::{
    io,
    net::{IpAddr, ToSocketAddrs},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// How many names may be looked up at a time. A look-up that hangs keeps a thread of the runtime until the system gives
/// up on it, whatever has become of the delivery, and the rest of the service needs threads, too.
const LOOKUPS_MAX: usize = 64;

/// Tells the addresses of a name. What it says is not trusted.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of a host.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let place = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        let looked_up = tokio::task::spawn_blocking(move || {
            let addresses = (host.as_str(), 0).to_socket_addrs()?;
            let addresses = addresses.map(|address| address.ip()).collect();
            drop(place);
            Ok(addresses)
        });
        looked_up.await.map_err(io::Error::other)?
    }
}
