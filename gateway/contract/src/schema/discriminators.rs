//! `discriminator` (OpenAPI 3.2.0 section 4.24.8): which alternative a value means to be.
//!
//! It only makes what is said about a wrong value better. The verdict is that of the alternatives themselves.

use std::collections::HashMap;

use artifact_format::model::{Schema, SchemaId};
use serde_json::{Map, Value};

use crate::pointer;

/// The discriminators of a table of schemas, by where their alternatives stand: `portcullis:schema/7#/oneOf`.
#[derive(Debug, Default)]
pub(super) struct Discriminators {
    by_place: HashMap<String, Discriminator>,
}

/// One discriminator.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Discriminator {
    /// The property that says it.
    pub(super) property: Box<str>,
    /// What it says, and the position of the alternative that it means.
    alternatives: HashMap<Box<str>, usize>,
}

impl Discriminators {
    /// Finds those of `schemas`.
    pub(super) fn of<'s>(schemas: impl Iterator<Item = (SchemaId, &'s Value)>) -> Self {
        let mut found = Self::default();
        for (id, schema) in schemas {
            found.search(schema, &format!("{}#", Schema::reference(id)));
        }
        found
    }

    /// The one beside the alternatives at this place.
    pub(super) fn at(&self, place: &str) -> Option<&Discriminator> {
        self.by_place.get(place)
    }

    fn search(&mut self, schema: &Value, place: &str) {
        match schema {
            Value::Object(keywords) => {
                if let Some(Value::Object(discriminator)) = keywords.get("discriminator") {
                    for keyword in ["oneOf", "anyOf"] {
                        if let Some(found) = Discriminator::of(discriminator, keywords.get(keyword)) {
                            self.by_place.insert(format!("{place}/{keyword}"), found);
                        }
                    }
                }
                for (key, value) in keywords.iter().filter(|(key, _)| !matches!(key.as_str(), "const" | "enum")) {
                    self.search(value, &pointer::member(place, key));
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.search(item, &format!("{place}/{index}")));
            }
            _ => {}
        }
    }
}

impl Discriminator {
    fn of(discriminator: &Map<String, Value>, alternatives: Option<&Value>) -> Option<Self> {
        let references: Vec<Option<&str>> =
            alternatives?.as_array()?.iter().map(|alternative| alternative.get("$ref")?.as_str()).collect();
        let property = discriminator.get("propertyName")?.as_str()?.into();
        let mapping = discriminator.get("mapping")?.as_object()?;
        let position = |schema: &Value| references.iter().position(|reference| *reference == schema.as_str());
        let meant = |(value, schema): (&String, &Value)| Some((value.as_str().into(), position(schema)?));
        Some(Self { property, alternatives: mapping.iter().filter_map(meant).collect() })
    }

    /// The position of the alternative that `value` means.
    pub(super) fn meant(&self, value: &str) -> Option<usize> {
        self.alternatives.get(value).copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_mean_alternatives() {
        let schema = json!({ "properties": { "pet": {
            "oneOf": [{ "$ref": "portcullis:schema/1" }, { "$ref": "portcullis:schema/2" }],
            "discriminator": {
                "propertyName": "kind",
                "mapping": { "Cat": "portcullis:schema/1", "dog": "portcullis:schema/2", "fish": "portcullis:schema/3" },
            },
        } } });
        let found = Discriminators::of([(SchemaId(4), &schema)].into_iter());
        let discriminator = found.at("portcullis:schema/4#/properties/pet/oneOf").unwrap();
        assert_eq!(&*discriminator.property, "kind");
        assert_eq!(["Cat", "dog", "fish"].map(|value| discriminator.meant(value)), [Some(0), Some(1), None]);
    }
}
