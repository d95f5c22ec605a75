//! What the environment says of a collector of traces, by the
//! [specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/): `OTEL_EXPORTER_OTLP_ENDPOINT`,
//! `_PROTOCOL`, `_HEADERS` and `_TIMEOUT`, each also as `OTEL_EXPORTER_OTLP_TRACES_*`; `OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` and `OTEL_SDK_DISABLED`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;

use http::Uri;
use thiserror::Error;

use crate::hidden::Hidden;

/// Which traces are made, and where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Who says so: `service.name`.
    pub service_name: String,
    /// What else is known of this process, in the order given.
    pub resource: Vec<(String, String)>,
    /// Which traces that begin here are recorded; others are if the caller's are.
    pub sampler: Sampler,
    /// The collector. Without one nothing is sent.
    pub collector: Option<Collector>,
}

/// Where spans are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    /// The whole URL, such as `http://localhost:4318/v1/traces`.
    pub endpoint: Uri,
    /// How they are written.
    pub protocol: Protocol,
    /// What is sent along; values are percent-encoded.
    pub headers: Hidden<HashMap<String, String>>,
    /// How long one delivery may take.
    pub timeout: Duration,
}

/// How spans are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `http/protobuf`, unless something else is said.
    Protobuf,
    /// `http/json`
    Json,
}

/// Which traces are recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// All of them, whatever the caller says.
    Always,
    /// None.
    Never,
    /// This share of all, from 0 to 1.
    Ratio(f64),
    /// The caller's, and this share of those without one.
    Parent(f64),
}

/// A variable that cannot be used.
#[derive(Debug, Error)]
#[error("{name} is `{value}`: expected {expected}")]
pub struct Error {
    name: String,
    value: String,
    expected: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service_name: "portcullis-control".to_owned(),
            resource: Vec::new(),
            sampler: Sampler::Parent(1.0),
            collector: None,
        }
    }
}

impl Settings {
    /// Reads the variables. One that is empty counts as unset.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let variables = Variables(variable);
        let mut settings = Self { sampler: variables.sampler()?, collector: variables.collector()?, ..Self::default() };
        if let Some(attributes) = variables.get("OTEL_RESOURCE_ATTRIBUTES")? {
            settings.resource = attributes.pairs("key=value,...")?;
        }
        // Either way of naming the service will do; the variable of its own goes before.
        let named = settings.resource.iter().position(|(key, _)| key == "service.name");
        if let Some(at) = named {
            settings.service_name = settings.resource.remove(at).1;
        }
        if let Some(name) = variables.get("OTEL_SERVICE_NAME")? {
            settings.service_name = name.value;
        }
        Ok(settings)
    }
}

struct Variables<F>(F);

/// A variable that is set.
struct Variable {
    name: String,
    value: String,
}

impl<F: Fn(&str) -> Option<OsString>> Variables<F> {
    fn get(&self, name: &str) -> Result<Option<Variable>, Error> {
        let Some(value) = (self.0)(name) else { return Ok(None) };
        let name = name.to_owned();
        match value.into_string() {
            Ok(value) if value.trim().is_empty() => Ok(None),
            Ok(value) => Ok(Some(Variable { name, value: value.trim().to_owned() })),
            Err(value) => Err(Error { name, value: value.to_string_lossy().into_owned(), expected: "UTF-8" }),
        }
    }

    /// What is said of traces, else what is said of all signals.
    fn exporter(&self, name: &str) -> Result<Option<Variable>, Error> {
        let of_traces = self.get(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))?;
        of_traces.map_or_else(|| self.get(&format!("OTEL_EXPORTER_OTLP_{name}")), |variable| Ok(Some(variable)))
    }

    fn collector(&self) -> Result<Option<Collector>, Error> {
        if self.get("OTEL_SDK_DISABLED")?.is_some_and(|variable| variable.value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let Some(endpoint) = self.exporter("ENDPOINT")? else { return Ok(None) };
        let protocol = self.exporter("PROTOCOL")?.map_or(Ok(Protocol::Protobuf), Variable::protocol)?;
        let headers = self.exporter("HEADERS")?.map_or(Ok(Vec::new()), |variable| variable.pairs("name=value,..."))?;
        let timeout = self.exporter("TIMEOUT")?.map_or(Ok(Duration::from_secs(10)), Variable::milliseconds)?;
        let endpoint = endpoint.endpoint()?;
        Ok(Some(Collector { endpoint, protocol, headers: Hidden::new(headers.into_iter().collect()), timeout }))
    }

    fn sampler(&self) -> Result<Sampler, Error> {
        let ratio = || self.get("OTEL_TRACES_SAMPLER_ARG")?.map_or(Ok(1.0), Variable::ratio);
        let Some(name) = self.get("OTEL_TRACES_SAMPLER")? else { return Ok(Sampler::Parent(1.0)) };
        Ok(match name.value.as_str() {
            "always_on" => Sampler::Always,
            "always_off" => Sampler::Never,
            "traceidratio" => Sampler::Ratio(ratio()?),
            "parentbased_always_on" => Sampler::Parent(1.0),
            "parentbased_always_off" => Sampler::Parent(0.0),
            "parentbased_traceidratio" => Sampler::Parent(ratio()?),
            _ => return Err(name.refused("always_on, always_off, traceidratio, or one of these after `parentbased_`")),
        })
    }
}

impl Variable {
    fn refused(self, expected: &'static str) -> Error {
        Error { name: self.name, value: self.value, expected }
    }

    /// The path `/v1/traces` is added to an endpoint of all signals, not to one of traces.
    fn endpoint(self) -> Result<Uri, Error> {
        let is_of_traces = self.name.contains("_TRACES_");
        let path = if is_of_traces { "" } else { "/v1/traces" };
        let base = if is_of_traces { &self.value[..] } else { self.value.trim_end_matches('/') };
        let url = format!("{base}{path}");
        let is_http = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https"));
        let parsed = url.parse().ok().filter(is_http);
        parsed.ok_or_else(|| self.refused("an http:// or https:// URL"))
    }

    fn protocol(self) -> Result<Protocol, Error> {
        match self.value.as_str() {
            "http/protobuf" => Ok(Protocol::Protobuf),
            "http/json" => Ok(Protocol::Json),
            _ => Err(self.refused("http/protobuf or http/json")),
        }
    }

    fn milliseconds(self) -> Result<Duration, Error> {
        let parsed = self.value.parse().ok().map(Duration::from_millis);
        parsed.ok_or_else(|| self.refused("milliseconds, as a number"))
    }

    fn ratio(self) -> Result<f64, Error> {
        let parsed = self.value.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        parsed.ok_or_else(|| self.refused("a number from 0 to 1"))
    }

    fn pairs(self, expected: &'static str) -> Result<Vec<(String, String)>, Error> {
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=')?;
            Some((key.trim().to_owned(), value.trim().to_owned())).filter(|(key, _)| !key.is_empty())
        };
        let pairs = self.value.split(',').filter(|pair| !pair.trim().is_empty()).map(pair).collect::<Option<_>>();
        // Headers are secrets: what is wrong with them is said without showing them.
        pairs.ok_or_else(|| Error { name: self.name, value: "...".to_owned(), expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let value = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(value));
        Settings::read(value).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_sent_unless_somebody_says_where() {
        assert_eq!(read(&[]), Ok(Settings::default()));
        assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Ok(Settings::default()));
        let disabled = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"), ("OTEL_SDK_DISABLED", "true")];
        assert_eq!(read(&disabled), Ok(Settings::default()));
    }

    #[test]
    fn what_is_said_of_traces_goes_before_what_is_said_of_all() {
        let endpoint = |variables: &[(&str, &str)]| read(variables).unwrap().collector.unwrap().endpoint.to_string();
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");
        assert_eq!(endpoint(&[all]), "http://c:4318/v1/traces");
        assert_eq!(endpoint(&[all, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://d/x")]), "https://d/x");
    }

    #[test]
    fn everything_is_taken() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x = y"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment=test"),
            ("OTEL_SERVICE_NAME", "control"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ]);
        let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let collector = Collector {
            endpoint: Uri::from_static("http://c:4318/v1/traces"),
            protocol: Protocol::Json,
            headers: Hidden::new([("api-key", "a%20b"), ("x", "y")].map(pair).into()),
            timeout: Duration::from_millis(250),
        };
        let expected = Settings {
            service_name: "control".to_owned(),
            resource: vec![pair(("deployment.environment", "test"))],
            sampler: Sampler::Parent(0.25),
            collector: Some(collector),
        };
        assert_eq!(settings, Ok(expected));
    }

    #[test]
    fn headers_are_not_shown() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2"),
        ]);
        let shown = format!("{settings:?}");
        assert!(shown.contains("c:4318") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ] {
            let error = read(&[(name, value), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")]).unwrap_err();
            assert!(error.starts_with(name) && !error.contains("secret"), "{error}");
        }
        let ratio = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
        assert!(read(&ratio).unwrap_err().starts_with("OTEL_TRACES_SAMPLER_ARG"));
    }
}
