//! What sections there are, and how each is encoded.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Policies, Routes, Schemas, Specs, Upstreams};

/// Names a section. A number that is not listed belongs to a newer compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SectionId(pub u16);

impl SectionId {
    /// [`Routes`].
    pub const ROUTES: Self = Self(1);
    /// [`Schemas`].
    pub const SCHEMAS: Self = Self(2);
    /// [`Policies`].
    pub const POLICIES: Self = Self(3);
    /// [`Upstreams`].
    pub const UPSTREAMS: Self = Self(4);
    /// [`Specs`].
    pub const SPECS: Self = Self(5);
}

impl fmt::Display for SectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ROUTES => f.write_str("ROUTES"),
            Self::SCHEMAS => f.write_str("SCHEMAS"),
            Self::POLICIES => f.write_str("POLICIES"),
            Self::UPSTREAMS => f.write_str("UPSTREAMS"),
            Self::SPECS => f.write_str("SPECS"),
            Self(number) => write!(f, "{number}"),
        }
    }
}

/// How a section's bytes are made. The number in the file makes every choice here replaceable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// bincode 1: little-endian, fixed-width integers.
    Bincode,
    /// The same, then DEFLATE (RFC 1951).
    BincodeDeflate,
}

impl Codec {
    pub(super) fn number(self) -> u16 {
        match self {
            Self::Bincode => 1,
            Self::BincodeDeflate => 2,
        }
    }

    pub(super) fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Bincode),
            2 => Some(Self::BincodeDeflate),
            _ => None,
        }
    }
}

/// A part of the model that is a section of its own.
pub(super) trait Section: Serialize + for<'de> Deserialize<'de> {
    const ID: SectionId;
    /// The revision of the type's shape. Any change of a field, however small, raises it.
    const REVISION: u16;
    const CODEC: Codec;
}

macro_rules! sections {
    ($($type:ty: $id:expr, revision $revision:literal, $codec:expr;)*) => {$(
        impl Section for $type {
            const ID: SectionId = $id;
            const REVISION: u16 = $revision;
            const CODEC: Codec = $codec;
        }
    )*};
}

sections! {
    Routes: SectionId::ROUTES, revision 1, Codec::Bincode;
    Schemas: SectionId::SCHEMAS, revision 1, Codec::Bincode;
    Policies: SectionId::POLICIES, revision 1, Codec::Bincode;
    Upstreams: SectionId::UPSTREAMS, revision 1, Codec::Bincode;
    Specs: SectionId::SPECS, revision 1, Codec::BincodeDeflate;
}
