//! Numbers that stay text, and so stay exact.

use std::borrow::Cow;

use jsonschema::json::JsonNumber;

/// A number as it is written (RFC 8259 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'t>(pub(super) &'t str);

/// Whether a text is written as JSON writes a number: no `+`, no leading zeros, digits on both sides of the point.
pub fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let [b'.', fraction @ ..] = rest {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
        let length = digits(exponent);
        if length == 0 {
            return false;
        }
        rest = &exponent[length..];
    }
    rest.is_empty()
}

/// Whether a number's exponent is one that a double has (RFC 8259 section 6 leaves the range to us). To compare larger
/// ones exactly takes more time than their text is long.
pub fn is_within_reach(text: &str) -> bool {
    let Some((_, exponent)) = text.split_once(['e', 'E']) else { return true };
    let (limit, digits) = exponent.strip_prefix('-').map_or((308, exponent), |digits| (324, digits));
    let digits = digits.trim_start_matches('+').trim_start_matches('0');
    digits.len() <= 3 && digits.parse::<u32>().unwrap_or_default() <= limit
}

impl JsonNumber for Number<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        // What was read is a number as JSON writes it, so this cannot fail.
        Cow::Owned(serde_json::from_str(self.0).unwrap_or_else(|_| 0.into()))
    }

    /// Whether its value is whole: `1.0` and `1e2` are (JSON Schema 2020-12 core, section 4.2.3).
    fn is_integer(&self) -> bool {
        let text = self.0.strip_prefix('-').unwrap_or(self.0);
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return true;
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let zeros = whole.len() - whole.trim_end_matches('0').len();
        if fraction.is_empty() && whole.bytes().all(|byte| byte == b'0') {
            return true;
        }
        // An exponent that does not fit is larger than any text is long.
        let exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
        let needed = if fraction.is_empty() { -count(zeros) } else { count(fraction.len()) };
        exponent >= needed
    }

    fn is_written_as_integer(&self) -> bool {
        !self.0.contains(['.', 'e', 'E'])
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_how_json_writes_numbers() {
        for text in ["0", "-0", "10", "1.5", "1e2", "1E+2", "1.0e-12", "-0.0"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "+1", "01", "007", "1.", ".5", "1e", "1e+", " 1", "1 ", "0x1", "1_000", "NaN", "1e2.5"] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn every_double_is_within_reach() {
        for text in ["5e-324", "1.7976931348623157e308", "1e+0308", "0.001", "7"] {
            assert!(is_within_reach(text), "{text}");
        }
        for text in ["1e309", "1e-325", "1e99999999999999999999"] {
            assert!(!is_within_reach(text), "{text}");
        }
    }

    #[test]
    fn knows_whole_values() {
        for text in ["0", "-7", "1.0", "1e2", "1.50e1", "100e-2", "0.0e-5", "1e999999999999999999999"] {
            assert!(Number(text).is_integer(), "{text}");
        }
        for text in ["1.5", "1e-1", "1.55e1", "10e-2", "1e-999999999999999999999"] {
            assert!(!Number(text).is_integer(), "{text}");
        }
    }
}
