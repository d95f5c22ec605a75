//! Holds a value of `x-portcullis` to its shape.

use regex_lite::Regex;
use serde_json::Value;

use super::shape::{Field, Presence, Shape, TextShape, parse_duration, parse_size};
use crate::diagnostic::nearest;
use crate::diagnostic::{Code, Sink};
use crate::document::Node;

/// Reports everything in `node` that is not as `fields` say.
///
/// True where nothing was.
pub(super) fn object(node: &Node<'_>, fields: &[Field], sink: &mut Sink) -> bool {
    if !node.value().is_object() {
        return mismatch(node, &Shape::describe_object(fields), sink);
    }
    let mut is_right = true;
    for (key, entry) in node.entries() {
        if let Some(field) = fields.iter().find(|field| field.name == key) {
            is_right &= value(&entry, &field.shape, sink);
        } else {
            is_right = false;
            unknown(&entry, key, fields, sink);
        }
    }
    for field in fields.iter().filter(|field| field.presence == Presence::Required) {
        if node.get(field.name).is_none() {
            is_right = false;
            sink.error(Code::SettingMissing, node, format!("`{}` is missing", field.name))
                .hint(format!("add `{}`: {}", field.name, field.about));
        }
    }
    is_right
}

fn unknown(entry: &Node<'_>, key: &str, fields: &[Field], sink: &mut Sink) {
    let diagnostic = sink.error(Code::UnknownSetting, entry.key_place(), format!("there is no setting `{key}` here"));
    let names = fields.iter().map(|field| field.name);
    match nearest(key, names.clone()) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic.hint(format!("the settings here are {}", names.collect::<Vec<_>>().join(", "))),
    };
}

fn value(node: &Node<'_>, shape: &Shape, sink: &mut Sink) -> bool {
    match shape {
        Shape::Object(fields) => object(node, fields, sink),
        Shape::Map(name, of) if node.value().is_object() => {
            let are_named =
                node.entries().fold(true, |are_named, (key, entry)| key_fits(&entry, key, name, sink) && are_named);
            all(node.entries().map(|(_, entry)| entry), of, sink) && are_named
        }
        Shape::List(of) if node.value().as_array().is_some_and(|items| !items.is_empty()) => {
            all(node.items(), of, sink)
        }
        Shape::Either(shapes) => either(node, shape, shapes, sink),
        scalar => fits(node.value(), scalar) || mismatch(node, &scalar.describe(), sink),
    }
}

fn all<'d>(nodes: impl Iterator<Item = Node<'d>>, shape: &Shape, sink: &mut Sink) -> bool {
    // Every one is looked at, also after one that is wrong.
    nodes.filter(|node| !value(node, shape, sink)).count() == 0
}

/// Looks deeper where only one of the shapes can be meant, so that what is reported is the fault itself.
fn either(node: &Node<'_>, shape: &Shape, shapes: &[Shape], sink: &mut Sink) -> bool {
    let meant = shapes.iter().find(|shape| match shape {
        Shape::Object(_) | Shape::Map(..) => node.value().is_object(),
        Shape::List(_) => node.value().is_array(),
        scalar => fits(node.value(), scalar),
    });
    match meant {
        Some(meant) => value(node, meant, sink),
        None => mismatch(node, &shape.describe(), sink),
    }
}

fn mismatch(node: &Node<'_>, expected: &str, sink: &mut Sink) -> bool {
    let shown = match node.value() {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        scalar => format!("`{scalar}`"),
    };
    let message = format!("{shown} stands where there must be {expected}");
    let diagnostic = sink.error(Code::SettingInvalid, node, message);
    if node.value() == &Value::Bool(false) && expected.contains("`off`") {
        diagnostic.hint("write `off` to switch an inherited setting off");
    }
    false
}

fn key_fits(entry: &Node<'_>, key: &str, shape: &TextShape, sink: &mut Sink) -> bool {
    let is_right = matches(key, shape);
    if !is_right {
        sink.error(
            Code::SettingInvalid,
            entry.key_place(),
            format!("`{key}` stands where there must be {}", shape.what),
        );
    }
    is_right
}

fn matches(text: &str, shape: &TextShape) -> bool {
    Regex::new(shape.pattern).is_ok_and(|pattern| pattern.is_match(text))
}

/// Whether a value is what a shape without parts says.
fn fits(value: &Value, shape: &Shape) -> bool {
    let text = value.as_str();
    match shape {
        Shape::Word(words) => text.is_some_and(|text| words.contains(&text)),
        Shape::Integer(bounds) => value.as_u64().is_some_and(|number| bounds.contains(&number)),
        Shape::Share => value.as_f64().is_some_and(|share| share > 0.0 && share <= 1.0),
        Shape::Duration(bounds) => text.and_then(parse_duration).is_some_and(|ms| bounds.contains(&ms)),
        Shape::Size(bounds) => text.and_then(parse_size).is_some_and(|bytes| bounds.contains(&bytes)),
        Shape::Text(shape) => text.is_some_and(|text| matches(text, shape)),
        Shape::Json => true,
        Shape::List(_) | Shape::Map(..) | Shape::Object(_) | Shape::Either(_) => false,
    }
}
