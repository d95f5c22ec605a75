//! What a scalar of YAML 1.2 means: the core schema (YAML 1.2.2, section 10.3.2).

use serde_json::{Number, Value};

/// What a scalar means.
pub(super) enum Meaning {
    Value(Value),
    /// The text itself.
    Text,
    /// An infinity, or not a number; or not what its tag says.
    NotJson,
}

/// The meaning of a scalar without quotes and tag.
pub(super) fn plain(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Meaning::Value(Value::Null),
        "true" | "True" | "TRUE" => Meaning::Value(Value::Bool(true)),
        "false" | "False" | "FALSE" => Meaning::Value(Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => Meaning::NotJson,
        _ if is_infinity(text) => Meaning::NotJson,
        _ => number(text).map_or(Meaning::Text, |number| Meaning::Value(Value::Number(number))),
    }
}

/// The meaning of a scalar tagged `!!kind`.
pub(super) fn tagged(text: &str, kind: &str) -> Meaning {
    if kind == "str" {
        return Meaning::Text;
    }
    match (kind, plain(text)) {
        ("null", Meaning::Value(value @ Value::Null))
        | ("bool", Meaning::Value(value @ Value::Bool(_)))
        | ("int" | "float", Meaning::Value(value @ Value::Number(_))) => Meaning::Value(value),
        _ => Meaning::NotJson,
    }
}

fn is_infinity(text: &str) -> bool {
    matches!(text.strip_prefix(['-', '+']).unwrap_or(text), ".inf" | ".Inf" | ".INF")
}

/// The number that `text` writes, exactly and in JSON's spelling.
fn number(text: &str) -> Option<Number> {
    let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(Number::from);
    if let Some(digits) = text.strip_prefix("0x") {
        return digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| radix(digits, 16))?;
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')).then(|| radix(digits, 8))?;
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digit = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    let power = exponent.map(|exponent| exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    if !has_digit || !is_digits(whole) || !is_digits(fraction.unwrap_or_default()) {
        return None;
    }
    if power.is_some_and(|power| power.is_empty() || !is_digits(power)) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let fraction = fraction.filter(|fraction| !fraction.is_empty());
    let fraction = fraction.map_or(String::new(), |fraction| format!(".{fraction}"));
    let exponent = exponent.map_or(String::new(), |exponent| format!("e{exponent}"));
    format!("{sign}{whole}{fraction}{exponent}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, json: Option<&str>) {
        let value = match plain(text) {
            Meaning::Value(value) => Some(value.to_string()),
            Meaning::Text | Meaning::NotJson => None,
        };
        assert_eq!(value.as_deref(), json, "{text}");
    }

    #[test]
    fn the_core_schema_has_few_words() {
        check("true", Some("true"));
        check("~", Some("null"));
        check("", Some("null"));
        for text in ["no", "on", "Yes", "y", "tRUE", "1_000", "0b1", "1:30", "2024-01-01", ".inf", "-.INF", ".nan"] {
            check(text, None);
        }
    }

    #[test]
    fn numbers_are_exact() {
        check("9007199254740993", Some("9007199254740993"));
        check("123456789012345678901234567890", Some("123456789012345678901234567890"));
        check("0.10", Some("0.10"));
        check("+.5e-3", Some("0.5e-3"));
        check("1.", Some("1"));
        check("007", Some("7"));
        check("-0", Some("-0"));
        check("0x1F", Some("31"));
        check("0o17", Some("15"));
        for text in ["-", ".", "+", "e5", "1e", "1e+", "0x", "0xg", "1.2.3", "--1", "0o8"] {
            check(text, None);
        }
    }
}
