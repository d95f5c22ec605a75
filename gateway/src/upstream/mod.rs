//! Where requests go: a choice of targets, kept connections, and the exchange with one of them.

mod balance;
mod body;
mod connect;
mod error;
mod exchange;
mod held;
mod inspected;
mod pool;
mod received;

pub use balance::UpstreamTargets;
pub use body::{BodyFault, Progress as BodyProgress, RequestBody};
pub use connect::Connector;
pub use error::Error;
pub use exchange::{Answer, send};
pub use held::Holding;
pub use inspected::{Inspect, Refused};
pub use pool::{Lease, Origin, Pool, Pools};
pub use received::{HoldError, ReceivedBody};
