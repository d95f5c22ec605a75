//! Formats beyond those of JSON Schema itself: the strings of OpenAPI's format registry.

use jsonschema::ValidationOptions;
use std::sync::Arc;

use super::Patterns;
use crate::json::Judged;

type Options<'i> = ValidationOptions<'i, Arc<dyn jsonschema::Retrieve>, Judged>;

/// Adds our formats to a validator's options.
pub(super) fn register(options: Options<'_>) -> Options<'_> {
    options
        .with_format("byte", |text: &str| is_base64(text, *b"+/"))
        .with_format("base64url", |text: &str| is_base64(text, *b"-_"))
        .with_format("char", |text: &str| text.chars().count() == 1)
}

/// RFC 4648 sections 4 and 5; padding may be left out, and is right where it is there.
fn is_base64(text: &str, symbols: [u8; 2]) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || symbols.contains(&byte);
    let is_whole = digits.len() % 4 != 1 && (padding == 0 || (padding <= 2 && text.len().is_multiple_of(4)));
    is_whole && digits.bytes().all(is_digit)
}

/// Whether a text is a regular expression (ECMA-262, as JSON Schema asks for) that a validator can be built with.
pub fn is_pattern(pattern: &str, patterns: Patterns) -> bool {
    let schema = serde_json::json!({ "pattern": pattern });
    let options = jsonschema::options();
    let options = match patterns {
        Patterns::Linear => options.with_pattern_options(jsonschema::PatternOptions::regex()),
        Patterns::Backtracking => options.with_pattern_options(jsonschema::PatternOptions::fancy_regex()),
    };
    options.build(&schema).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_whole() {
        for text in ["", "YQ==", "YQ", "YWI=", "YWJj", "+/+/"] {
            assert!(is_base64(text, *b"+/"), "{text}");
        }
        for text in ["Y", "YQ=", "YQ===", "=", "Y Q=", "-_-_", "YWJj="] {
            assert!(!is_base64(text, *b"+/"), "{text}");
        }
    }

    #[test]
    fn look_around_is_not_linear() {
        assert!(is_pattern("^[a-z]+$", Patterns::Linear));
        assert!(!is_pattern("^(?!a)", Patterns::Linear));
        assert!(is_pattern("^(?!a)", Patterns::Backtracking));
        assert!(!is_pattern("(", Patterns::Backtracking));
    }
}
