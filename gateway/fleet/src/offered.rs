//! A pointer as it stands in a message: one that cannot be read is refused, and ends no conversation.

use artifact_format::container::Digest;
use artifact_format::pointer::{FORMAT, SignedPointer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A pointer that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offered {
    /// One that can be judged.
    Readable(Box<SignedPointer>),
    /// Something else: of a newer program, or damaged.
    Unreadable(Box<Unreadable>),
}

/// What should have been a pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    document: Value,
    /// Why it is none, for people.
    pub detail: String,
}

impl Offered {
    /// The pointer, if it can be read.
    pub fn pointer(&self) -> Option<&SignedPointer> {
        match self {
            Self::Readable(pointer) => Some(pointer),
            Self::Unreadable(_) => None,
        }
    }
}

impl Unreadable {
    /// Why, in a word that stays the same: as for a pointer that is read and refused.
    pub fn code(&self) -> &'static str {
        let format = self.document.get("format").and_then(Value::as_u64);
        if format.is_some_and(|format| format != u64::from(FORMAT)) { "pointer_format" } else { "pointer_damaged" }
    }

    /// Which artifact it says is to be served, if that can be told.
    pub fn artifact(&self) -> Option<Digest> {
        self.document.get("artifact")?.as_str()?.parse().ok()
    }
}

impl From<SignedPointer> for Offered {
    fn from(pointer: SignedPointer) -> Self {
        Self::Readable(Box::new(pointer))
    }
}

impl Serialize for Offered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Readable(pointer) => pointer.serialize(serializer),
            Self::Unreadable(unreadable) => unreadable.document.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Offered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Ok(match SignedPointer::deserialize(&document) {
            Ok(pointer) => pointer.into(),
            Err(error) => Self::Unreadable(Box::new(Unreadable { detail: error.to_string(), document })),
        })
    }
}
