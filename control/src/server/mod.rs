//! The listener: sockets, connections and what they may cost, TLS, and how it all ends.
//!
//! Whatever is served is a `tower` service of HTTP requests; this module knows nothing of routes.
//!
//! - [`options`]: what the command line says of it;
//! - `listen`: sockets, and the loop that accepts; `connection`: one client; `activity`: how long it may be silent;
//!   `explained`: what the HTTP library refuses by itself;
//! - [`client`]: who the client is, behind trusted proxies; [`tls`]: certificates, which may change at any time;
//! - [`lifecycle`]: from the first connection to the last; `manager`: what systemd is told of it.

mod activity;
pub mod client;
mod connection;
mod explained;
pub mod lifecycle;
mod listen;
mod manager;
pub mod options;
#[cfg(test)]
mod tests;
pub mod tls;

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

pub use client::ClientAddress;
pub use connection::RequestBody;
pub use lifecycle::{Phase, Signals};
pub use listen::Server;
pub use options::Options;

/// Why nothing is listened to.
#[derive(Debug, Error)]
pub enum Error {
    /// An address is not to be had.
    #[error("cannot listen on {address}: {source}; choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate cannot be served with.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// Signals are not to be had.
    #[error("the operating system refuses: {0}")]
    System(#[from] io::Error),
}
