//! Equality (JSON Schema 2020-12 core, section 4.2.2): of numbers by their value, of objects without regard to order.
//!
//! In a time that the length of the texts bounds, whatever is in them.

use std::collections::HashSet;

use super::tree::{Items, Kind, Value};

/// Whether a value is equal to one of a schema.
pub(super) fn is_equal(value: Value<'_>, expected: &serde_json::Value) -> bool {
    use serde_json::Value as Expected;
    match (value.kind(), expected) {
        (Kind::Null, Expected::Null) | (Kind::True, Expected::Bool(true)) | (Kind::False, Expected::Bool(false)) => {
            true
        }
        (Kind::String, Expected::String(expected)) => value.text() == expected,
        (Kind::Number, Expected::Number(expected)) => {
            let (ours, theirs) = (value.text(), expected.as_str());
            ours == theirs || Decimal::of(ours) == Decimal::of(theirs)
        }
        (Kind::Array, Expected::Array(expected)) => {
            value.count() == expected.len()
                && value.items().zip(expected).all(|(item, expected)| is_equal(item, expected))
        }
        (Kind::Object, Expected::Object(expected)) => {
            let is_there = |(name, member): (&str, Value<'_>)| {
                expected.get(name).is_some_and(|expected| is_equal(member, expected))
            };
            value.count() == expected.len() && value.members().all(is_there)
        }
        _ => false,
    }
}

/// Whether no two items are equal.
pub(super) fn are_distinct(items: Items<'_>) -> bool {
    let mut seen = HashSet::new();
    items.into_iter().all(|item| {
        let mut canonical = Vec::new();
        write(item, &mut canonical);
        seen.insert(canonical)
    })
}

/// Writes what two values have in common exactly if they are equal.
fn write(value: Value<'_>, out: &mut Vec<u8>) {
    let text = |tag: u8, text: &str, out: &mut Vec<u8>| {
        out.push(tag);
        out.extend_from_slice(&text.len().to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    };
    match value.kind() {
        Kind::Null => out.push(b'n'),
        Kind::True => out.push(b't'),
        Kind::False => out.push(b'f'),
        Kind::String | Kind::Opaque => text(b's', value.text(), out),
        Kind::Number => {
            let Decimal { is_negative, digits, exponent } = Decimal::of(value.text());
            out.push(if is_negative { b'-' } else { b'+' });
            out.extend_from_slice(&exponent.to_le_bytes());
            text(b'd', &digits, out);
        }
        Kind::Array => {
            out.push(b'[');
            value.items().for_each(|item| write(item, out));
            out.push(b']');
        }
        Kind::Object => {
            out.push(b'{');
            let mut members: Vec<_> = value.members().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            for (name, member) in members {
                text(b'k', name, out);
                write(member, out);
            }
            out.push(b'}');
        }
    }
}

/// A number as its digits, without zeros at either end, times a power of ten. Zero has none, and no sign.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_end_matches('0');
        let zeros = digits.len() - significant.len();
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Self { is_negative: false, digits: String::new(), exponent: 0 };
        }
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
        let exponent = exponent.saturating_add(count(zeros)).saturating_sub(count(fraction.len()));
        Self { is_negative, digits: significant.to_owned(), exponent }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::{Limits, Tree};

    #[test]
    fn numbers_are_equal_by_value() {
        for (one, other) in [("1", "1.0"), ("100", "1e2"), ("0", "-0.0e7"), ("1.50", "15e-1"), ("0.001", "1E-3")] {
            assert_eq!(Decimal::of(one), Decimal::of(other), "{one} {other}");
        }
        for (one, other) in [("1", "-1"), ("10", "1"), ("9007199254740993", "9007199254740992"), ("0.1", "0.10000001")]
        {
            assert_ne!(Decimal::of(one), Decimal::of(other), "{one} {other}");
        }
    }

    #[test]
    fn values_are_equal_whatever_the_order_of_members() {
        let mut tree = Tree::default();
        let value = tree.read(r#"{"b": [1.0, null], "a": "x"}"#, &Limits::DEFAULT).unwrap();
        assert!(is_equal(value, &json!({ "a": "x", "b": [1, null] })));
        for other in [json!({ "a": "x" }), json!({ "a": "x", "b": [null, 1] }), json!({ "a": "x", "c": [1, null] })] {
            assert!(!is_equal(value, &other), "{other}");
        }
    }

    #[test]
    fn equal_items_are_found() {
        let mut tree = Tree::default();
        let mut check = |text: &str, expected: bool| {
            assert_eq!(are_distinct(tree.read(text, &Limits::DEFAULT).unwrap().items()), expected, "{text}");
        };
        check(r#"[1, "1", true, null, [1], {"a": 1}, [], {}, [[]], ""]"#, true);
        check(r#"[{"a": 1, "b": 2}, {"b": 2.0, "a": 1}]"#, false);
        check("[1, 1.0]", false);
        check(r#"["ab", "a", "b"]"#, true);
        check(r#"[["a", "b"], ["ab"]]"#, true);
    }
}
