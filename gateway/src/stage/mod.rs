//! The stages of the [pipeline](crate::pipeline), one file each, in their order.

mod admit;
mod authenticate;
mod examine;
mod exchange;
mod limit;
mod respond;
mod rewrite;
mod route;
mod upstream;
mod validate;

pub use admit::{Admitted, admit};
pub use authenticate::{Authorized, authenticate};
pub use examine::{Examined, examine};
pub use exchange::Exchange;
pub use limit::{Limited, limit};
pub use respond::{Reply, ResponseBody, refuse, respond};
pub use rewrite::{Outbound, REQUEST_ID, rewrite};
pub use route::{Matched, Routed, route};
pub use upstream::upstream;
pub use validate::{Validated, validate};
