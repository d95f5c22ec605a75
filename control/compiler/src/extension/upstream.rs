//! Where an operation's requests go, and what the upstreams are.

use artifact_format::model::{
    Balance, Feature, HealthCheck, Listener, Retries, RetryCondition, Target, Timeouts, Upstream, UpstreamScheme,
};

use super::shape::parse_duration;
use super::{Inherited, Released};
use crate::diagnostic::{Code, Sink};
use crate::document::Node;
use crate::lower::target;

/// What `upstream` says.
pub(crate) enum Choice<'d> {
    /// The name of one of the document's `upstreams`.
    Named(Node<'d>),
    /// A URL.
    Url(Node<'d>),
}

/// `base-path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BasePath {
    Keep,
    Strip,
}

/// The upstream that holds for an operation; `None` leaves it to `servers`.
pub(crate) fn chosen<'d>(settings: &Inherited<'d>) -> Option<Choice<'d>> {
    let chosen = settings.setting("upstream")?;
    let is_url = chosen.str()?.contains("://");
    Some(if is_url { Choice::Url(chosen) } else { Choice::Named(chosen) })
}

/// Whether the base path is asked of the upstream.
pub(crate) fn base_path(settings: &Inherited<'_>) -> BasePath {
    match settings.setting("base-path").as_ref().and_then(Node::str) {
        Some("strip") => BasePath::Strip,
        _ => BasePath::Keep,
    }
}

/// The path that the upstream is asked for instead of the one received.
pub(crate) fn upstream_path<'d>(settings: &Inherited<'d>) -> Option<Node<'d>> {
    settings.setting("path")
}

/// The listeners that serve an operation, by name, each once.
pub(crate) fn listeners(settings: &Inherited<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in settings.setting("listeners").iter().flat_map(Node::items) {
        if let Some(name) = name.str().filter(|name| !names.iter().any(|known| known == name)) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() { vec![Listener::DEFAULT.to_owned()] } else { names }
}

/// An upstream as `upstreams` defines it. What no gateway does yet, and URLs that cannot be used, are reported.
pub(crate) fn definition(name: &str, node: &Node<'_>, released: &mut Released, sink: &mut Sink) -> Option<Upstream> {
    let mut targets = Vec::new();
    for listed in node.get("targets")?.items() {
        let url = listed.get("url").unwrap_or_else(|| listed.clone());
        let weight = listed.get("weight").and_then(|weight| u32::try_from(weight.value().as_u64()?).ok()).unwrap_or(1);
        match target::parse(url.str()?) {
            Ok(target) => {
                if target.scheme == UpstreamScheme::Https {
                    released.demand(Feature::UpstreamTls, &url, sink);
                }
                targets.push(Target { weight, ..target });
            }
            Err(error) => {
                sink.error(Code::UpstreamUrl, &url, error.to_string()).hint(target::HINT);
            }
        }
    }
    let mut asked = |setting: &str, feature: Feature| {
        let setting = node.get(setting)?;
        released.demand(feature, &setting, sink);
        Some(setting)
    };
    let health = asked("health", Feature::HealthChecks).and_then(|health| self::health(&health));
    let retries = asked("retries", Feature::Retries).and_then(|retries| self::retries(&retries));
    let balance = match node.get("balance") {
        Some(balance) if balance.str() == Some("least-request") => {
            released.demand(Feature::LeastRequestBalance, &balance, sink);
            Balance::LeastRequest
        }
        _ => Balance::RoundRobin,
    };
    let name = name.to_owned();
    Some(Upstream { name, targets, balance, timeouts: timeouts(node), health, retries })
}

fn timeouts(node: &Node<'_>) -> Timeouts {
    let standard = Timeouts::default();
    let timeouts = node.get("timeouts");
    let of = |name: &str| parse_duration(timeouts.as_ref()?.get(name)?.str()?);
    Timeouts {
        connect_ms: of("connect").unwrap_or(standard.connect_ms),
        request_ms: of("request").unwrap_or(standard.request_ms),
    }
}

fn health(node: &Node<'_>) -> Option<HealthCheck> {
    const INTERVAL_DEFAULT_MS: u64 = 10_000;
    let every = node.get("every").and_then(|every| parse_duration(every.str()?));
    Some(HealthCheck { path: node.get("path")?.str()?.to_owned(), interval_ms: every.unwrap_or(INTERVAL_DEFAULT_MS) })
}

fn retries(node: &Node<'_>) -> Option<Retries> {
    let condition = |on: Node<'_>| {
        let number = on.value().as_u64().or_else(|| on.str()?.parse().ok());
        number
            .and_then(|status| u16::try_from(status).ok())
            .map_or(RetryCondition::ConnectFailure, RetryCondition::Status)
    };
    let attempts = u32::try_from(node.get("attempts")?.value().as_u64()?).ok()?;
    Some(Retries { attempts, on: node.get("on")?.items().map(condition).collect() })
}
