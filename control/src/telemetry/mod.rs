//! What can be seen from outside: logs, metrics, traces.
//!
//! - [`log`]: lines of JSON, or text for people; [`metrics`]: the registry and its text;
//! - [`trace`]: W3C trace context in and out; [`otlp`]: what the environment says of a collector; `export`: the way to it;
//! - [`request`]: the layer that gives every request its span, its line and its place in the metrics;
//!   [`request_id`]: its name.

mod export;
pub mod fleet;
pub mod log;
pub mod metrics;
pub mod otlp;
pub mod request;
pub mod request_id;
#[cfg(test)]
mod tests;
pub mod trace;

use std::io::stderr;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use thiserror::Error;
use tokio::task::spawn_blocking;
use tracing::{Dispatch, Level, Metadata};
use tracing_subscriber::filter::{FilterExt, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub use metrics::Metrics;
pub use request::Observe;
pub use request_id::RequestId;

/// How long the last spans may take to leave.
const FLUSH: Duration = Duration::from_secs(5);

/// Why nothing can be seen.
#[derive(Debug, Error)]
pub enum Error {
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
    /// Spans cannot be sent.
    #[error(transparent)]
    Export(#[from] export::Error),
}

/// What is to be seen, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How lines look.
    pub format: log::Format,
    /// Which lines there are: a level, or `target=level,...`.
    pub filter: String,
    /// Where spans go.
    pub traces: otlp::Settings,
}

/// Logging and tracing, under way.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Starts, once in the life of a process; lines go to standard error. Needs a runtime.
    pub fn start(settings: &Settings) -> Result<Self, Error> {
        let (dispatch, telemetry) = Self::new(settings, stderr)?;
        dispatch.try_init()?;
        Ok(telemetry)
    }

    fn new<W>(settings: &Settings, writer: W) -> Result<(Dispatch, Self), Error>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let filter = EnvFilter::builder()
            .parse(&settings.filter)
            .map_err(|source| Error::Filter { filter: settings.filter.clone(), source })?;
        // Our spans pass whatever the filter says: they have the ids that lines are found by.
        let lines = filter_fn(is_own_span).with_max_level_hint(Level::INFO).or(filter);
        // Without a collector, the spans that only it would see are not made.
        let finest = if settings.traces.collector.is_some() { Level::DEBUG } else { Level::INFO };
        let exported = filter_fn(move |metadata| {
            let finest = if metadata.is_span() { finest } else { Level::WARN };
            is_own(metadata) && *metadata.level() <= finest
        });
        let provider = export::provider(&settings.traces)?;
        let traces = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("portcullis-control"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(exported.with_max_level_hint(finest));
        let lines = log::layer(settings.format, writer).with_filter(lines);
        // Traces come first: a span's id is known by the time that it is logged.
        let dispatch = Dispatch::new(Registry::default().with(traces).with(lines));
        Ok((dispatch, Self { provider }))
    }

    /// Sends what is left, for five seconds at most.
    pub async fn finish(self) {
        let finished = spawn_blocking(move || self.provider.shutdown_with_timeout(FLUSH)).await;
        if let Ok(Err(error)) = finished {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Spans of libraries are not exported: those of the exporter itself would never end.
fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"))
}

fn is_own_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && is_own(metadata) && *metadata.level() <= Level::INFO
}
