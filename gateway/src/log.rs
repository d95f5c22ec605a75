//! Logging: to standard error, JSON lines unless asked otherwise.

use std::io::{IsTerminal, stderr};

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::LogFormat;

/// Why nothing can be logged.
#[derive(Debug, Error)]
pub enum LogError {
    /// The filter does not parse.
    #[error("`{filter}` is no log filter (--log or RUST_LOG): {source}; write a level, or `target=level,...`")]
    Filter {
        /// The filter.
        filter: String,
        /// Why.
        source: ParseError,
    },
    /// Logging was started before.
    #[error(transparent)]
    Started(#[from] TryInitError),
}

/// Starts logging, once in the life of a process.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let filter =
        EnvFilter::builder().parse(filter).map_err(|source| LogError::Filter { filter: filter.into(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init()?,
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).finish().try_init()?,
    }
    Ok(())
}
