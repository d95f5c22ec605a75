//! Whether keys, texts and combinations of fields are what the tables demand.

use fluent_uri::UriRef;
use serde_json::Value;

use super::grammar::{Demand, Key, Object, Rule};
use crate::document::{Node, Version};

/// A rule that an object breaks.
pub(super) struct Broken<'d> {
    pub(super) rule: &'static Rule,
    pub(super) at: Node<'d>,
}

/// The rules that `node` breaks, each with the value that breaks it.
pub(super) fn broken<'d>(node: &Node<'d>, object: &'static Object, version: Version) -> Vec<Broken<'d>> {
    let rules = object.rules.iter().filter(|rule| rule.versions.has(version) && applies(rule, node));
    rules.flat_map(|rule| offenders(rule.demand, node).into_iter().map(move |at| Broken { rule, at })).collect()
}

fn applies(rule: &Rule, node: &Node<'_>) -> bool {
    let Some((field, values)) = rule.when else { return true };
    let Some(value) = node.get(field) else { return false };
    values.is_empty() || value.str().is_some_and(|text| values.contains(&text))
}

/// What breaks the demand: the object itself, or values in it.
fn offenders<'d>(demand: Demand, node: &Node<'d>) -> Vec<Node<'d>> {
    let present = |fields: &[&str]| fields.iter().filter_map(|field| node.get(field)).collect::<Vec<_>>();
    let object_unless = |kept: bool| if kept { Vec::new() } else { vec![node.clone()] };
    let text_unless = |field: &str, kept: &dyn Fn(&str) -> bool| {
        node.get(field).filter(|value| value.str().is_some_and(|text| !kept(text))).into_iter().collect()
    };
    match demand {
        Demand::AtMostOne(fields) => object_unless(present(fields).len() <= 1),
        Demand::ExactlyOne(fields) => object_unless(present(fields).len() == 1),
        Demand::AtLeastOne(fields) => object_unless(!present(fields).is_empty()),
        Demand::SomeMember => object_unless(node.entries().any(|(name, _)| !name.starts_with("x-"))),
        Demand::All(fields) => object_unless(present(fields).len() == fields.len()),
        Demand::NoneOf(fields) => present(fields),
        Demand::OneOf(field, allowed) => text_unless(field, &|text| allowed.contains(&text)),
        Demand::True(field) => match node.get(field) {
            // A value of another type is reported as such.
            Some(value) if value.bool() != Some(false) => Vec::new(),
            Some(value) => vec![value],
            None => vec![node.clone()],
        },
        Demand::Reads(field, key) => text_unless(field, &|text| key_fits(key, text)),
        Demand::Without(field, characters) => text_unless(field, &|text| !text.contains(characters)),
    }
}

/// The methods that have a field of their own (OpenAPI 3.2.0, section 4.9.1).
const FIXED_METHODS: &[&str] = &["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "QUERY"];

pub(super) fn key_fits(key: Key, text: &str) -> bool {
    match key {
        Key::Any => true,
        Key::Component => {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        }
        Key::Path => text.starts_with('/'),
        Key::Status => match text.as_bytes() {
            [b'1'..=b'5', b'X', b'X'] => true,
            [b'1'..=b'5', tens, ones] => tens.is_ascii_digit() && ones.is_ascii_digit(),
            _ => false,
        },
        Key::HeaderName | Key::Token => is_token(text),
        Key::CookieName => {
            let ends_name =
                |character: char| ";=".contains(character) || character.is_whitespace() || character.is_control();
            !text.is_empty() && !text.contains(ends_name)
        }
        Key::NotEmpty => !text.is_empty(),
        Key::Method => is_token(text) && !FIXED_METHODS.contains(&text),
    }
}

/// A token (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

pub(super) fn is_uri_reference(text: &str) -> bool {
    UriRef::parse(text).is_ok()
}

/// Something before and something after one `@`: enough to tell an address from a name.
pub(super) fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
    })
}

/// A number above zero, however small: `1e-400` is one, and no `f64`.
pub(crate) fn is_positive(number: &serde_json::Number) -> bool {
    let text = number.to_string();
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    !mantissa.starts_with('-') && mantissa.contains(|digit: char| matches!(digit, '1'..='9'))
}

/// A whole number, zero or above; `2.0` is one.
pub(super) fn is_count(value: &Value) -> bool {
    let Value::Number(number) = value else { return false };
    number.is_u64() || number.as_f64().is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fit_or_do_not() {
        let check = |key, text, expected| assert_eq!(key_fits(key, text), expected, "{text}");
        for (text, fits) in
            [("200", true), ("2XX", true), ("600", false), ("20", false), ("2xx", false), ("X00", false)]
        {
            check(Key::Status, text, fits);
        }
        for (text, fits) in [("COPY", true), ("copy", true), ("POST", false), ("", false), ("A B", false)] {
            check(Key::Method, text, fits);
        }
        for (text, fits) in [("X-Rate", true), ("Bad=Header", false), ("Bad[Header]", false), ("", false)] {
            check(Key::HeaderName, text, fits);
        }
        for (text, fits) in [("a.B-1_", true), ("a/b", false), ("", false), ("ä", false)] {
            check(Key::Component, text, fits);
        }
    }

    #[test]
    fn texts_read_as_what_they_should_be() {
        for text in ["", "a/b", "https://example.com/x?y#z", "mailto:a@b", "#/components/schemas/A"] {
            assert!(is_uri_reference(text), "{text}");
        }
        for text in ["a b", "http://[", "%zz", "<script>"] {
            assert!(!is_uri_reference(text), "{text}");
        }
        assert!(is_email("a@b.example") && !is_email("a@") && !is_email("a b@c") && !is_email("ab"));
    }
}
