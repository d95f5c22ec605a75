//! What statements are given.

use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::digest::Digest;
use crate::domain::id::{
    ApiKeyId, BuildId, DataPlaneId, DeploymentId, EventId, InstallationId, ProjectId, RevisionId, SigningKeyId, SpecId,
    TeamId, TokenId,
};
use crate::domain::name::Name;
use crate::domain::version::Version;

/// A value, or the absence of one of its type. `{:?}` says which type: many are what nobody else is to see.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `BOOLEAN`.
    Bool(Option<bool>),
    /// `BIGINT`.
    Int(Option<i64>),
    /// `TEXT`.
    Text(Option<String>),
    /// `UUID`, or text.
    Uuid(Option<Uuid>),
    /// `BYTEA`, or `BLOB`.
    Bytes(Option<Vec<u8>>),
    /// `JSONB`, or text.
    Json(Option<serde_json::Value>),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool(_) => "Bool",
            Self::Int(_) => "Int",
            Self::Text(_) => "Text",
            Self::Uuid(_) => "Uuid",
            Self::Bytes(_) => "Bytes",
            Self::Json(_) => "Json",
        })
    }
}

impl Value {
    /// How much it holds, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Bool(_) | Self::Int(_) | Self::Uuid(_) => size_of::<Self>(),
            Self::Json(json) => json.as_ref().map_or(0, json_bytes),
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, Vec::len),
        }
    }
}

fn json_bytes(json: &serde_json::Value) -> usize {
    use serde_json::Value as Json;
    size_of::<Json>()
        + match json {
            Json::Null | Json::Bool(_) | Json::Number(_) => 0,
            Json::String(text) => text.len(),
            Json::Array(items) => items.iter().map(json_bytes).sum(),
            Json::Object(members) => members.iter().map(|(name, value)| name.len() + json_bytes(value)).sum(),
        }
}

macro_rules! values {
    ($($type:ty => $variant:ident, $into:expr;)+) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let into: fn($type) -> _ = $into;
                Self::$variant(Some(into(value)))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                let into: fn($type) -> _ = $into;
                Self::$variant(value.map(into))
            }
        }
    )+};
}

values! {
    bool => Bool, |value| value;
    i64 => Int, |value| value;
    u16 => Int, i64::from;
    u32 => Int, i64::from;
    Timestamp => Int, |value| value.as_microsecond();
    Version => Int, |value| value.0;
    &str => Text, str::to_owned;
    String => Text, |value| value;
    &String => Text, Clone::clone;
    &Name => Text, |value| value.to_string();
    Name => Text, String::from;
    Uuid => Uuid, |value| value;
    TeamId => Uuid, |value| value.0;
    ProjectId => Uuid, |value| value.0;
    SpecId => Uuid, |value| value.0;
    RevisionId => Uuid, |value| value.0;
    BuildId => Uuid, |value| value.0;
    DataPlaneId => Uuid, |value| value.0;
    ApiKeyId => Uuid, |value| value.0;
    TokenId => Uuid, |value| value.0;
    DeploymentId => Uuid, |value| value.0;
    SigningKeyId => Uuid, |value| value.0;
    EventId => Uuid, |value| value.0;
    InstallationId => Uuid, |value| value.0;
    Vec<u8> => Bytes, |value| value;
    &[u8] => Bytes, <[u8]>::to_vec;
    Digest => Bytes, |value| value.0.to_vec();
    [u8; 32] => Bytes, |value| value.to_vec();
    serde_json::Value => Json, |value| value;
}
