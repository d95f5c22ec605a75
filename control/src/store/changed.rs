//! What a change changed, for its audit event: what a thing says of itself through the API, before and after. No secret is
//! part of that.

use serde::Serialize;
use serde_json::{Map, Value, json};

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

/// PostgreSQL's JSON has no U+0000, which a data plane's metadata may have.
fn storable(value: Value) -> Value {
    let text = |text: String| if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    match value {
        Value::String(content) => Value::String(text(content)),
        Value::Array(items) => items.into_iter().map(storable).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (text(name), storable(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
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
}
