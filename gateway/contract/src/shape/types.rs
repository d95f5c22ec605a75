//! Sets of JSON types.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// A set of the types of JSON Schema (2020-12 core, section 4.2.1). Who has `number` has `integer`, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    /// None: nothing is valid.
    pub const NONE: Self = Self(0);
    /// `null`.
    pub const NULL: Self = Self(1);
    /// `true` and `false`.
    pub const BOOLEAN: Self = Self(2);
    /// Whole numbers.
    pub const INTEGER: Self = Self(4);
    /// All numbers.
    pub const NUMBER: Self = Self(4 | 8);
    /// Strings.
    pub const STRING: Self = Self(16);
    /// Lists.
    pub const ARRAY: Self = Self(32);
    /// Objects.
    pub const OBJECT: Self = Self(64);
    /// What is neither a list nor an object.
    pub const SCALAR: Self = Self(1 | 2 | 4 | 8 | 16);
    /// Every type.
    pub const ALL: Self = Self(127);

    /// Whether all of `types` are in it.
    pub const fn has(self, types: Self) -> bool {
        self.0 & types.0 == types.0
    }

    /// Whether any of `types` is in it.
    pub const fn has_any(self, types: Self) -> bool {
        self.0 & types.0 != 0
    }

    /// The types called by a name of `type`; none for a name that there is not.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    /// The types of a value of `const` or `enum`. To be equal to a whole number need not mean to be written as one.
    pub(super) fn of(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::NULL,
            serde_json::Value::Bool(_) => Self::BOOLEAN,
            serde_json::Value::Number(_) => Self::NUMBER,
            serde_json::Value::String(_) => Self::STRING,
            serde_json::Value::Array(_) => Self::ARRAY,
            serde_json::Value::Object(_) => Self::OBJECT,
        }
    }
}

impl BitAnd for Types {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Types {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = if self.has(Self::NUMBER) { "number" } else { "integer" };
        let names = ["null", "boolean", number, "string", "array", "object"];
        f.debug_set().entries(names.into_iter().filter(|name| self.has(Self::named(name)))).finish()
    }
}
