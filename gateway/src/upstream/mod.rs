//! Where requests go: a choice of targets, kept connections, and the exchange with one of them.

mod balance;
mod body;
mod connect;
mod error;
mod exchange;
mod pool;

pub use balance::UpstreamTargets;
pub use body::{BodyFault, Progress as BodyProgress, RequestBody};
pub use connect::Connector;
pub use error::Error;
pub use exchange::{Answer, send};
pub use pool::{Lease, Origin, Pool, Pools};
