//! The control plane: what turns API descriptions into artifacts, and shows what they say.
//!
//! Read in this order:
//! - [`cli`]: every command there is; [`command`]: what each one does; [`exit`]: how each one can end;
//! - [`compilation`]: from documents to a signed artifact; [`documents`]: the files that it may read;
//!   [`key`]: whom to sign as and whom to believe; [`artifact`]: artifact files on disk;
//!   [`mod@file`]: every other file;
//! - [`diff`]: what changed between two artifacts, for clients and for security;
//! - [`upload`]: what was uploaded, as documents; [`build`]: documents compiled in a process of their own;
//! - [`dev`]: the loop of `dev`: watch, compile, serve; [`init`]: the project to start from;
//! - [`client`]: a server, as the command line sees it;
//! - [`store`]: where it keeps that; [`custody`]: who has the private keys; [`rollouts`]: lets deployments go on; [`access`]: who may ask, and how often;
//!   [`api`]: how it is asked; [`app`]: all of it, put together;
//! - [`backup`]: all of that in one file, and back;
//! - [`mod@fleet`]: data planes that are connected, and what they are told;
//! - [`server`]: the listener; [`telemetry`]: logs, metrics and traces; `watcher`: folders that are watched for changes;
//! - `setbacks`: what failed, and is left alone for a while; [`hidden`]: what is not shown by accident;
//!   [`output`]: what is shown; [`config`]: what the environment says.

pub mod access;
pub mod api;
pub mod app;
pub mod artifact;
pub mod backup;
pub mod bootstrap;
pub mod build;
pub mod cli;
pub mod client;
pub mod command;
pub mod compilation;
pub mod config;
pub mod custody;
pub mod dev;
pub mod diff;
pub mod documents;
pub mod domain;
pub mod exit;
pub mod file;
pub mod fleet;
pub mod hidden;
pub mod init;
pub mod key;
pub mod output;
pub mod rollouts;
pub mod server;
mod setbacks;
pub mod store;
pub mod telemetry;
pub mod upload;
mod watcher;
