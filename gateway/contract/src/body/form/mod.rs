//! Forms: values that are written as named texts, `application/x-www-form-urlencoded` and `multipart/form-data`
//! (OpenAPI 3.2.0 sections 4.14 and 4.15).

mod file;
mod property;
mod reading;
mod url_encoded;

use std::sync::Arc;

use artifact_format::model::{PropertyEncoding, SchemaId};

use super::Error;
use crate::json::Tree;
use crate::schema::{Validator, Validators};
use crate::shape::{Shape, Shapes, Types};
use crate::wire::{Contract, Wire};
use crate::{Part, Place, Report};
use property::Property;
pub(super) use property::{Carrier, schemas};
pub(super) use reading::{Field, Fields, Text};
pub(super) use url_encoded::{FIELDS_MAX, judge};

/// What a value must be that is written without types, and how its properties are written.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) shape: Shape,
    validator: Arc<Validator>,
    /// Those that the description says something about, sorted by name.
    properties: Box<[(Box<str>, Property)]>,
    /// What is said about all others: nothing.
    unsaid: Property,
}

impl Form {
    /// Makes ready to judge by a schema.
    pub(super) fn new(
        schema: SchemaId,
        encodings: &[PropertyEncoding],
        shapes: &mut Shapes<'_>,
        validators: &Validators,
    ) -> Result<Self, Error> {
        let files = file::properties(shapes.table(), schema);
        let mut properties: Vec<(Box<str>, Property)> = Vec::new();
        for encoding in encodings {
            let carrier = if files.contains(&encoding.property) { Carrier::File } else { Carrier::Text };
            let property = Property::new(encoding, carrier, shapes, validators)?;
            properties.push((encoding.property.as_str().into(), property));
        }
        for name in files {
            if !encodings.iter().any(|encoding| encoding.property == name) {
                properties.push((name.into(), Property::plain(Carrier::File)));
            }
        }
        properties.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self {
            shape: shapes.of(schema),
            validator: validators.get(schema).cloned().ok_or(Error::NotBuilt(schema))?,
            properties: properties.into(),
            unsaid: Property::plain(Carrier::Text),
        })
    }

    /// Whether a value may be a text as it stands.
    pub(super) fn may_be_scalar(&self) -> bool {
        self.shape.types().has_any(Types::SCALAR)
    }

    /// What is said about a property.
    pub(super) fn property(&self, name: &str) -> &Property {
        match self.properties.binary_search_by(|(other, _)| (**other).cmp(name)) {
            Ok(found) => &self.properties[found].1,
            Err(_) => &self.unsaid,
        }
    }

    /// The properties of which something is said.
    pub(super) fn properties(&self) -> impl Iterator<Item = (&str, &Property)> {
        self.properties.iter().map(|(name, property)| (&**name, property))
    }

    /// Judges the value of a whole body.
    pub(super) fn judge(&self, wire: &Wire<'_>, tree: &mut Tree, report: &mut Report) {
        let contract = Contract { shape: &self.shape, validator: &self.validator };
        if let Err(refused) = contract.judge(wire, tree) {
            let unjudged = self.unjudged(wire);
            let is_unjudged = |pointer: &str| unjudged.iter().any(|member| is_within(pointer, member));
            if unjudged.is_empty() || !contract.excuses((wire, &refused), tree, is_unjudged) {
                contract.explain((wire, &refused), (&Place::whole(Part::Body), tree), report);
            }
        }
    }

    /// Where only the octets are there although the schema wants a list or an object, which a declared `contentType`
    /// allows: an object in XML cannot be judged, as a whole body of it cannot.
    fn unjudged(&self, wire: &Wire<'_>) -> Vec<String> {
        let Wire::Map(members) = wire else { return Vec::new() };
        let is_unjudged =
            |shape: &Shape, wire: &Wire<'_>| matches!(wire, Wire::Opaque(_)) && !shape.types().has_any(Types::SCALAR);
        let mut unjudged = Vec::new();
        for (name, wire) in members {
            let (shape, place) = (self.shape.member(name), Place::whole(Part::Body).member(name));
            if is_unjudged(shape, wire) {
                unjudged.push(place.pointer);
            } else if let Wire::List(items) = wire {
                let items = items.iter().enumerate().filter(|(index, item)| is_unjudged(shape.item(*index), item));
                unjudged.extend(items.map(|(index, _)| format!("{}/{index}", place.pointer)));
            }
        }
        unjudged
    }
}

fn is_within(pointer: &str, member: &str) -> bool {
    pointer.strip_prefix(member).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
