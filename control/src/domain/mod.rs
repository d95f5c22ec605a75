//! What the control plane knows, and the rules that hold in it: nouns, who may do what, and the ports through which
//! they are kept. Knows neither HTTP nor SQL.
//!
//! Read in this order:
//! - [`id`], [`name`], [`version`], [`page`], [`time`]: what every noun has; [`error`]: what can go wrong with any of them;
//! - [`access`]: scopes, roles, and who asks; [`act`]: who does what, for the audit log;
//! - [`secret`]: what people, pipelines and data planes show to say who they are;
//! - [`token`], [`team`], [`project`] and what a project owns, such as each [`api_key`];
//! - [`audit`]: what was done, and what was refused; [`idempotency`]: what is done once however often it is asked for;
//! - [`store`]: the port that databases implement.

pub mod access;
pub mod act;
pub mod api_key;
pub mod audit;
pub mod error;
pub mod id;
pub mod idempotency;
pub mod name;
pub mod page;
pub mod project;
pub mod secret;
pub mod store;
pub mod team;
pub mod time;
pub mod token;
pub mod version;
