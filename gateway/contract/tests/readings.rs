//! Random values, written by RFC 6570, are judged as another validator judges the value itself.
#![allow(clippy::unwrap_used, reason = "a test")]

mod independent;
mod judging;

use artifact_format::model::Location::{self, Cookie, Header, Path, Query};
use artifact_format::model::Style::{self, DeepObject, Form, Label, Matrix, PipeDelimited, Simple, SpaceDelimited};
use judging::{Contract, Request};
use proptest::prelude::*;
use serde_json::{Value, json};

const NAME: &str = "color";

/// What a value is made of: the texts that stand on the wire.
#[derive(Debug, Clone)]
enum Texts {
    One(String),
    List(Vec<String>),
    Map(Vec<(String, String)>),
}

/// Every place and style that has a form for a kind of value, by the column of the Style Examples.
fn styles(texts: &Texts) -> Vec<(Location, Style, bool)> {
    let both = |location, style| [(location, style, false), (location, style, true)];
    let mut styles: Vec<_> = [
        (Path, Simple),
        (Path, Label),
        (Path, Matrix),
        (Header, Simple),
        (Query, Form),
        (Cookie, Form),
        (Cookie, Style::Cookie),
    ]
    .into_iter()
    .flat_map(|(location, style)| both(location, style))
    .collect();
    if !matches!(texts, Texts::One(_)) {
        styles.extend([(Query, SpaceDelimited, false), (Query, PipeDelimited, false)]);
    }
    if matches!(texts, Texts::Map(_)) {
        styles.push((Query, DeepObject, true));
    }
    styles
}

/// RFC 6570 section 3.2, and the specification's table for what is not in there.
fn written(texts: &Texts, (location, style, explode): (Location, Style, bool)) -> String {
    let escaped = |text: &str| match (location, style) {
        (Header, _) | (_, Style::Cookie) => text.to_owned(),
        _ => text.bytes().fold(String::new(), |escaped, byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped + &char::from(byte).to_string()
            }
            byte => escaped + &format!("%{byte:02X}"),
        }),
    };
    let pair = |name: &str, value: &str| format!("{}={}", escaped(name), escaped(value));
    // An empty value of a path-style parameter has no `=`.
    let matrix = |name: &str, value: &str| {
        if value.is_empty() { format!(";{}", escaped(name)) } else { format!(";{}", pair(name, value)) }
    };
    let (first, delimiter, named) = match (style, explode) {
        (Matrix, _) => (";", if explode { ";" } else { "," }, true),
        (Label, _) => (".", if explode { "." } else { "," }, false),
        (Simple, _) => ("", ",", false),
        (SpaceDelimited, _) => ("", "%20", true),
        (PipeDelimited, _) => ("", "%7C", true),
        (Style::Cookie, true) => ("", "; ", true),
        (_, true) => ("", "&", true),
        (_, false) => ("", ",", true),
    };
    let joined = |values: Vec<String>| {
        let value = values.join(delimiter);
        match (named, style == Matrix && value.is_empty()) {
            (false, _) => format!("{first}{value}"),
            (true, true) => format!(";{NAME}"),
            (true, false) => format!("{first}{NAME}={value}"),
        }
    };
    let apart = |pairs: Vec<String>| format!("{first}{}", pairs.join(delimiter));
    match (texts, explode) {
        (Texts::One(text), _) => joined(vec![escaped(text)]),
        (Texts::List(items), true) if style == Matrix => items.iter().map(|item| matrix(NAME, item)).collect(),
        (Texts::List(items), true) if named => apart(items.iter().map(|item| pair(NAME, item)).collect()),
        (Texts::List(items), _) => joined(items.iter().map(|item| escaped(item)).collect()),
        (Texts::Map(members), true) if style == Matrix => {
            members.iter().map(|(name, value)| matrix(name, value)).collect()
        }
        (Texts::Map(members), true) if style == DeepObject => {
            members.iter().map(|(name, value)| pair(&format!("{NAME}[{name}]"), value)).collect::<Vec<_>>().join("&")
        }
        (Texts::Map(members), true) => apart(members.iter().map(|(name, value)| pair(name, value)).collect()),
        (Texts::Map(members), false) => {
            joined(members.iter().flat_map(|(name, value)| [escaped(name), escaped(value)]).collect())
        }
    }
}

/// Whether what is written can be told apart again, which not every style sees to.
fn is_unambiguous(texts: &Texts, (location, style, explode): (Location, Style, bool)) -> bool {
    let all: Vec<&String> = match texts {
        Texts::One(text) => vec![text],
        Texts::List(items) => items.iter().collect(),
        Texts::Map(members) => members.iter().flat_map(|(name, value)| [name, value]).collect(),
    };
    let holds = |characters: &[char]| all.iter().any(|text| text.contains(characters));
    let is_one = matches!(texts, Texts::One(_));
    match (location, style) {
        // Nothing is escaped.
        (Header, _) | (_, Style::Cookie) => {
            let is_plain = |text: &&String| text.bytes().all(|byte| byte.is_ascii_graphic());
            all.iter().all(is_plain) && !holds(&[';']) && (is_one || !holds(&[',', '=']))
        }
        // The names of cookies are exact, so there is no escape for them.
        (Cookie, _) if explode && matches!(texts, Texts::Map(_)) => !holds(&['&', '=']),
        (_, Label) => is_one || !explode || !holds(&['.']),
        (_, SpaceDelimited) => !holds(&[' ', '+']),
        (_, PipeDelimited) => !holds(&['|']),
        _ => true,
    }
}

/// Every value that a text can stand for.
fn readings(text: &str) -> Vec<Value> {
    let mut readings = vec![json!(text)];
    match serde_json::from_str(text) {
        Ok(value @ (Value::Bool(_) | Value::Null)) => readings.push(value),
        Ok(value @ Value::Number(_)) if text.trim() == text => readings.push(value),
        _ if text.is_empty() => readings.push(Value::Null),
        _ => {}
    }
    readings
}

/// Whether a number that is whole but not written so is refused where only whole ones are allowed, as ours are.
fn is_whole_in_disguise(text: &str) -> bool {
    text.contains(['.', 'e', 'E']) && text.parse().is_ok_and(|number: f64| number.fract() == 0.0)
}

/// What the other validator says: valid, if any reading of every single text is.
fn expected(schema: &Value, texts: &Texts) -> bool {
    let (items, properties) = (&schema["items"], &schema["properties"]);
    // The text's own schema decides how it is read; the whole is judged by the whole one.
    let read = |schema: &Value, text: &String| {
        readings(text).into_iter().find(|value| independent::is_valid(schema, value)).unwrap_or_else(|| json!(text))
    };
    let value = match texts {
        Texts::One(text) => read(schema, text),
        Texts::List(list) => list.iter().map(|text| read(items, text)).collect(),
        Texts::Map(members) => {
            Value::Object(members.iter().map(|(name, text)| (name.clone(), read(&properties[name], text))).collect())
        }
    };
    independent::is_valid(schema, &value)
}

fn scalar_schema() -> impl Strategy<Value = Value> {
    let bound = -20..20_i32;
    prop_oneof![
        bound.clone().prop_map(|least| json!({"type": "integer", "minimum": least})),
        bound.clone().prop_map(|most| json!({"type": "number", "exclusiveMaximum": most})),
        Just(json!({"type": "boolean"})),
        (0..3_u8).prop_map(|length| json!({"type": "string", "maxLength": length})),
        Just(json!({"type": ["null", "integer"]})),
        Just(json!({"enum": ["a", 1, true, "2"]})),
        Just(json!({"anyOf": [{"type": "integer", "maximum": 5}, {"type": "string", "minLength": 2}]})),
        Just(
            json!({"oneOf": [{"type": "string", "pattern": "^[a-m]"}, {"type": "boolean"}, {"type": "number", "multipleOf": 2}]})
        ),
        Just(json!({"allOf": [{"type": ["string", "boolean"]}, {"not": {"const": "true"}}]})),
        Just(json!({})),
        Just(json!({"type": ["string", "number"], "maxLength": 1, "maximum": 3})),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (-30..30_i32).prop_map(|number| number.to_string()),
        1 => (-3.0..3.0_f32).prop_map(|number| number.to_string()),
        1 => prop::sample::select(vec!["true", "false", "null", "", "a", "007", "+5", "1e1", "-0", "-", " 5", "0x1", "TRUE"])
            .prop_map(str::to_owned),
        2 => "[a-z,;.|&=+% é/\\[\\]]{0,4}",
    ]
}

fn case() -> impl Strategy<Value = (Value, Texts)> {
    let one = (scalar_schema(), text()).prop_map(|(schema, text)| (schema, Texts::One(text)));
    let list = (scalar_schema(), prop::collection::vec(text(), 1..5), 0..4_usize).prop_map(|(items, texts, least)| {
        (json!({"type": "array", "items": items, "minItems": least}), Texts::List(texts))
    });
    let member = || (scalar_schema(), prop::option::of(text()));
    let map = (member(), member(), prop::bool::ANY).prop_map(|((x, in_x), (y, in_y), is_needed)| {
        let required = if is_needed { json!(["x"]) } else { json!([]) };
        let members =
            [("x", in_x), ("y&=", in_y)].into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?)));
        let schema = json!({"type": "object", "properties": {"x": x, "y&=": y}, "required": required});
        (schema, Texts::Map(members.collect()))
    });
    prop_oneof![one, list, map]
}

/// Nothing at all may be absent, empty, or have one empty value in it.
fn is_something(texts: &Texts) -> bool {
    match texts {
        Texts::One(_) => true,
        Texts::List(items) => items.iter().any(|item| !item.is_empty()),
        Texts::Map(members) => !members.is_empty(),
    }
}

fn numbers_are_plain(texts: &Texts) -> bool {
    match texts {
        Texts::One(text) => !is_whole_in_disguise(text),
        Texts::List(items) => !items.iter().any(|text| is_whole_in_disguise(text)),
        Texts::Map(members) => !members.iter().any(|(_, text)| is_whole_in_disguise(text)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_verdict_is_that_on_the_value((schema, texts) in case()) {
        prop_assume!(is_something(&texts) && numbers_are_plain(&texts));
        let expected = expected(&schema, &texts);
        for style in styles(&texts).into_iter().filter(|style| is_unambiguous(&texts, *style)) {
            let text = written(&texts, style);
            let (location, style, explode) = style;
            let judge = Contract::default().styled((NAME, location), (style, explode), &schema).required().build();
            let found = judge.judge(&Request::at(location, NAME, &text));
            prop_assert_eq!(found.is_empty(), expected, "{:?} {:?} {} {} {:?}", location, style, explode, text, found);
        }
    }
}
