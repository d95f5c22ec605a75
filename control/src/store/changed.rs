//! What a change changed, for its audit event: what a thing says of itself through the API, before and after. No secret is
//! part of that.

use serde::Serialize;
use serde_json::{Map, Number, Value, json};

/// What changes with every change, or says so already in the event.
const UNTOLD: [&str; 2] = ["version", "updated_at"];

/// Each field that is another one now: `{"name": {"from": "a", "to": "b"}}`. What was not there, or is not, is `null`.
pub(super) fn fields<T: Serialize>(before: &T, after: &T) -> Value {
    let (before, after) = (object(before), object(after));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let of = |side: &Map<String, Value>, name: &String| side.get(name).cloned().unwrap_or_default();
    let changed = names.filter(|name| !UNTOLD.contains(&name.as_str())).filter_map(|name| {
        let (from, to) = (of(&before, name), of(&after, name));
        (from != to).then(|| (name.clone(), json!({ "from": from, "to": to })))
    });
    Value::Object(changed.collect())
}

fn object<T: Serialize>(thing: &T) -> Map<String, Value> {
    match serde_json::to_value(thing) {
        Ok(Value::Object(fields)) => fields.into_iter().map(|(name, value)| (name, storable(value))).collect(),
        // Nothing that is kept is anything else.
        Ok(_) | Err(_) => Map::new(),
    }
}

/// What both databases keep, and give back as short as it came: a data plane's metadata may hold more. PostgreSQL's JSON has
/// no U+0000, and writes a number in all of its digits, however many its exponent asks for.
fn storable(value: Value) -> Value {
    let text = |text: String| if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    match value {
        Value::String(content) => Value::String(text(content)),
        Value::Array(items) => items.into_iter().map(storable).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (text(name), storable(value))).collect(),
        Value::Number(number) if !is_plain(&number) => Value::String(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Whether a number has about as many digits as characters: without an exponent, or with a small one.
fn is_plain(number: &Number) -> bool {
    let text = number.to_string();
    let is_near = |float: f64| (1e-9..1e15).contains(&float.abs());
    text.len() <= 32 && (!text.contains(['e', 'E']) || number.as_f64().is_some_and(is_near))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_and_nothing_else() {
        let before = json!({ "name": "a", "version": 1, "labels": { "x": "y" }, "host": "h" });
        let after = json!({ "name": "b", "version": 2, "labels": { "x": "y" }, "metadata": ["\0"] });
        let expected = json!({
            "name": { "from": "a", "to": "b" },
            "host": { "from": "h", "to": null },
            "metadata": { "from": null, "to": ["\u{fffd}"] },
        });
        assert_eq!(fields(&before, &after), expected);
        assert_eq!(fields(&before, &before), json!({}));
    }

    #[test]
    fn a_number_that_a_database_would_write_out_is_told_as_it_came() {
        let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for text in ["1e131000", "1e200000", "-1e400", "1e-400", "123456789012345678901234567890123.5"] {
            assert_eq!(storable(number(text)), json!(number(text).to_string()), "{text}");
        }
        for text in ["0", "-7", "18446744073709551615", "2.5", "-0.001", "0.0"] {
            assert_eq!(storable(number(text)), number(text), "{text}");
        }
    }
}
