//! Labels, and what chooses by them: as Kubernetes writes both, so that one set of labels does for everything.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How many labels a thing has at most.
pub const LABELS_MAX: usize = 64;
/// How many requirements a selector has at most.
pub const REQUIREMENTS_MAX: usize = 64;
/// The longest prefix of a key, in bytes.
const PREFIX_MAX_BYTES: usize = 253;
/// The longest name in a key, and the longest value, in bytes.
const PART_MAX_BYTES: usize = 63;

/// A label's key: a name of 1 to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at each end; before it
/// may stand a DNS name and a slash, as in `portcullis.dev/tier`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(as = LabelKey, value_type = String, example = "env")]
pub struct Key(String);

/// A label's value: nothing, or what can be a key's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(as = LabelValue, value_type = String, max_length = 63, pattern = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", example = "prod")]
pub struct Value(String);

/// What is said about a thing, for people and selectors.
pub type Labels = BTreeMap<Key, Value>;

/// Chooses things by their labels: requirements with commas between them, each of which must hold. `key=value`,
/// `key!=value` (holds where the key is missing, too), `key` (is there), `!key` (is not). Without any, all are chosen. They
/// may come in any order and more than once, and are kept in one order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(as = LabelSelector, value_type = String, example = "env=prod,tier!=edge")]
pub struct Selector(pub Vec<Requirement>);

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// The key has this value.
    Is(Key, Value),
    /// The key has another value, or is missing.
    IsNot(Key, Value),
    /// The key is there.
    Has(Key),
    /// The key is missing.
    Lacks(Key),
}

/// A text that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LabelError {
    /// Not a key.
    #[error(
        "`{0}` is not a label's key: 1 to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at each end; \
         before it a DNS name and `/`, if at all"
    )]
    Key(String),
    /// Not a value.
    #[error(
        "`{0}` is not a label's value: at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at each end"
    )]
    Value(String),
    /// Too much.
    #[error("{0} requirements; at most {REQUIREMENTS_MAX}")]
    Requirements(usize),
}

impl Key {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_part(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.len() <= PART_MAX_BYTES
        && text.bytes().all(is_inner)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
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

impl FromStr for Key {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let is_key = match text.split_once('/') {
            Some((prefix, name)) => is_prefix(prefix) && is_part(name),
            None => is_part(text),
        };
        if is_key { Ok(Self(text.to_owned())) } else { Err(LabelError::Key(text.to_owned())) }
    }
}

impl FromStr for Value {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let is_value = text.is_empty() || is_part(text);
        if is_value { Ok(Self(text.to_owned())) } else { Err(LabelError::Value(text.to_owned())) }
    }
}

impl FromStr for Requirement {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        if let Some((key, value)) = text.split_once("!=") {
            return Ok(Self::IsNot(key.trim().parse()?, value.trim().parse()?));
        }
        if let Some((key, value)) = text.split_once('=') {
            // Kubernetes knows `==`, too.
            let value = value.strip_prefix('=').unwrap_or(value);
            return Ok(Self::Is(key.trim().parse()?, value.trim().parse()?));
        }
        match text.strip_prefix('!') {
            Some(key) => Ok(Self::Lacks(key.trim().parse()?)),
            None => Ok(Self::Has(text.parse()?)),
        }
    }
}

impl Requirement {
    /// Whether it holds for these labels.
    pub fn holds(&self, labels: &Labels) -> bool {
        match self {
            Self::Is(key, value) => labels.get(key) == Some(value),
            Self::IsNot(key, value) => labels.get(key) != Some(value),
            Self::Has(key) => labels.contains_key(key),
            Self::Lacks(key) => !labels.contains_key(key),
        }
    }

    /// Whether no labels make both hold.
    fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Is(key, value), Self::Is(other, another)) => key == other && value != another,
            (Self::Is(key, value), Self::IsNot(other, not)) | (Self::IsNot(other, not), Self::Is(key, value)) => {
                key == other && value == not
            }
            (Self::Is(key, _) | Self::Has(key), Self::Lacks(other))
            | (Self::Lacks(other), Self::Is(key, _) | Self::Has(key)) => key == other,
            (Self::Is(..), Self::Has(_))
            | (Self::Has(_), Self::Is(..) | Self::IsNot(..) | Self::Has(_))
            | (Self::IsNot(..), Self::IsNot(..) | Self::Has(_) | Self::Lacks(_))
            | (Self::Lacks(_), Self::IsNot(..) | Self::Lacks(_)) => false,
        }
    }
}

impl Selector {
    /// Whether things with these labels are chosen.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.holds(labels))
    }

    /// Whether there can be a thing that both choose.
    pub fn overlaps(&self, other: &Self) -> bool {
        // Each requirement is about one key: where all hold by twos, all hold at once, but for a key that may have too
        // many values taken from it, and there are always more.
        !self.0.iter().any(|own| other.0.iter().any(|their| own.excludes(their)))
    }

    /// Whether everything is chosen that the other one chooses. Some that it does not see are missed: never the reverse.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.iter().all(|requirement| other.0.contains(requirement))
    }
}

impl FromStr for Selector {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let requirements = text.split(',').map(|part| part.trim().parse()).collect::<Result<Vec<Requirement>, _>>();
        let mut requirements = requirements?;
        if requirements.len() > REQUIREMENTS_MAX {
            return Err(LabelError::Requirements(requirements.len()));
        }
        // Two that choose the same by the same words are the same.
        requirements.sort_unstable();
        requirements.dedup();
        Ok(Self(requirements))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(key, value) => write!(f, "{}={}", key.0, value.0),
            Self::IsNot(key, value) => write!(f, "{}!={}", key.0, value.0),
            Self::Has(key) => f.write_str(&key.0),
            Self::Lacks(key) => write!(f, "!{}", key.0),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, requirement)| {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")
        })
    }
}

macro_rules! by_text {
    ($($type:ty),+) => {$(
        impl TryFrom<String> for $type {
            type Error = LabelError;

            fn try_from(text: String) -> Result<Self, LabelError> {
                text.parse()
            }
        }
    )+};
}

by_text!(Key, Value, Selector);

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.0
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_those_of_kubernetes() {
        let (longest, too_long) = ("a".repeat(63), "a".repeat(64));
        for key in ["env", "a", "portcullis.dev/tier", "k8s.io/a_b.c-d", "9", &longest] {
            assert!(key.parse::<Key>().is_ok(), "{key}");
        }
        for key in ["", "-env", "env-", "a b", "/env", "Big.com/env", "a..b/env", "a/b/c", "é", "a\0", &too_long] {
            assert!(key.parse::<Key>().is_err(), "{key:?}");
        }
        assert!("".parse::<Value>().is_ok() && "v1.2_x".parse::<Value>().is_ok());
        assert!("a/b".parse::<Value>().is_err() && ".a".parse::<Value>().is_err());
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Selector>().map(|selector| selector.to_string()), Ok(expected.to_owned()), "{text}");
    }

    #[test]
    fn a_selector_is_read_as_people_write_it() {
        check("", "");
        check("env=prod,tier!=edge", "env=prod,tier!=edge");
        check(" env == prod , !old, a.b/c", "env=prod,a.b/c,!old");
        check("env=", "env=");
        check("b=1,!c,a=1,b=1", "a=1,b=1,!c");
        check("a=1,b=1,!c", "a=1,b=1,!c");
        for wrong in [",", "env=a b", "=x", "!", "env=a,", "env in (a)", &vec!["a"; 65].join(",")] {
            assert!(wrong.parse::<Selector>().is_err(), "{wrong}");
        }
    }

    fn labels(text: &str) -> Labels {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(key, value)| (key.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn every_requirement_must_hold() {
        let is_chosen = |selector: &str, text: &str| selector.parse::<Selector>().unwrap().matches(&labels(text));
        for (selector, yes, no) in [
            ("env=prod", "env=prod,a=b", "env=dev"),
            ("env=prod", "env=prod", ""),
            ("env!=prod", "env=dev", "env=prod"),
            ("env!=prod", "", "a=b,env=prod"),
            ("env", "env=", "a=b"),
            ("!env", "a=b", "env="),
            ("env=prod,!old", "env=prod", "env=prod,old=1"),
        ] {
            assert!(is_chosen(selector, yes), "{selector} chooses {yes}");
            assert!(!is_chosen(selector, no), "{selector} does not choose {no}");
        }
        assert!(is_chosen("", "") && is_chosen("", "a=b"));
    }

    #[test]
    fn selectors_overlap_unless_one_excludes_the_other() {
        let of = |text: &str| text.parse::<Selector>().unwrap();
        for (one, other, expected) in [
            ("", "env=prod", true),
            ("env=prod", "env=dev", false),
            ("env=prod", "env!=prod", false),
            ("env=prod", "!env", false),
            ("env", "!env", false),
            ("env=prod", "env!=dev", true),
            ("env=prod", "tier=edge", true),
            ("!env", "env!=prod", true),
        ] {
            assert_eq!(of(one).overlaps(&of(other)), expected, "{one} and {other}");
            assert_eq!(of(other).overlaps(&of(one)), expected, "{other} and {one}");
        }
        assert!(of("").covers(&of("env=prod")) && of("a,b").covers(&of("b,c,a")) && !of("a=1").covers(&of("")));
    }
}
