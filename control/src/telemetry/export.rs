//! The way of spans to a collector: batched in a bounded queue on a thread of its own, dropped where the collector is
//! away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{self, BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use thiserror::Error;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::otlp::{Collector, Protocol, Sampler, Settings};

/// The most spans that wait to be sent; what comes then is dropped.
const QUEUE_MAX: usize = 2048;

/// The most spans of one delivery.
const BATCH_MAX: usize = 512;

/// How long a span waits for company.
const BATCH_DELAY: Duration = Duration::from_secs(5);

/// Why spans cannot be sent.
#[derive(Debug, Error)]
pub enum Error {
    /// No client can be made.
    #[error("cannot send traces: {0}")]
    Client(#[from] reqwest::Error),
    /// No exporter can be made.
    #[error("cannot send traces: {0}; see the variables OTEL_EXPORTER_OTLP_*")]
    Exporter(#[from] ExporterBuildError),
}

/// What makes spans. Without a collector they have ids all the same, which logs and other services are told.
pub(super) fn provider(settings: &Settings) -> Result<SdkTracerProvider, Error> {
    let attribute = |(key, value): &(String, String)| KeyValue::new(key.clone(), value.clone());
    let resource = Resource::builder_empty()
        // So that control planes with one database can be told apart.
        .with_attribute(KeyValue::new("service.instance.id", Uuid::new_v4().to_string()))
        .with_attributes(settings.resource.iter().map(attribute))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_service_name(settings.service_name.clone());
    let builder = SdkTracerProvider::builder().with_resource(resource.build()).with_sampler(sampler(settings.sampler));
    let Some(collector) = &settings.collector else { return Ok(builder.build()) };
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_MAX)
        .with_max_export_batch_size(BATCH_MAX)
        .with_scheduled_delay(BATCH_DELAY)
        .build();
    let processor = BatchSpanProcessor::builder(exporter(collector)?).with_batch_config(batches).build();
    Ok(builder.with_span_processor(processor).build())
}

fn sampler(sampler: Sampler) -> trace::Sampler {
    match sampler {
        Sampler::Always => trace::Sampler::AlwaysOn,
        Sampler::Never => trace::Sampler::AlwaysOff,
        Sampler::Ratio(ratio) => trace::Sampler::TraceIdRatioBased(ratio),
        Sampler::Parent(ratio) => trace::Sampler::ParentBased(Box::new(trace::Sampler::TraceIdRatioBased(ratio))),
    }
}

fn exporter(collector: &Collector) -> Result<SpanExporter, Error> {
    let client = reqwest::Client::builder().timeout(collector.timeout).redirect(reqwest::redirect::Policy::none());
    let delivery = Delivery { client: client.build()?, runtime: Handle::current(), is_failing: Arc::default() };
    let protocol = match collector.protocol {
        Protocol::Protobuf => opentelemetry_otlp::Protocol::HttpBinary,
        Protocol::Json => opentelemetry_otlp::Protocol::HttpJson,
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(delivery)
        .with_endpoint(collector.endpoint.to_string())
        .with_protocol(protocol)
        .with_timeout(collector.timeout)
        .with_headers(collector.headers.reveal().clone())
        // Retries would wait on a thread without a runtime, and the next batch with them.
        .with_retry_policy(RetryPolicy::disabled());
    Ok(exporter.build()?)
}

/// Sends on the runtime what the exporter's own thread, which has none, wants sent.
#[derive(Debug)]
struct Delivery {
    client: reqwest::Client,
    runtime: Handle,
    is_failing: Arc<AtomicBool>,
}

#[async_trait]
impl HttpClient for Delivery {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let sending = send(self.client.clone(), request, self.is_failing.clone());
        self.runtime.spawn(sending).await?
    }
}

async fn send(
    client: reqwest::Client,
    request: reqwest::Request,
    is_failing: Arc<AtomicBool>,
) -> Result<Response<Bytes>, HttpError> {
    let answer = async {
        let response = client.execute(request).await?.error_for_status()?;
        let status = response.status();
        Ok::<_, reqwest::Error>((status, response.bytes().await?))
    };
    let answer = answer.await;
    // Said once, and once more when it is over.
    match (&answer, is_failing.swap(answer.is_err(), Ordering::Relaxed)) {
        (Err(error), false) => tracing::warn!(%error, "traces are dropped: the collector does not take them"),
        (Ok(_), true) => tracing::info!("the collector takes traces again"),
        (Err(_), true) | (Ok(_), false) => {}
    }
    let (status, body) = answer?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Ok(response)
}
