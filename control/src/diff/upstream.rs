//! Upstreams, before and after. Clients do not see them; those who run the gateway do.

use artifact_format::model::{Artifact, Balance, RetryCondition, Target, Upstream, UpstreamScheme};

use super::{Change, Changes, Kind, Severity, Subject};

pub(super) fn compare(old: &Artifact, new: &Artifact) -> Vec<Change> {
    let (old, new) = (&old.upstreams.upstreams, &new.upstreams.upstreams);
    let find = |upstreams: &[Upstream], name: &str| upstreams.iter().position(|upstream| upstream.name == name);
    let mut changes = Vec::new();
    for upstream in new {
        let mut of_this = Changes::of(Subject::Upstream { name: upstream.name.clone() });
        match find(old, &upstream.name) {
            Some(position) => differences(&old[position], upstream, &mut of_this),
            None => of_this.push(Kind::Added, Severity::Compatible, format!("upstream added: {}", targets(upstream))),
        }
        changes.extend(of_this.list);
    }
    for upstream in old.iter().filter(|upstream| find(new, &upstream.name).is_none()) {
        let mut of_this = Changes::of(Subject::Upstream { name: upstream.name.clone() });
        of_this.push(Kind::Removed, Severity::Compatible, "upstream removed");
        changes.extend(of_this.list);
    }
    changes
}

fn differences(old: &Upstream, new: &Upstream, changes: &mut Changes) {
    let mut say = |what: &str, before: String, after: String| {
        if before != after {
            let text = format!("{what} changed from {before} to {after}");
            changes.push(Kind::Upstream, Severity::Compatible, text);
        }
    };
    say("targets", targets(old), targets(new));
    let balance = |upstream: &Upstream| match upstream.balance {
        Balance::RoundRobin => "round-robin".to_owned(),
        Balance::LeastRequest => "least-request".to_owned(),
    };
    say("balance", balance(old), balance(new));
    let timeouts = |upstream: &Upstream| {
        let timeouts = upstream.timeouts;
        format!("{} ms to connect and {} ms to answer", timeouts.connect_ms, timeouts.request_ms)
    };
    say("timeouts", timeouts(old), timeouts(new));
    let health = |upstream: &Upstream| match &upstream.health {
        Some(check) => format!("{} every {} ms", check.path, check.interval_ms),
        None => "none".to_owned(),
    };
    say("health check", health(old), health(new));
    let retries = |upstream: &Upstream| match &upstream.retries {
        Some(retries) => format!("{} on {}", retries.attempts, conditions(&retries.on)),
        None => "none".to_owned(),
    };
    say("retries", retries(old), retries(new));
}

/// In the words of `x-portcullis`.
fn conditions(conditions: &[RetryCondition]) -> String {
    let one = |condition: &RetryCondition| match condition {
        RetryCondition::ConnectFailure => "connect-failure".to_owned(),
        RetryCondition::Status(status) => status.to_string(),
    };
    conditions.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn targets(upstream: &Upstream) -> String {
    upstream.targets.iter().map(target).collect::<Vec<_>>().join(", ")
}

fn target(target: &Target) -> String {
    let Target { scheme, host, port, base_path, weight } = target;
    let scheme = match scheme {
        UpstreamScheme::Http => "http",
        UpstreamScheme::Https => "https",
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let weight = if *weight == 1 { String::new() } else { format!(" (weight {weight})") };
    format!("{scheme}://{host}:{port}{base_path}{weight}")
}
