//! From text to values, as a shape says.
//!
//! OpenAPI leaves open how a number is written in a parameter (3.1.1 appendix B). Ours are the forms of JSON and
//! no others, since a server may read any other differently: an integer is `-?(0|[1-9][0-9]*)`, a number is what
//! JSON calls one, a boolean is `true` or `false`, null is nothing at all (RFC 6570 section 2.3) or `null`. So `007`,
//! ` 5`, `+5` and `TRUE` are strings, and `1.0` and `1e2` are numbers but not integers.

use crate::json::{Builder, Limits, is_number, is_within_reach};
use crate::shape::Types;

/// One way to read a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number, whole or not.
    Number,
    /// The text itself.
    String,
}

impl Reading {
    /// Adds what is read.
    pub fn write(self, text: &str, builder: &mut Builder<'_>) {
        match self {
            Self::Null => builder.null(),
            Self::Boolean => builder.boolean(text == "true"),
            Self::Number => builder.number(text),
            Self::String => builder.string(text),
        }
    }
}

/// The ways in which a text can be read, the most specific first; at least one.
///
/// Usually there is one. Where a schema leaves several, a value is valid if any of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readings {
    /// Filled up with its last one.
    list: [Reading; 4],
    count: u8,
}

/// The ways in which `text` can be read as a value of these types.
///
/// A text that is of none of them is read as a string, which the schema refuses.
pub fn readings(types: Types, text: &str) -> Readings {
    let mut readings = Readings { list: [Reading::String; 4], count: 0 };
    if types.has(Types::NULL) && matches!(text, "" | "null") {
        readings.push(Reading::Null);
    }
    if types.has(Types::BOOLEAN) && matches!(text, "true" | "false") {
        readings.push(Reading::Boolean);
    }
    let is_of_numbers = || if types.has(Types::NUMBER) { is_number(text) } else { is_integer(text) };
    let is_short = text.len() <= usize::from(Limits::DEFAULT.number_max) && is_within_reach(text);
    if types.has(Types::INTEGER) && is_short && is_of_numbers() {
        readings.push(Reading::Number);
    }
    if types.has(Types::STRING) || readings.count == 0 {
        readings.push(Reading::String);
    }
    readings
}

impl Readings {
    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = Reading> {
        self.list.into_iter().take(usize::from(self.count))
    }

    fn push(&mut self, reading: Reading) {
        self.list[usize::from(self.count)] = reading;
        self.count += 1;
    }
}

/// Whether a text is a whole number, written as one.
pub fn is_integer(text: &str) -> bool {
    is_number(text) && !text.contains(['.', 'e', 'E'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(types: Types, text: &str, expected: &[Reading]) {
        assert_eq!(readings(types, text).iter().collect::<Vec<_>>(), expected, "{types:?} {text:?}");
    }

    #[test]
    fn only_json_s_own_forms_are_read() {
        use Reading::{Boolean, Null, Number, String};
        for text in ["0", "-0", "5", "-17", "123456789012345678901234567890"] {
            check(Types::INTEGER, text, &[Number]);
        }
        for text in ["", "007", " 5", "5 ", "+5", "1.0", "1e2", "5a", "0x1", "1_0", "٣", "-", "null"] {
            check(Types::INTEGER, text, &[String]);
        }
        for text in ["1.0", "1e2", "-0.5", "1E+2", "7"] {
            check(Types::NUMBER, text, &[Number]);
        }
        for text in ["1.", ".5", "NaN", "Infinity", "1,5", "01"] {
            check(Types::NUMBER, text, &[String]);
        }
        check(Types::BOOLEAN, "true", &[Boolean]);
        for text in ["TRUE", "1", "yes", "on", ""] {
            check(Types::BOOLEAN, text, &[String]);
        }
        check(Types::NULL, "", &[Null]);
        check(Types::NULL, "null", &[Null]);
        check(Types::STRING, "5", &[String]);
        check(Types::NONE, "5", &[String]);
    }

    #[test]
    fn the_most_specific_comes_first() {
        use Reading::{Boolean, Null, Number, String};
        check(Types::ALL, "5", &[Number, String]);
        check(Types::ALL, "true", &[Boolean, String]);
        check(Types::ALL, "", &[Null, String]);
        check(Types::ALL, "null", &[Null, String]);
        check(Types::ALL, "x", &[String]);
    }
}
