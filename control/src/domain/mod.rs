//! What the control plane knows, and the rules that hold in it: nouns, who may do what, and the ports through which
//! they are kept. Knows neither HTTP nor SQL.
//!
//! Read in this order:
//! - [`id`], [`name`], [`which`], [`version`], [`page`], [`time`], [`digest`]: what every noun has; [`error`]: what can go
//!   wrong with any of them;
//! - [`access`]: scopes, roles, and who asks; [`act`]: who does what, for the audit log;
//! - [`secret`]: what people, pipelines and data planes show to say who they are;
//! - [`token`], [`team`], [`project`] and what a project owns: [`spec`], [`revision_diff`], [`signing_key`], [`api_key`],
//!   [`data_plane`], [`deployment`]; [`label`] chooses among data planes; [`node`]: what they say of themselves; [`plan`]:
//!   what they are to serve;
//! - [`mod@build`], with what compilers say in a [`report`]; [`artifact`]; [`signing`]: the port through which builds are
//!   signed;
//! - [`trace`]: what is kept of the span that caused something; [`audit`]: what was done, and what was refused;
//!   [`idempotency`]: what is done once however often it is asked for; [`backup`]: all of it, as rows;
//! - [`store`]: the port that databases implement.

pub mod access;
pub mod act;
pub mod api_key;
pub mod artifact;
pub mod audit;
pub mod backup;
pub mod bootstrap;
pub mod build;
pub mod data_plane;
pub mod deployment;
pub mod digest;
pub mod error;
pub mod id;
pub mod idempotency;
pub mod label;
pub mod name;
pub mod node;
pub mod page;
pub mod plan;
pub mod pointer;
pub mod project;
pub mod project_update;
pub mod registry;
pub mod report;
pub mod revision_diff;
pub mod rollout;
pub mod secret;
pub mod signing;
pub mod signing_key;
pub mod spec;
pub mod store;
pub mod team;
pub mod time;
pub mod token;
pub mod trace;
pub mod version;
pub mod which;
