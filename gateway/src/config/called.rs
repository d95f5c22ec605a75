//! Names and labels, by the rules of control planes: what they do not take is said before anything is served.

use std::str::FromStr;

use thiserror::Error;

/// The most labels that a data plane has.
pub(super) const LABELS_MAX: usize = 64;
const NAME_MAX_BYTES: usize = 64;
/// The longest name in a label's key, and the longest value.
const PART_MAX_BYTES: usize = 63;
/// The longest DNS name before a label's key.
const PREFIX_MAX_BYTES: usize = 253;

/// What a data plane is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

impl Default for Name {
    fn default() -> Self {
        Self("gateway".to_owned())
    }
}

impl From<Name> for String {
    fn from(Name(name): Name) -> Self {
        name
    }
}

/// Not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "not a name: 1 to {NAME_MAX_BYTES} letters (a-z, A-Z), digits, `-`, `_` and `.`, the first one a letter or digit"
)]
pub struct NameError;

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = text.len() <= NAME_MAX_BYTES && starts_well(text) && text.bytes().all(is_inner);
        if is_name { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

/// `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) key: String,
    pub(super) value: String,
}

/// Not a label.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not a label: write KEY=VALUE, each of at most {PART_MAX_BYTES} letters, digits, `-`, `_` and `.`, with a letter \
     or digit at each end; before the key a DNS name and `/`, if at all; the value may be empty"
)]
pub(super) struct LabelError {
    text: String,
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if is_key(key) && (value.is_empty() || is_part(value)) => {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err(LabelError { text: text.to_owned() }),
        }
    }
}

fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_prefix(prefix) && is_part(name),
        None => is_part(key),
    }
}

fn is_part(text: &str) -> bool {
    text.len() <= PART_MAX_BYTES
        && text.bytes().all(is_inner)
        && starts_well(text)
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// A DNS subdomain (RFC 1123).
fn is_prefix(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= PREFIX_MAX_BYTES && text.split('.').all(is_label)
}

fn starts_well(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_pairs_as_control_planes_take_them() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let parsed = text.parse::<Label>().ok().map(|label| (label.key, label.value));
            assert_eq!(parsed, expected.map(|(key, value)| (key.to_owned(), value.to_owned())), "{text}");
        };
        check("env=prod", Some(("env", "prod")));
        check("eu.example/zone=", Some(("eu.example/zone", "")));
        for wrong in ["env", "=prod", "env=a b", "env=a/b", "-env=a", "env=a-", "a/b/c=d", "Big.com/env=a"] {
            check(wrong, None);
        }
        check(&format!("{}=a", "k".repeat(64)), None);
    }

    #[test]
    fn names_are_plain_and_bounded() {
        let longest = "p".repeat(64);
        for name in ["edge", "9", "ip-10-0-0-1.eu_west", &longest] {
            assert!(name.parse::<Name>().is_ok(), "{name}");
        }
        for name in ["", "-edge", "a b", "a/b", "ol\u{e9}", &format!("{longest}p")] {
            assert!(name.parse::<Name>().is_err(), "{name:?}");
        }
    }
}
