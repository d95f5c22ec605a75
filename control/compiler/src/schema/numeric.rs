//! Formats of numbers, which are bounds: the OpenAPI Format Registry (<https://spec.openapis.org/registry/format/>).
//!
//! A validator judges strings by their format. What a format says of numbers is said by `minimum`, `maximum` and
//! `multipleOf` as well, exactly, so it is written that way and no validator has to know.

use std::cmp::Ordering;

use artifact_format::model::FormatAssertion;
use serde_json::Value;

use super::decimal::Decimal;
use super::manner::Manner;
use crate::document::Node;

/// What a numeric format demands beyond what its schema says itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) minimum: Option<i128>,
    pub(super) maximum: Option<i128>,
    pub(super) multiple_of: Option<u128>,
}

impl Bounds {
    /// What the format of a schema adds to it in that manner.
    pub(super) fn of(schema: &Node<'_>, manner: Manner) -> Self {
        let format = schema.get("format").and_then(|format| format.str());
        let Some((minimum, maximum)) = format.and_then(range) else { return Self::default() };
        let types = Types::of(schema);
        if manner.formats == FormatAssertion::Annotate || types == Types::NoNumbers {
            return Self::default();
        }
        Self {
            minimum: Some(minimum).filter(|bound| {
                !is_said(schema, ("minimum", "exclusiveMinimum"), |own| own.compare(*bound) != Ordering::Less)
            }),
            maximum: Some(maximum).filter(|bound| {
                !is_said(schema, ("maximum", "exclusiveMaximum"), |own| own.compare(*bound) != Ordering::Greater)
            }),
            multiple_of: if types == Types::Integers { None } else { whole_multiple(schema) },
        }
    }

    /// Whether a keyword of the schema gives way to one of these.
    pub(super) fn replace(&self, keyword: &str) -> bool {
        match keyword {
            "minimum" => self.minimum.is_some(),
            "maximum" => self.maximum.is_some(),
            "multipleOf" => self.multiple_of.is_some(),
            _ => false,
        }
    }

    /// The keywords, in alphabetical order.
    pub(super) fn keywords(&self) -> impl Iterator<Item = (&'static str, String)> {
        let keywords = [
            ("maximum", self.maximum.map(|bound| bound.to_string())),
            ("minimum", self.minimum.map(|bound| bound.to_string())),
            ("multipleOf", self.multiple_of.map(|number| number.to_string())),
        ];
        keywords.into_iter().filter_map(|(keyword, bound)| Some((keyword, bound?)))
    }
}

/// The least and the greatest number of a format that has them.
pub(super) fn range(format: &str) -> Option<(i128, i128)> {
    const EXACT_IN_A_DOUBLE: i128 = (1 << 53) - 1;
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint64" => (0, u64::MAX.into()),
        "double-int" => (-EXACT_IN_A_DOUBLE, EXACT_IN_A_DOUBLE),
        _ => return None,
    })
}

/// Which numbers the `type` of a schema allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Types {
    NoNumbers,
    Integers,
    Numbers,
}

impl Types {
    fn of(schema: &Node<'_>) -> Self {
        let kind = schema.get("type");
        let has = |name: &str| match kind.as_ref().map(Node::value) {
            None => true,
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
            Some(kind) => kind == name,
        };
        match (has("number"), has("integer")) {
            (true, _) => Self::Numbers,
            (false, true) => Self::Integers,
            (false, false) => Self::NoNumbers,
        }
    }
}

/// Whether one of a schema's own bounds, the sharp one included, `suffices`.
fn is_said(schema: &Node<'_>, (bound, sharp): (&str, &str), suffices: impl Fn(&Decimal) -> bool) -> bool {
    let numbers =
        [bound, sharp].map(|keyword| schema.get(keyword).and_then(|own| own.value().as_number().map(Decimal::from)));
    numbers.iter().flatten().any(suffices)
}

/// The `multipleOf` that lets no fraction through, unless the schema's own does not.
fn whole_multiple(schema: &Node<'_>) -> Option<u128> {
    let own = schema.get("multipleOf").and_then(|own| own.value().as_number().map(Decimal::from));
    match own {
        None => Some(1),
        Some(own) if !own.has_fraction() => None,
        Some(own) => own.least_whole_multiple(),
    }
}
