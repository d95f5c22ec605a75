//! What a setting may look like, as data: one table says what is accepted, what the published JSON Schema says and
//! what the reference page shows.

use std::ops::RangeInclusive;

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Shape {
    /// One of these words.
    Word(&'static [&'static str]),
    /// An integer within these bounds.
    Integer(RangeInclusive<u64>),
    /// A number above 0, up to 1.
    Share,
    /// A length of time such as `250ms`, within these bounds in milliseconds.
    Duration(RangeInclusive<u64>),
    /// A number of bytes such as `64KiB`, within these bounds.
    Size(RangeInclusive<u64>),
    /// A string.
    Text(&'static TextShape),
    /// Any JSON value.
    Json,
    /// A list of at least one.
    List(&'static Shape),
    /// Names of the user's choice, each with one of these.
    Map(&'static TextShape, &'static Shape),
    /// An object of settings.
    Object(&'static [Field]),
    /// Any one of these; of those written as strings, none accepts what another one does.
    Either(&'static [Shape]),
}

/// A string of a certain form.
#[derive(Debug)]
pub(crate) struct TextShape {
    /// What it is, with its article, as a message says it.
    pub(crate) what: &'static str,
    /// What it matches: the regular expressions that ECMA-262 and Rust share.
    pub(crate) pattern: &'static str,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) presence: Presence,
    /// What it does: one sentence or two for the reference page.
    pub(crate) about: &'static str,
}

/// Whether a setting may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
}

impl Shape {
    /// What a value must be, as a message says it after "must be".
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Word(words) => listed(words.iter().map(|word| format!("`{word}`"))),
            Self::Integer(bounds) if bounds.start() == bounds.end() => bounds.start().to_string(),
            Self::Integer(bounds) => format!("an integer from {} to {}", bounds.start(), bounds.end()),
            Self::Share => "a number above 0 and up to 1".to_owned(),
            Self::Duration(bounds) => {
                format!(
                    "a duration from {} to {} (such as `250ms`, `5s`, `1m`, `2h`)",
                    duration(*bounds.start()),
                    duration(*bounds.end())
                )
            }
            Self::Size(bounds) => {
                format!("a size from {} to {} (such as `64KiB`, `1MiB`)", size(*bounds.start()), size(*bounds.end()))
            }
            Self::Text(text) => text.what.to_owned(),
            Self::Json => "any value".to_owned(),
            Self::List(of) => format!("a list of at least one, each {}", of.describe()),
            Self::Map(_, of) => format!("an object whose values are each {}", of.describe()),
            Self::Object(fields) => Self::describe_object(fields),
            Self::Either(shapes) => listed(shapes.iter().map(Self::describe)),
        }
    }

    pub(super) fn describe_object(fields: &[Field]) -> String {
        let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
        format!("an object of {}", names.join(", "))
    }
}

/// `a`, `a or b`, `a, b or c`.
fn listed(items: impl Iterator<Item = String>) -> String {
    let mut items: Vec<String> = items.collect();
    match items.pop() {
        Some(last) if items.is_empty() => last,
        Some(last) => format!("{} or {last}", items.join(", ")),
        None => String::new(),
    }
}

const DURATION_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Milliseconds of a duration such as `250ms`, `5s`, `1m` or `2h`.
pub(crate) fn parse_duration(text: &str) -> Option<u64> {
    parse_quantity(text, &DURATION_UNITS)
}

/// Bytes of a size such as `512B`, `64KiB`, `1MiB` or `2GiB`.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    parse_quantity(text, &SIZE_UNITS)
}

fn parse_quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let is_plain = !digits.is_empty() && (digits == "0" || !digits.starts_with('0'));
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    is_plain.then(|| digits.parse::<u64>().ok()?.checked_mul(*factor)).flatten()
}

fn duration(milliseconds: u64) -> String {
    quantity(milliseconds, &DURATION_UNITS)
}

fn size(bytes: u64) -> String {
    quantity(bytes, &SIZE_UNITS)
}

/// The number in the largest unit that takes it whole.
fn quantity(number: u64, units: &[(&str, u64)]) -> String {
    let whole = units.iter().rev().find(|(_, factor)| number >= *factor && number.is_multiple_of(*factor));
    whole.or(units.first()).map_or_else(String::new, |(unit, factor)| format!("{}{unit}", number / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, expected) in [
            ("250ms", Some(250)),
            ("5s", Some(5_000)),
            ("1m", Some(60_000)),
            ("2h", Some(7_200_000)),
            ("0s", Some(0)),
            ("", None),
            ("5", None),
            ("s", None),
            ("05s", None),
            ("5 s", None),
            ("-5s", None),
            ("1.5s", None),
            ("5S", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        for (text, expected) in [
            ("512B", Some(512)),
            ("64KiB", Some(65_536)),
            ("1MiB", Some(1 << 20)),
            ("2GiB", Some(2 << 30)),
            ("1MB", None),
            ("64k", None),
            ("64", None),
        ] {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }

    #[test]
    fn bounds_are_shown_in_the_largest_whole_unit() {
        let shape = Shape::Duration(1..=90_000);
        assert_eq!(shape.describe(), "a duration from 1ms to 90s (such as `250ms`, `5s`, `1m`, `2h`)");
        assert_eq!(Shape::Word(&["a", "b", "off"]).describe(), "`a`, `b` or `off`");
    }
}
