//! What a data plane says of itself, read strictly: what cannot be kept is refused, and said.

use std::collections::BTreeMap;

use artifact_format::container::FORMAT_VERSION;
use fleet::message;
use jiff::Timestamp;
use thiserror::Error;

use crate::domain::data_plane::is_host;
use crate::domain::digest::Digest;
use crate::domain::label::{Key, LABELS_MAX, Labels, Value};
use crate::domain::name::Name;
use crate::domain::node::{Phase, Presence, Rejection, shortened};
use crate::domain::registry::{Alarm, Health, Instance};

/// The longest version of a program that is kept, in bytes.
const VERSION_MAX_BYTES: usize = 64;
/// How many alarms of a process are kept.
const ALARMS_MAX: usize = 16;
/// The longest detail of an alarm that is kept, in bytes.
const ALARM_MAX_BYTES: usize = 512;

/// What the alarm is called that a data plane reads nothing of what is built here.
const UNREADABLE: &str = "artifact_format";

/// A data plane that has said who it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// What it is called.
    pub name: Name,
    /// Where clients find it.
    pub gateway_host: Option<String>,
    /// As it is to be shown.
    pub instance: Instance,
    /// What somebody should look at for as long as it is what it says.
    pub alarm: Option<Alarm>,
}

/// Something that a data plane must not say.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Something that cannot be meant.
    #[error("`{member}`: {why}")]
    Invalid {
        /// Where.
        member: &'static str,
        /// Why not.
        why: String,
    },
}

fn invalid(member: &'static str, why: impl std::fmt::Display) -> Error {
    Error::Invalid { member, why: why.to_string() }
}

impl Arrival {
    /// Reads it.
    ///
    /// # Errors
    /// A name, a label, a host, a version, a digest or a range of formats is none.
    pub fn read(hello: message::Hello, address: Option<String>, now: Timestamp) -> Result<Self, Error> {
        let name = hello.name.parse::<Name>().map_err(|error| invalid("name", error))?;
        if hello.gateway_host.as_deref().is_some_and(|host| !is_host(host)) {
            return Err(invalid("gateway_host", "not a host, with a port if it is not the scheme's"));
        }
        if hello.version.len() > VERSION_MAX_BYTES || hello.version.contains('\0') {
            return Err(invalid("version", format!("{VERSION_MAX_BYTES} bytes at most")));
        }
        let alarm = unreadable(hello.formats)?;
        let mut instance = Instance {
            id: hello.instance_id,
            node: hello.node_id,
            presence: Presence::Connected,
            version: hello.version,
            labels: labels(hello.labels)?,
            address,
            artifact: None,
            wanted: None,
            drift_since: None,
            pointer_serial: None,
            root_version: None,
            phase: Phase::Waiting,
            health: None,
            alarms: Vec::new(),
            connected_at: now,
            last_seen: now,
        };
        take_state(&mut instance, hello.state)?;
        Ok(Self { name, gateway_host: hello.gateway_host, instance, alarm })
    }
}

/// It refuses what it does not read, once that is there. Nobody has to deploy anything to find out.
fn unreadable(message::Formats { oldest, newest }: message::Formats) -> Result<Option<Alarm>, Error> {
    if oldest > newest {
        return Err(invalid("formats", "the oldest is newer than the newest"));
    }
    let alarm = || Alarm {
        code: UNREADABLE.to_owned(),
        detail: format!(
            "it reads artifacts of the formats {oldest} to {newest}, and what is built here is of format \
             {FORMAT_VERSION}: it will refuse that; upgrade the older of the two"
        ),
    };
    Ok((!(oldest..=newest).contains(&FORMAT_VERSION)).then(alarm))
}

fn labels(said: BTreeMap<String, String>) -> Result<Labels, Error> {
    if said.len() > LABELS_MAX {
        return Err(invalid("labels", format!("{} labels; at most {LABELS_MAX}", said.len())));
    }
    let read = said.into_iter().map(|(key, value)| {
        let key = key.parse::<Key>().map_err(|error| invalid("labels", error))?;
        Ok((key, value.parse::<Value>().map_err(|error| invalid("labels", error))?))
    });
    read.collect()
}

/// Takes over what a data plane has and does.
pub fn take_state(instance: &mut Instance, state: message::State) -> Result<(), Error> {
    instance.artifact = state.running_digest.as_deref().map(|text| digest("running_digest", text)).transpose()?;
    let number = |number: std::num::NonZeroU64| i64::try_from(number.get()).ok();
    instance.pointer_serial = match state.pointer_serial {
        Some(serial) => Some(number(serial).ok_or_else(|| invalid("pointer_serial", "too large"))?),
        None => None,
    };
    instance.root_version = state.root_version.and_then(number);
    instance.phase = phase(state.phase)?.kept();
    Ok(())
}

fn digest(member: &'static str, text: &str) -> Result<Digest, Error> {
    text.parse::<Digest>().map_err(|error| invalid(member, error))
}

fn phase(said: message::Phase) -> Result<Phase, Error> {
    let digest = |text: String| digest("phase", &text);
    Ok(match said {
        message::Phase::Waiting => Phase::Waiting,
        message::Phase::Downloading { digest: of } => Phase::Downloading { digest: digest(of)? },
        message::Phase::Verifying { digest: of } => Phase::Verifying { digest: digest(of)? },
        message::Phase::Loading { digest: of } => Phase::Loading { digest: digest(of)? },
        message::Phase::Active { digest: of } => Phase::Active { digest: digest(of)? },
        message::Phase::Rejected { digest: of, code, detail, outcome } => {
            let outcome = match outcome {
                message::Rejection::Retrying => Rejection::Retrying,
                message::Rejection::Refused => Rejection::Refused,
            };
            Phase::Rejected { digest: digest(of)?, code, detail, outcome }
        }
        message::Phase::RolledBack { digest: of, detail } => Phase::RolledBack { digest: digest(of)?, detail },
    })
}

/// How traffic fared.
pub fn health(said: &message::Health) -> Health {
    // The database's JSON knows no infinity.
    let p99_ms = said.p99_ms.filter(|time| time.is_finite() && *time >= 0.0);
    let message::Health { window_ms, requests, server_errors, memory_bytes, uptime_seconds, .. } = *said;
    Health { window_ms, requests, server_errors, p99_ms, memory_bytes, uptime_seconds }
}

/// What somebody should look at: as much of it as is kept.
pub fn alarms(said: Vec<message::Alarm>) -> Vec<Alarm> {
    let kept = said.into_iter().take(ALARMS_MAX);
    kept.map(|alarm| Alarm {
        code: shortened(&alarm.code, VERSION_MAX_BYTES),
        detail: shortened(&alarm.detail, ALARM_MAX_BYTES),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Arrival, Error, FORMAT_VERSION, Timestamp, message};

    fn check(change: impl FnOnce(&mut Value), expected: Option<&str>) {
        let id = "0199e0b4-6d2e-7c3f-9d3a-6f1f5f0a5b11";
        let mut hello = json!({
            "node_id": id, "instance_id": id, "name": "edge-1", "labels": {"env": "prod"},
            "formats": {"oldest": 1, "newest": 1}, "version": "0.1.0",
            "state": {"running_digest": null, "pointer_serial": null, "phase": {"name": "waiting"}},
        });
        change(&mut hello);
        let read = Arrival::read(serde_json::from_value(hello).unwrap(), None, Timestamp::UNIX_EPOCH);
        let member = read.err().map(|Error::Invalid { member, .. }| member);
        assert_eq!(member, expected);
    }

    #[test]
    fn who_does_not_read_what_is_built_here_is_seen() {
        let alarmed = |oldest, newest| super::unreadable(message::Formats { oldest, newest }).unwrap().is_some();
        let own = FORMAT_VERSION;
        assert!(!alarmed(own, own) && !alarmed(0, own) && !alarmed(own, own + 1));
        assert!(alarmed(0, own - 1) && alarmed(own + 1, own + 2));
    }

    #[test]
    fn what_cannot_be_kept_is_refused_with_its_place() {
        check(|_| {}, None);
        check(|hello| hello["name"] = json!("a b"), Some("name"));
        check(|hello| hello["labels"] = json!({"-": "x"}), Some("labels"));
        check(|hello| hello["labels"] = json!({"x": "a b"}), Some("labels"));
        check(|hello| hello["gateway_host"] = json!("a b"), Some("gateway_host"));
        check(|hello| hello["version"] = json!("x".repeat(65)), Some("version"));
        check(|hello| hello["formats"] = json!({"oldest": 2, "newest": 1}), Some("formats"));
        check(|hello| hello["state"]["running_digest"] = json!("07"), Some("running_digest"));
        check(|hello| hello["state"]["phase"] = json!({"name": "active", "digest": "x"}), Some("phase"));
        check(|hello| hello["state"]["pointer_serial"] = json!(u64::MAX), Some("pointer_serial"));
        let many: serde_json::Map<_, _> = (0..65).map(|number| (format!("l{number}"), json!(""))).collect();
        check(|hello| hello["labels"] = Value::Object(many), Some("labels"));
    }
}
