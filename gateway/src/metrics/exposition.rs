//! Metrics as OpenMetrics text.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::workers::Reading;
use super::{BUCKETS_SECONDS, Metrics};
use crate::reload::Reloads;

/// The media type of [`Metrics::exposition`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What method and route a series without one is shown with.
const OTHER: &str = "_OTHER";

impl Metrics {
    /// Everything, as OpenMetrics text.
    pub fn exposition(self: &std::sync::Arc<Self>) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_requests(&mut encoder)?;
        self.encode_examinations(&mut encoder)?;
        self.encode_workers(&mut encoder)?;
        self.encode_reloads(&mut encoder)?;
        self.encode_control_plane(&mut encoder)
    }
}

impl Metrics {
    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "From a request's head to the end of its response";
        let mut requests = encoder.encode_descriptor(
            "http_server_request_duration",
            help,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for series in self.routes.series() {
            let status = series.status.map_or_else(|| OTHER.to_owned(), |status| status.to_string());
            let mut labels = vec![("http_request_method", series.method), ("http_response_status_code", status)];
            labels.extend(series.route.map(|route| ("http_route", route)));
            let bounds = BUCKETS_SECONDS.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<_> = bounds.zip(series.counts).collect();
            let count = series.counts.iter().sum();
            requests.encode_family(&labels)?.encode_histogram::<NoLabelSet>(series.sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn encode_examinations(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Responses held against what the description promises, by what came of it";
        let mut counter =
            encoder.encode_descriptor("portcullis_responses_examined", help, None, MetricType::Counter)?;
        for examined in self.routes.examined() {
            let mut labels =
                vec![("http_request_method", examined.method), ("result", examined.result.as_str().to_owned())];
            labels.extend(examined.route.map(|route| ("http_route", route)));
            counter.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&examined.count, None)?;
        }
        Ok(())
    }

    fn encode_workers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut sum = Reading::default();
        self.workers.iter().for_each(|counters| sum.add(counters));
        encoder
            .encode_descriptor("portcullis_connections", "Client connections open", None, MetricType::Gauge)?
            .encode_gauge(&i64::try_from(sum.connections_open).unwrap_or(i64::MAX))?;
        let counters = [
            ("portcullis_connections_opened", "Client connections accepted", sum.connections_opened),
            (
                "portcullis_upstream_connections_opened",
                "Connections made to upstreams",
                sum.upstream_connections_opened,
            ),
            (
                "portcullis_upstream_connections_failed",
                "Connections to upstreams not made",
                sum.upstream_connections_failed,
            ),
            ("portcullis_upstream_retries", "Requests sent again on a fresh connection", sum.upstream_retries),
        ];
        for (name, help, count) in counters {
            let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            counter.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn encode_reloads(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Reloads { running, rejected, accepted, refused } = self.reloads().clone();
        let mut info =
            encoder.encode_descriptor("portcullis_artifact", "The artifact being served", None, MetricType::Info)?;
        if let Some(running) = &running {
            info.encode_info(&[("sha256", running.digest.to_string())])?;
        }
        let help = "The artifact that was refused last, while nothing newer was accepted";
        let mut info = encoder.encode_descriptor("portcullis_artifact_rejected", help, None, MetricType::Info)?;
        if let Some(rejected) = rejected {
            let digest = rejected.digest.map_or_else(String::new, |digest| digest.to_string());
            info.encode_info(&[("sha256", digest), ("code", rejected.code.into_owned())])?;
        }
        if let Some(running) = &running {
            let help = "When the artifact being served was loaded";
            let unit = Some(&Unit::Seconds);
            let name = "portcullis_reload_success_timestamp";
            encoder
                .encode_descriptor(name, help, unit, MetricType::Gauge)?
                .encode_gauge(&running.loaded_at_seconds())?;
        }
        let help = "Artifacts read since the start, by what became of them";
        let mut reloads = encoder.encode_descriptor("portcullis_reloads", help, None, MetricType::Counter)?;
        for (result, count) in [("accepted", accepted), ("rejected", refused)] {
            let labels = [("result", result)];
            reloads.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn encode_control_plane(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(report) = self.control_plane().clone() else { return Ok(()) };
        let help = "Whether the control plane knows this gateway now";
        encoder
            .encode_descriptor("portcullis_control_plane_connected", help, None, MetricType::Gauge)?
            .encode_gauge(&i64::from(report.connected))?;
        if let Some(serial) = report.pointer_serial {
            let help = "The serial of the newest deployment pointer that was taken";
            encoder
                .encode_descriptor("portcullis_pointer_serial", help, None, MetricType::Gauge)?
                .encode_gauge(&i64::try_from(serial.get()).unwrap_or(i64::MAX))?;
        }
        if let Some(expires_at) = report.pointer_expires_at {
            let help = "When that pointer expires";
            let name = "portcullis_pointer_expiry_timestamp";
            encoder
                .encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?
                .encode_gauge(&i64::try_from(expires_at).unwrap_or(i64::MAX))?;
        }
        let help = "The artifact that is to be served";
        let mut info = encoder.encode_descriptor("portcullis_desired", help, None, MetricType::Info)?;
        if let Some(desired) = report.desired {
            info.encode_info(&[("sha256", desired)])?;
        }
        let help = "What somebody should look at";
        let mut alarms = encoder.encode_descriptor("portcullis_alarm", help, None, MetricType::Gauge)?;
        let mut codes: Vec<String> = report.alarms.into_iter().map(|alarm| alarm.code).collect();
        codes.sort();
        codes.dedup();
        for code in codes {
            alarms.encode_family(&[("code", code)])?.encode_gauge(&1_i64)?;
        }
        Ok(())
    }
}
