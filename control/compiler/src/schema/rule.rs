//! What the values of keywords must be.

use std::collections::HashSet;

use serde_json::Value;

use super::collector::{Language, language};
use super::keyword::TYPES;
use crate::document::Node;

/// What a value must be.
pub(super) struct Rule {
    /// As a message says it after the keyword.
    pub(super) says: &'static str,
    pub(super) holds: fn(&Node<'_>) -> bool,
}

pub(super) static COUNT: Rule = Rule { says: "must be an integer from 0", holds: is_count };
pub(super) static NUMBER: Rule = Rule { says: "must be a number", holds: |node| node.value().is_number() };
pub(super) static POSITIVE: Rule = Rule { says: "must be a number above 0", holds: is_positive };
pub(super) static BOOLEAN: Rule = Rule { says: "must be a boolean", holds: |node| node.bool().is_some() };
pub(super) static TEXT: Rule = Rule { says: "must be a string", holds: |node| node.str().is_some() };
pub(super) static NAMES: Rule = Rule { says: "must be a list of strings", holds: are_texts };
pub(super) static NAME_LISTS: Rule =
    Rule { says: "must be an object of lists of distinct strings", holds: are_name_lists };
pub(super) static VALUES: Rule = Rule { says: "must be a list", holds: |node| node.value().is_array() };
pub(super) static TYPE: Rule = Rule {
    says: "must be one of array, boolean, integer, null, number, object and string, or since OpenAPI 3.1 a list of them",
    holds: is_type_or_types,
};
pub(super) static SCHEMAS: Rule = Rule {
    says: "must be a list of schemas, at least one",
    holds: |node| node.value().as_array().is_some_and(|items| !items.is_empty()),
};
pub(super) static SCHEMAS_BY_NAME: Rule =
    Rule { says: "must be an object of schemas", holds: |node| node.value().is_object() };

/// `2.0` is an integer, too (JSON Schema 2020-12 core, section 4.2.3).
fn is_count(node: &Node<'_>) -> bool {
    let is_whole = |number: f64| number >= 0.0 && number.fract() == 0.0;
    node.value().as_u64().is_some() || node.value().as_f64().is_some_and(is_whole)
}

fn is_positive(node: &Node<'_>) -> bool {
    node.value().as_number().is_some_and(crate::structure::is_positive)
}

fn are_texts(node: &Node<'_>) -> bool {
    node.value().as_array().is_some_and(|texts| texts.iter().all(Value::is_string))
}

fn are_distinct(values: &[Value]) -> bool {
    let mut seen = HashSet::new();
    values.iter().all(|value| seen.insert(value))
}

fn are_name_lists(node: &Node<'_>) -> bool {
    let is_list = |list: &Node<'_>| are_texts(list) && list.value().as_array().is_some_and(|names| are_distinct(names));
    node.value().is_object() && node.entries().all(|(_, list)| is_list(&list))
}

fn is_type_or_types(node: &Node<'_>) -> bool {
    let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    match node.value() {
        Value::Array(types) => {
            let may_be_list = language(node) == Language::Draft202012;
            may_be_list && !types.is_empty() && types.iter().all(is_type) && are_distinct(types)
        }
        one => is_type(one),
    }
}
