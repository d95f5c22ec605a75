//! Data planes: what serves the traffic. Some register themselves; these are made by hand.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::digest::Digest;
use super::error::{Error, Fault};
use super::id::{DataPlaneId, ProjectId, TeamId};
use super::label::{LABELS_MAX, Labels, Selector};
use super::name::{self, Name};
use super::version::Version;

/// How large the metadata of a data plane is at most, in bytes of JSON without spaces.
pub const METADATA_MAX_BYTES: usize = 16 << 10;
/// The longest host, in bytes: a DNS name with a port.
pub const HOST_MAX_BYTES: usize = 259;

/// A JSON object that nobody here looks into.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// A data plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DataPlane {
    /// Its id.
    pub id: DataPlaneId,
    /// Who owns it.
    pub team: TeamId,
    /// Which project it serves, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// Unique in its team.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// Where clients find it: a host, with a port if it is not the scheme's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_host: Option<String>,
    /// For people.
    pub description: String,
    /// For selectors: what it says of itself, and over that what was set by hand.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub labels: Labels,
    /// Those that were set by hand.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub set_labels: Labels,
    /// Those that the process that registered last says of itself.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub said_labels: Labels,
    /// How it is, by what is known of its processes.
    pub status: Status,
    /// Which artifact it serves, by the process that was heard of last; absent until it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Digest>,
    /// What else is known about it.
    #[schema(value_type = Object)]
    pub metadata: Metadata,
    /// When any process of it last said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// Since when it is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<Timestamp>,
    /// Its state, which is its `ETag`.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a data plane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DataPlaneKind)]
pub enum Kind {
    /// `portcullis`.
    Gateway,
    /// Envoy.
    Envoy,
}

/// How a data plane is. Nobody sets it by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DataPlaneStatus)]
pub enum Status {
    /// It says that it serves.
    Online,
    /// It has not said anything for too long, or never did.
    Offline,
    /// It goes over to another artifact.
    Deploying,
}

/// A data plane to be made by hand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDataPlane {
    /// Unique in its team.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// Which project of the team it serves.
    #[serde(default)]
    pub project: Option<ProjectId>,
    /// Where clients find it: a host, with a port if it is not the scheme's.
    #[serde(default)]
    #[schema(example = "gateway.example.com:8443", max_length = 259)]
    pub gateway_host: Option<String>,
    /// For people, at most 4096 bytes.
    #[serde(default)]
    pub description: String,
    /// For selectors; at most 64.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub labels: Labels,
    /// What else is known about it, at most 16 KiB.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub metadata: Metadata,
}

/// What becomes of a data plane; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataPlaneUpdate {
    /// Another name.
    pub name: Option<Name>,
    /// Another kind.
    pub kind: Option<Kind>,
    /// Another project; `null`: none.
    #[serde(default, deserialize_with = "set_or_clear")]
    #[schema(value_type = Option<ProjectId>)]
    pub project: Change<ProjectId>,
    /// Another host; `null`: none.
    #[serde(default, deserialize_with = "set_or_clear")]
    #[schema(value_type = Option<String>)]
    pub gateway_host: Change<String>,
    /// Another description.
    pub description: Option<String>,
    /// Other labels, whole.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub labels: Option<Labels>,
    /// Other metadata, whole.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Metadata>,
}

/// What becomes of something that need not be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It goes.
    Clear,
    /// It becomes this.
    Set(T),
}

/// Which data planes are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of this project.
    pub project: Option<ProjectId>,
    /// Those that are so.
    pub status: Option<Status>,
    /// Those that are this.
    pub kind: Option<Kind>,
    /// Those with these labels.
    pub selector: Selector,
}

/// What stands there: `null` or a value. What does not stand there is [`Change::Keep`], by default.
fn set_or_clear<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Change<T>, D::Error> {
    Ok(Option::deserialize(from)?.map_or(Change::Clear, Change::Set))
}

impl<T> Change<T> {
    /// What it is afterwards.
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// What it becomes, if it becomes something.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

/// What selectors see: what was set by hand wins over what a process says of itself, because whoever holds a data plane's
/// key must not be able to leave the group that somebody put it into.
pub fn together(said: &Labels, set: &Labels) -> Labels {
    let mut labels = said.clone();
    labels.extend(set.iter().map(|(key, value)| (key.clone(), value.clone())));
    labels
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Envoy => "envoy",
        }
    }
}

impl Status {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Deploying => "deploying",
        }
    }
}

impl NewDataPlane {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_description(&self.description)?;
        check(self.gateway_host.as_deref(), Some(&self.labels), Some(&self.metadata))
    }
}

impl DataPlaneUpdate {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        self.description.as_deref().map_or(Ok(()), name::check_description)?;
        check(self.gateway_host.value().map(String::as_str), self.labels.as_ref(), self.metadata.as_ref())
    }
}

fn check(host: Option<&str>, labels: Option<&Labels>, metadata: Option<&Metadata>) -> Result<(), Error> {
    let fault = |pointer: &str, message| Fault { pointer: pointer.to_owned(), message };
    let mut faults = Vec::new();
    if host.is_some_and(|host| !is_host(host)) {
        let message = format!("not a host: letters, digits, `.`, `-`, `_`, `:` and brackets, at most {HOST_MAX_BYTES}");
        faults.push(fault("/gateway_host", message));
    }
    if let Some(labels) = labels.filter(|labels| labels.len() > LABELS_MAX) {
        faults.push(fault("/labels", format!("{} labels; at most {LABELS_MAX}", labels.len())));
    }
    let bytes = metadata.and_then(|metadata| serde_json::to_vec(metadata).ok()).map_or(0, |json| json.len());
    if bytes > METADATA_MAX_BYTES {
        faults.push(fault("/metadata", format!("{bytes} bytes; at most {METADATA_MAX_BYTES}")));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// Whether it is made of what hosts are made of: it is shown, and never connected to.
pub fn is_host(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    (1..=HOST_MAX_BYTES).contains(&text.len()) && text.bytes().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_stays_and_null_clears() {
        let update: DataPlaneUpdate = serde_json::from_str(r#"{"gateway_host": null}"#).unwrap();
        assert_eq!(update.gateway_host.clone().apply(Some("a".into())), None);
        assert_eq!(update.project.apply(None), None);
        let update: DataPlaneUpdate = serde_json::from_str(r#"{"gateway_host": "b"}"#).unwrap();
        assert_eq!(update.gateway_host.apply(Some("a".into())), Some("b".into()));
        assert!(serde_json::from_str::<DataPlaneUpdate>(r#"{"status": "online"}"#).is_err());
    }

    fn check_new(json: &str, expected: Option<&str>) {
        let new: NewDataPlane = serde_json::from_str(json).unwrap();
        let pointer = match new.check() {
            Err(Error::Invalid(faults)) => Some(faults[0].pointer.clone()),
            other => other.map(|()| None).unwrap(),
        };
        assert_eq!(pointer.as_deref(), expected, "{}", &json[..json.len().min(80)]);
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let text = "x".repeat(METADATA_MAX_BYTES - 8);
        check_new(r#"{"name": "a", "kind": "envoy", "gateway_host": "[::1]:80"}"#, None);
        check_new(r#"{"name": "a", "kind": "envoy", "gateway_host": "a b"}"#, Some("/gateway_host"));
        check_new(&format!(r#"{{"name": "a", "kind": "gateway", "metadata": {{"a": "{text}"}}}}"#), None);
        check_new(&format!(r#"{{"name": "a", "kind": "gateway", "metadata": {{"a": "{text}x"}}}}"#), Some("/metadata"));
        let labels: Vec<String> = (0..65).map(|n| format!(r#""l{n}": """#)).collect();
        let json = format!(r#"{{"name": "a", "kind": "gateway", "labels": {{{}}}}}"#, labels.join(","));
        check_new(&json, Some("/labels"));
    }
}
