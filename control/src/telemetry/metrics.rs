//! Metrics, as OpenMetrics text.

use std::fmt;
use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::fleet::FleetMetrics;
use crate::server::tls::Certificates;

/// The media type of [`Metrics::exposition`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the buckets of requests, in seconds.
const REQUEST_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Upper bounds of the buckets of builds, in seconds.
const BUILD_SECONDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

/// What stands for a method, a route or a status that is none of ours.
const OTHER: &str = "_OTHER";

/// Everything that is counted and measured. Its fields are handles: whoever knows a number sets it.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RequestLabels, Histogram, fn() -> Histogram>,
    builds: Family<BuildLabels, Gauge>,
    build_seconds: Family<BuildLabels, Histogram, fn() -> Histogram>,
    certificates: Arc<OnceLock<Arc<Certificates>>>,
    /// Data planes, and what they are told.
    pub fleet: FleetMetrics,
    /// API tokens that are neither expired nor revoked.
    pub active_tokens: Gauge,
    /// Connections to the database that are open.
    pub db_connection_pool_size: Gauge,
    /// Events written to the audit log.
    pub audit_log_writes: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    state: &'static str,
}

/// A request that has ended.
#[derive(Debug)]
pub(super) struct Ended<'e> {
    pub(super) method: &'e Method,
    /// A template of ours, never a path; `None` where there was none.
    pub(super) route: Option<&'e str>,
    /// `None` where the client left before there was one.
    pub(super) status: Option<u16>,
    pub(super) took: Duration,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            builds: Family::default(),
            build_seconds: Family::new_with_constructor(|| Histogram::new(BUILD_SECONDS)),
            certificates: Arc::default(),
            fleet: FleetMetrics::default(),
            active_tokens: Gauge::default(),
            db_connection_pool_size: Gauge::default(),
            audit_log_writes: Counter::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("http_requests", "Requests, by what became of them", self.requests.clone());
        let help = "From a request's head to the end of its response";
        let seconds = self.request_seconds.clone();
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, seconds);
        let help = "API tokens that are neither expired nor revoked";
        registry.register("portcullis_active_tokens", help, self.active_tokens.clone());
        let help = "Connections to the database that are open";
        registry.register("portcullis_db_connection_pool_size", help, self.db_connection_pool_size.clone());
        registry.register("portcullis_audit_log_writes", "Events in the audit log", self.audit_log_writes.clone());
        registry.register("portcullis_builds", "Builds, by state", self.builds.clone());
        let help = "From a build's start to its end, by how it ended";
        let seconds = self.build_seconds.clone();
        registry.register_with_unit("portcullis_build_duration", help, Unit::Seconds, seconds);
        self.fleet.register(registry);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("portcullis_control_build", "What this program was built from", version);
        registry.register_collector(Box::new(AtScrape { certificates: self.certificates.clone() }));
    }

    /// A request has ended.
    pub(super) fn request(&self, ended: &Ended<'_>) {
        let labels = RequestLabels {
            method: known(ended.method),
            route: ended.route.unwrap_or(OTHER).to_owned(),
            status: ended.status.map_or_else(|| OTHER.to_owned(), |status| status.to_string()),
        };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.get_or_create(&labels).observe(ended.took.as_secs_f64());
    }

    /// How many builds are in a state now.
    pub fn builds(&self, state: &'static str, count: i64) {
        self.builds.get_or_create(&BuildLabels { state }).set(count);
    }

    /// A build has ended in a state.
    pub fn build_ended(&self, state: &'static str, took: Duration) {
        self.build_seconds.get_or_create(&BuildLabels { state }).observe(took.as_secs_f64());
    }

    /// From now on what becomes of the certificate is shown as well; there is one in the life of a server.
    pub fn show_certificates(&self, certificates: Arc<Certificates>) {
        let _shown_already = self.certificates.set(certificates).is_err();
    }

    /// Everything, as OpenMetrics text.
    pub fn exposition(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Any other is the client's own.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}

/// What is looked up when somebody asks.
#[derive(Debug)]
struct AtScrape {
    certificates: Arc<OnceLock<Arc<Certificates>>>,
}

impl Collector for AtScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(certificates) = self.certificates.get() {
            let (name, help) = ("portcullis_tls_cert_expiry_timestamp", "When the certificate ends, since 1970");
            encoder
                .encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?
                .encode_gauge(&certificates.expires_at().as_second())?;
            let (name, help) = ("portcullis_tls_cert_refused", "Certificates that could not be served with");
            encoder
                .encode_descriptor(name, help, None, MetricType::Counter)?
                .encode_counter::<NoLabelSet, _, u64>(&certificates.refused(), None)?;
        }
        if let Some(bytes) = resident_bytes() {
            let (name, help) = ("process_resident_memory", "Memory of this process that is not swapped out");
            encoder.encode_descriptor(name, help, Some(&Unit::Bytes), MetricType::Gauge)?.encode_gauge(&bytes)?;
        }
        Ok(())
    }
}

/// `VmRSS` of proc(5); `None` on systems without.
fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok()?.checked_mul(1024)
}
