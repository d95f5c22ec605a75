//! The wire between a control plane and its data planes.
//!
//! It is level-triggered: what is to be served stands in [`Welcome`](message::Welcome) and in every
//! [`HeartbeatAck`](message::HeartbeatAck), and a notification only says to look now. So losing any one message costs time and
//! nothing else.
//!
//! Sans-IO: messages, and what a data plane does about them. Whoever has sockets and disks is in `gateway` and `control`.

pub mod agent;
mod codec;
pub mod message;
mod offered;

/// The WebSocket subprotocol (RFC 6455 section 1.9). Another number is another protocol; within one, members and message
/// types may be added, and whoever does not know them passes them over.
pub const SUBPROTOCOL: &str = "portcullis.fleet.v1";

/// Where a control plane takes data planes.
pub const PATH: &str = "/ws/data-plane";

/// The largest message, in bytes. A longer one ends the connection.
pub const MESSAGE_MAX_BYTES: usize = 64 << 10;
