//! How a frame is read and written.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::MESSAGE_MAX_BYTES;
use crate::message::{FromControlPlane, FromDataPlane};

/// Why a frame is no message.
#[derive(Debug, Error)]
pub enum Error {
    /// Longer than is read.
    #[error("a message of {bytes} bytes, and at most {MESSAGE_MAX_BYTES} are read")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Not what it should be.
    #[error("not a message of this protocol: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// What a frame said.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard<M> {
    /// This.
    Message(M),
    /// A type of message that this program does not know: of a newer one, and passed over.
    Unknown {
        /// Its type.
        kind: String,
    },
}

/// One side of the conversation.
pub trait Message: Serialize + Sized {
    /// Reads a message of this `type`; none if there is no such type.
    fn of_kind(kind: &str, frame: &str) -> Option<Result<Self, serde_json::Error>>;
}

// By hand: what serde makes for a tagged enum loses numbers with a fraction, where serde_json keeps their digits.
impl Message for FromDataPlane {
    fn of_kind(kind: &str, frame: &str) -> Option<Result<Self, serde_json::Error>> {
        Some(match kind {
            "hello" => serde_json::from_str(frame).map(Self::Hello),
            "heartbeat" => serde_json::from_str(frame).map(Self::Heartbeat),
            "status" => serde_json::from_str(frame).map(Self::Status),
            _ => return None,
        })
    }
}

impl Message for FromControlPlane {
    fn of_kind(kind: &str, frame: &str) -> Option<Result<Self, serde_json::Error>> {
        Some(match kind {
            "welcome" => serde_json::from_str(frame).map(Self::Welcome),
            "heartbeat_ack" => serde_json::from_str(frame).map(Self::HeartbeatAck),
            "artifact_available" => serde_json::from_str(frame).map(Self::ArtifactAvailable),
            "drain" => serde_json::from_str(frame).map(Self::Drain),
            "goodbye" => serde_json::from_str(frame).map(Self::Goodbye),
            _ => return None,
        })
    }
}

/// Reads a frame.
///
/// # Errors
/// It is too long, or no message.
pub fn read<M: Message>(frame: &str) -> Result<Heard<M>, Error> {
    #[derive(Deserialize)]
    struct Kind {
        r#type: String,
    }
    if frame.len() > MESSAGE_MAX_BYTES {
        return Err(Error::TooLong { bytes: frame.len() });
    }
    let Kind { r#type: kind } = serde_json::from_str(frame)?;
    match M::of_kind(&kind, frame) {
        Some(read) => Ok(Heard::Message(read?)),
        None => Ok(Heard::Unknown { kind }),
    }
}

/// Writes a frame.
///
/// # Errors
/// What is to be said is longer than is read.
pub fn write<M: Message>(message: &M) -> Result<String, Error> {
    let frame = serde_json::to_string(message)?;
    if frame.len() > MESSAGE_MAX_BYTES { Err(Error::TooLong { bytes: frame.len() }) } else { Ok(frame) }
}
