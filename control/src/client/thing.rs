//! What a server answers: shown as it is, so that a newer server's members are not lost; read where something is
//! decided.

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use super::Error;

/// One thing, in one of its states.
#[derive(Debug, Clone, PartialEq)]
pub struct Thing {
    value: Value,
    /// Its `ETag`, for `If-Match`.
    pub etag: Option<String>,
}

/// Several things, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// The things.
    pub items: Vec<Thing>,
    /// Whether there are more than were asked for.
    pub rest: Rest,
}

/// Whether a list goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// It was shown whole.
    Nothing,
    /// More were there than were asked for.
    More,
}

impl Thing {
    /// What was answered.
    pub fn new(value: Value) -> Self {
        Self { value, etag: None }
    }

    /// With the server's URL in a command that the server left it open in, because it was not told its public one.
    #[must_use]
    pub fn with_server(mut self, url: &str) -> Self {
        if let Some(Value::String(command)) = self.value.get_mut("command") {
            *command = command.replace("CONTROL_PLANE_URL", url.trim_end_matches('/'));
        }
        self
    }

    /// In the state that is called so.
    #[must_use]
    pub fn at(self, etag: Option<String>) -> Self {
        Self { etag, ..self }
    }

    /// The value at a JSON pointer.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    /// The text at a JSON pointer; nothing where there is none.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    /// A text that is always there.
    ///
    /// # Errors
    /// What was answered is not what this program knows.
    pub fn must(&self, pointer: &'static str) -> Result<&str, Error> {
        self.text(pointer).ok_or(Error::Unexpected { what: pointer })
    }

    /// The part of it at a JSON pointer, as a thing of its own.
    pub fn part(&self, pointer: &'static str) -> Result<Self, Error> {
        let value = self.get(pointer).cloned().ok_or(Error::Unexpected { what: pointer })?;
        Ok(Self { value, etag: None })
    }

    /// The value at a JSON pointer as people read it in a table: a text without quotes, nothing as `-`.
    pub fn shown(&self, pointer: &str) -> String {
        match self.get(pointer) {
            None | Some(Value::Null) => "-".to_owned(),
            Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
            }
            Some(value) => value.to_string(),
        }
    }
}

impl Serialize for Thing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Plain(&self.value).serialize(serializer)
    }
}

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("items", &self.items)?;
        map.end()
    }
}

/// A value whose numbers are numbers in every format: those of `serde_json` are structs to anything but JSON, as this
/// workspace builds it.
struct Plain<'v>(&'v Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => serialize_number(number, serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| sequence.serialize_element(&Plain(item)))?;
                sequence.end()
            }
            Value::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(key, value)| map.serialize_entry(key, &Plain(value)))?;
                map.end()
            }
        }
    }
}

fn serialize_number<S: Serializer>(number: &Number, serializer: S) -> Result<S::Ok, S::Error> {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(whole), _, _) => serializer.serialize_i64(whole),
        (None, Some(whole), _) => serializer.serialize_u64(whole),
        (None, None, Some(fraction)) => serializer.serialize_f64(fraction),
        (None, None, None) => serializer.serialize_str(&number.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_numbers_in_every_format() {
        let thing = Thing::new(json!({ "size": 7, "share": 0.5, "labels": ["a"] }));
        let yaml = serde_saphyr::to_string(&thing).unwrap();
        assert!(yaml.contains("size: 7\n") && yaml.contains("share: 0.5\n"), "{yaml}");
        assert_eq!(serde_json::to_string(&thing).unwrap(), r#"{"size":7,"share":0.5,"labels":["a"]}"#);
    }

    #[test]
    fn tables_show_what_is_there() {
        let thing = Thing::new(json!({ "name": "shop", "size": 7, "scopes": ["a", "b"], "none": null, "blank": "" }));
        let cells = ["/name", "/size", "/scopes", "/none", "/blank", "/missing"].map(|pointer| thing.shown(pointer));
        assert_eq!(cells, ["shop", "7", "a, b", "-", "-", "-"]);
    }
}
