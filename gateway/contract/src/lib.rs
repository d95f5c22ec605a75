//! Judges requests and responses against what an API's description promises.
//!
//! Sans-IO: bytes and header maps in, verdicts out. The gateway judges traffic by it, the compiler builds every
//! validator through it, so that the two cannot disagree about what can be enforced.

pub mod body;
pub mod coerce;
pub mod json;
pub mod media;
mod operation;
pub mod parameter;
pub mod percent;
pub mod pointer;
pub mod schema;
pub mod shape;
mod violation;
mod wire;

pub use operation::{BodyContract, ContractError, OperationContract, Response};
pub use violation::{Detail, Part, Place, Report, Violation};
