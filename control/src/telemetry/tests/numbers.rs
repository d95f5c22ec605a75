//! What is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::server::options::Tls;
use crate::server::tls::Certificates;

/// Every series of an exposition, with its value.
fn parse(text: &str) -> BTreeMap<String, String> {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let series = text.lines().filter(|line| !line.starts_with('#'));
    let series = series.map(|line| line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}")));
    let number = |value: &str| value.parse::<f64>().is_ok().then(|| value.to_owned()).expect(value);
    series.map(|(name, value)| (name.to_owned(), number(value))).collect()
}

fn value(metrics: &Metrics, name: &str) -> String {
    let series = parse(&metrics.exposition().unwrap());
    series.get(name).unwrap_or_else(|| panic!("no {name} in {series:#?}")).clone()
}

#[tokio::test]
async fn requests_are_counted_by_template() {
    let seen = Seen::new("off", otlp::Settings::default());
    for path in ["/projects/1", "/projects/2", "/nowhere/3", "/fails"] {
        seen.ask(request(path)).await;
    }
    seen.ask(Request::builder().method("BREW").uri("/nowhere/4")).await;
    for (labels, count) in [
        (r#"method="GET",route="/projects/{id}",status="200""#, "2"),
        (r#"method="GET",route="_OTHER",status="404""#, "1"),
        (r#"method="GET",route="/fails",status="500""#, "1"),
        (r#"method="_OTHER",route="_OTHER",status="404""#, "1"),
    ] {
        assert_eq!(value(&seen.metrics, &format!("http_requests_total{{{labels}}}")), count, "{labels}");
        assert_eq!(value(&seen.metrics, &format!("http_request_duration_seconds_count{{{labels}}}")), count);
    }
}

#[test]
fn every_name_is_as_promised() {
    let metrics = Metrics::default();
    metrics.active_tokens.set(3);
    metrics.db_connection_pool_size.set(5);
    metrics.audit_log_writes.inc_by(7);
    metrics.builds("running", 2);
    metrics.build_ended("failed", Duration::from_millis(70));
    metrics.show_certificates(certificates());
    for (name, expected) in [
        ("portcullis_active_tokens", "3"),
        ("portcullis_db_connection_pool_size", "5"),
        ("portcullis_audit_log_writes_total", "7"),
        (r#"portcullis_builds{state="running"}"#, "2"),
        (r#"portcullis_build_duration_seconds_bucket{le="0.05",state="failed"}"#, "0"),
        (r#"portcullis_build_duration_seconds_bucket{le="0.1",state="failed"}"#, "1"),
        ("portcullis_tls_cert_expiry_timestamp_seconds", "2000000000"),
        ("portcullis_tls_cert_refused_total", "0"),
        (concat!("portcullis_control_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), "1"),
    ] {
        assert_eq!(value(&metrics, name), expected, "{name}");
    }
    assert!(value(&metrics, "process_resident_memory_bytes").parse::<u64>().unwrap() > 1_000_000);
    assert!(!Metrics::default().exposition().unwrap().contains("tls_cert_expiry"));
}

/// Name, type and labels of every metric, as the reference page has them.
#[tokio::test]
async fn the_reference_page_has_every_metric_and_no_other() {
    let seen = Seen::new("off", otlp::Settings::default());
    seen.ask(request("/projects/1")).await;
    seen.metrics.builds("running", 2);
    seen.metrics.build_ended("failed", Duration::from_millis(70));
    seen.metrics.fleet.connected(Vec::new());
    seen.metrics.fleet.refused("busy");
    seen.metrics.show_certificates(certificates());
    let text = seen.metrics.exposition().unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let metrics: BTreeMap<String, (String, BTreeSet<String>)> = types
        .map(|(family, kind)| {
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            let series = text.lines().filter(|line| line.starts_with(family));
            let labels = series.filter_map(|line| Some(line.split_once('{')?.1.rsplit_once('}')?.0));
            let names = labels.flat_map(|labels| labels.split("\",").filter_map(|label| label.split('=').next()));
            let names = names.filter(|name| *name != "le").map(str::to_owned).collect();
            (format!("{family}{suffix}"), (kind.to_owned(), names))
        })
        .collect();
    let page = include_str!("../../../../docs/reference/running-the-control-plane.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Metrics\n")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let written: BTreeMap<_, _> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let labels = cells[3].split('`').skip(1).step_by(2).map(str::to_owned).collect();
            (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), labels))
        })
        .collect();
    assert_eq!(written, metrics);
}

/// A certificate that ends in the second 2,000,000,000.
fn certificates() -> Arc<Certificates> {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2033, 5, 18) + Duration::from_secs(3 * 3600 + 33 * 60 + 20);
    let key = rcgen::KeyPair::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).unwrap();
        Some(folder.path().join(name))
    };
    let cert = file("cert.pem", parameters.self_signed(&key).unwrap().pem());
    let tls = Tls { cert, key: file("key.pem", key.serialize_pem()), client_ca: None };
    Arc::new(Certificates::load(&tls).unwrap().unwrap())
}
