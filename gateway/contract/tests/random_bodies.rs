//! Random schemas and instances: the verdict on a JSON body is that of an independent validator on the value.
#![allow(clippy::unwrap_used, reason = "a test")]

mod bodies;
mod independent;

use bodies::{content, judge};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Few names, so that schemas and instances meet.
const NAMES: [&str; 5] = ["a", "b", "c", "ab", "é/~"];

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(&NAMES[..]).prop_map(str::to_owned)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-4..5_i64).prop_map(Value::from),
        prop::sample::select(&[-1.5, 0.25, 0.5, 2.0, 3.5][..]).prop_map(Value::from),
        "[abé\"\\\\ ]{0,4}".prop_map(Value::from),
    ]
}

fn instance() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Keywords that need no schema.
fn assertion() -> impl Strategy<Value = Value> {
    let types = || prop::sample::select(&["null", "boolean", "integer", "number", "string", "array", "object"][..]);
    prop_oneof![
        types().prop_map(|kind| json!({ "type": kind })),
        (types(), types())
            .prop_filter("distinct", |(a, b)| a != b)
            .prop_map(|pair| json!({ "type": [pair.0, pair.1] })),
        instance().prop_map(|value| json!({ "const": value })),
        (instance(), scalar()).prop_map(|(a, b)| json!({ "enum": [a, b] })),
        (-3..4_i64).prop_map(|bound| json!({ "minimum": bound })),
        (-3..4_i64).prop_map(|bound| json!({ "exclusiveMaximum": bound })),
        prop::sample::select(&[0.5, 1.0, 2.0][..]).prop_map(|of| json!({ "multipleOf": of })),
        (0..4_u64).prop_map(|length| json!({ "minLength": length })),
        (0..4_u64).prop_map(|length| json!({ "maxLength": length })),
        prop::sample::select(&["^a", "b$", "a+b?", "é", "^[ab]*$"][..]).prop_map(|text| json!({ "pattern": text })),
        (0..3_u64).prop_map(|count| json!({ "minItems": count })),
        (0..3_u64).prop_map(|count| json!({ "maxItems": count })),
        Just(json!({ "uniqueItems": true })),
        (0..3_u64).prop_map(|count| json!({ "minProperties": count })),
        (0..3_u64).prop_map(|count| json!({ "maxProperties": count })),
        prop::collection::btree_set(name(), 1..3).prop_map(|names| json!({ "required": names })),
        (name(), name()).prop_map(|(one, other)| json!({ "dependentRequired": { one: [other] } })),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![1 => any::<bool>().prop_map(Value::from), 8 => assertion()];
    leaf.prop_recursive(4, 40, 3, |inner| {
        let pair = || (inner.clone(), inner.clone());
        let keyword = prop_oneof![
            assertion(),
            pair().prop_map(|(a, b)| json!({ "allOf": [a, b] })),
            pair().prop_map(|(a, b)| json!({ "anyOf": [a, b] })),
            pair().prop_map(|(a, b)| json!({ "oneOf": [a, b] })),
            inner.clone().prop_map(|schema| json!({ "not": schema })),
            (pair(), inner.clone()).prop_map(|((a, b), c)| json!({ "if": a, "then": b, "else": c })),
            (name(), inner.clone()).prop_map(|(name, schema)| json!({ "properties": { name: schema } })),
            inner.clone().prop_map(|schema| json!({ "patternProperties": { "^a": schema } })),
            inner.clone().prop_map(|schema| json!({ "additionalProperties": schema })),
            inner.clone().prop_map(|schema| json!({ "unevaluatedProperties": schema })),
            inner.clone().prop_map(|schema| json!({ "propertyNames": schema })),
            (name(), inner.clone()).prop_map(|(name, schema)| json!({ "dependentSchemas": { name: schema } })),
            inner.clone().prop_map(|schema| json!({ "items": schema })),
            pair().prop_map(|(a, b)| json!({ "prefixItems": [a, b] })),
            inner.clone().prop_map(|schema| json!({ "unevaluatedItems": schema })),
            (inner.clone(), 0..3_u64).prop_map(|(schema, least)| json!({ "contains": schema, "minContains": least })),
        ];
        prop::collection::vec(keyword, 1..4).prop_map(|keywords| {
            let all = keywords.into_iter().filter_map(|keyword| keyword.as_object().cloned()).flatten();
            Value::Object(all.collect())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_verdict_is_that_on_the_value(schema in schema(), instance in instance()) {
        let body = instance.to_string();
        let verdict = judge(&content("application/json", &schema), "application/json", [body.as_bytes()]).unwrap();
        let expected = independent::is_valid(&schema, &instance);
        prop_assert_eq!(verdict.is_empty(), expected, "{} {}: {:?}", schema, body, verdict);
    }
}
