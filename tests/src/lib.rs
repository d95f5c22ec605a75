//! What the end-to-end tests are written with: a test reads as a sentence.
//!
//! ```no_run
//! # use tests::{Api, Gateway, Upstream};
//! # async fn example() {
//! let upstream = Upstream::echo().await;
//! let gateway = Gateway::serving(&Api::at(&upstream).get("/pets/{id}")).start().await;
//! let answer = gateway.get("/pets/7").await;
//! assert_eq!((answer.status, upstream.requests()), (200, 1));
//! # }
//! ```
//!
//! - [`api`]: the API that the gateway serves, as a signed artifact;
//! - [`compiled`]: public API descriptions, compiled by the real compiler;
//! - [`gateway`]: the real `portcullis` binary, started, watched and ended;
//! - [`upstream`]: a server behind it, which sees what arrives; [`scripted`]: one that misbehaves byte by byte;
//! - [`client`]: a client that keeps its connection; [`raw`]: one that may say anything;
//! - [`control_plane`]: the real `portcullis-control serve`;
//! - [`company`]: one with real gateways, led by the command line;
//! - [`collector`]: a collector of traces; [`postgres`]: PostgreSQL servers; [`s3`]: a server that speaks S3;
//!   [`relay`]: a way to a server that may lead elsewhere;
//! - [`scripted_control`]: a control plane for data planes, with every misfortune that a test asks for;
//! - [`data_plane`]: a data plane that speaks the protocol and serves nothing; [`project`]: what it connects to;
//!   [`drone`]: one that keeps all the rules, of which thousands fit into one process;
//! - [`load`]: many clients at once, none of whose failures is forgotten;
//! - [`wait`]: conditions instead of pauses; [`process`]: what the kernel knows of a process;
//! - [`command_line`]: `portcullis-control` as somebody types it;
//! - [`documented`]: what the documentation tells people to type;
//! - [`config`]: what the environment says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a harness fails by panicking")]
#![allow(clippy::print_stdout, reason = "what a test has to say beyond its verdict")]
#![allow(clippy::missing_panics_doc, reason = "it always does, where what it was told to do cannot be done")]

pub mod api;
pub mod client;
pub mod collector;
pub mod command_line;
pub mod company;
pub mod compiled;
pub mod config;
pub mod control_plane;
pub mod data_plane;
pub mod documented;
pub mod drone;
pub mod gateway;
pub mod load;
mod logs;
pub mod postgres;
pub mod process;
pub mod project;
pub mod raw;
pub mod relay;
pub mod s3;
pub mod scripted;
pub mod scripted_control;
pub mod upstream;
pub mod wait;

pub use api::{Api, Endpoint};
pub use client::{Answer, Client};
pub use command_line::CommandLine;
pub use company::Company;
pub use control_plane::ControlPlane;
pub use data_plane::{DataPlane, Follower};
pub use gateway::Gateway;
pub use project::Project;
pub use relay::Relay;
pub use scripted::Scripted;
pub use scripted_control::ScriptedControl;
pub use upstream::Upstream;
