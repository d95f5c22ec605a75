//! What can be wrong with an object's structure.

use super::grammar::{Demand, Key, Object, Shape};
use crate::diagnostic::{Code, nearest};
use crate::document::{Node, Version};

/// A fault of the structure, not yet put into words: the walk that finds files has no use for them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The node is a member that its object does not have.
    Unknown(&'static Object),
    /// The node is an object that lacks the field.
    Missing(&'static Object, &'static str),
    /// The node is not of that shape.
    Shape(Shape),
    /// The node's key does not fit.
    Key(Key),
    /// The node is an object that breaks a rule; where a value is wrong, the value.
    Rule(&'static Object, Demand),
}

/// A fault in words.
pub(super) struct Words {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Words {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl Fault {
    /// Whether the key is at fault rather than the value.
    pub(super) fn is_of_key(self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Key(_))
    }

    pub(super) fn words(self, node: &Node<'_>, version: Version) -> Words {
        match self {
            Self::Unknown(object) => unknown(object, node, version),
            Self::Missing(object, field) => {
                Words::new(Code::MissingField, format!("the {} has no `{field}`", object.name))
            }
            Self::Shape(shape) => wrong_shape(shape, node),
            Self::Key(key) => {
                let name = key_of(node);
                Words::new(Code::InvalidKey, format!("`{name}` is not {}", key_description(key)))
            }
            Self::Rule(object, demand) => broken(object, demand, node),
        }
    }
}

fn key_of<'d>(node: &Node<'d>) -> &'d str {
    match node.token() {
        Some(crate::document::Token::Key(key)) => key,
        Some(crate::document::Token::Index(_)) | None => "",
    }
}

fn unknown(object: &'static Object, node: &Node<'_>, version: Version) -> Words {
    let name = key_of(node);
    if name == "$ref" {
        let message = format!("a `$ref` cannot stand for {} {}", article(object.name), object.name);
        return Words::new(Code::UnknownField, message)
            .hint("write it out, or refer to a part of it that may be referred to");
    }
    let words = Words::new(Code::UnknownField, format!("the {} has no field `{name}`", object.name));
    if let Some(other) = object.fields.iter().find(|field| field.name == name) {
        let versions = [Version::V3_0, Version::V3_1, Version::V3_2].into_iter();
        let names: Vec<&str> = versions.filter(|version| other.versions.has(*version)).map(Version::name).collect();
        return words.hint(format!("OpenAPI {} has it; this document is of {}", names.join(" and "), version.name()));
    }
    let fields = object.fields.iter().filter(|field| field.versions.has(version)).map(|field| field.name);
    match nearest(name, fields) {
        Some(field) => words.hint(format!("did you mean `{field}`?")),
        None => words.hint(format!("an extension of your own begins with `x-`: `x-{name}`")),
    }
}

fn wrong_shape(shape: Shape, node: &Node<'_>) -> Words {
    let value = node.value();
    let found = match value {
        serde_json::Value::Null => "null".to_owned(),
        serde_json::Value::Bool(truth) => format!("`{truth}`"),
        serde_json::Value::Number(number) => format!("the number {number}"),
        serde_json::Value::String(text) => format!("`{text}`"),
        serde_json::Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        serde_json::Value::Array(_) => "a list".to_owned(),
        serde_json::Value::Object(_) => "an object".to_owned(),
    };
    let expected = description(shape);
    let words = |code| Words::new(code, format!("{expected} belongs here, not {found}"));
    match shape {
        Shape::Word(allowed) if value.is_string() => {
            let words = words(Code::InvalidValue);
            let meant = value.as_str().and_then(|text| nearest(text, allowed.iter().copied()));
            match meant {
                Some(meant) => words.hint(format!("did you mean `{meant}`?")),
                None => words,
            }
        }
        Shape::Uri | Shape::Email if value.is_string() => words(Code::InvalidValue),
        Shape::Positive | Shape::Count if value.is_number() => words(Code::InvalidValue),
        Shape::NonEmptyList(_) if value.is_array() => words(Code::InvalidValue),
        Shape::Text | Shape::Uri | Shape::Email | Shape::Word(_)
            if !value.is_null() && !value.is_object() && !value.is_array() =>
        {
            words(Code::WrongType).hint(format!("quote it: \"{}\"", value.to_string().trim_matches('"')))
        }
        _ => words(Code::WrongType),
    }
}

fn description(shape: Shape) -> String {
    match shape {
        Shape::Data => "anything".into(),
        Shape::Text => "a text".into(),
        Shape::Uri => "a URI reference".into(),
        Shape::Email => "an e-mail address".into(),
        Shape::Boolean => "`true` or `false`".into(),
        Shape::Number => "a number".into(),
        Shape::Positive => "a number above zero".into(),
        Shape::Count => "a whole number, zero or above,".into(),
        Shape::Word(words) => alternatives(words),
        Shape::Object(object) => format!("{} {}", article(object.name), object.name),
        Shape::Schema => "a Schema Object".into(),
        Shape::SchemaOrBoolean => "a Schema Object, `true` or `false`".into(),
        Shape::List(_) | Shape::Parameters => "a list".into(),
        Shape::NonEmptyList(_) => "a list of at least one item".into(),
        Shape::Map(..) => "an object".into(),
    }
}

fn article(name: &str) -> &'static str {
    if name.starts_with(['A', 'E', 'I', 'O', 'X']) { "an" } else { "a" }
}

fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn key_description(key: Key) -> &'static str {
    match key {
        Key::Any => "a key",
        Key::Component => "a component's name: only letters, digits, `.`, `-` and `_` are allowed",
        Key::Path => "a path: it does not begin with `/`",
        Key::Status => "a status: `200`, `2XX` and `default` are",
        Key::HeaderName => "a header's name (RFC 9110, section 5.6.2)",
        Key::Token => "a token (RFC 9110, section 5.6.2)",
        Key::CookieName => "a cookie's name: it is empty, or has a `;`, a `=` or a space in it",
        Key::NotEmpty => "a name: it is empty",
        Key::Method => "a method that can be added: it is no token, or has a field of its own",
    }
}

fn broken(object: &'static Object, demand: Demand, node: &Node<'_>) -> Words {
    let name = object.name;
    let value = || node.str().unwrap_or_default();
    match demand {
        Demand::AtMostOne(fields) => {
            let present: Vec<&str> = fields.iter().copied().filter(|field| node.get(field).is_some()).collect();
            let present = present.join("` and `");
            Words::new(Code::ExclusiveFields, format!("`{present}` exclude each other in {} {name}", article(name)))
        }
        Demand::ExactlyOne(fields) => {
            let present = fields.iter().filter(|field| node.get(field).is_some()).count();
            let code = if present == 0 { Code::MissingField } else { Code::ExclusiveFields };
            Words::new(code, format!("the {name} needs {}, and only one of them", alternatives(fields)))
        }
        Demand::AtLeastOne(fields) => {
            Words::new(Code::MissingField, format!("the {name} needs {}", alternatives(fields)))
        }
        Demand::SomeMember => Words::new(Code::MissingField, format!("the {name} is empty")),
        Demand::All(fields) => {
            let missing: Vec<&str> = fields.iter().copied().filter(|field| node.get(field).is_none()).collect();
            Words::new(Code::MissingField, format!("this {name} has no `{}`", missing.join("` and no `")))
        }
        Demand::NoneOf(_) => {
            Words::new(Code::ExclusiveFields, format!("`{}` has no place in this {name}", key_of(node)))
        }
        Demand::OneOf(field, allowed) => {
            let message =
                format!("`{}` cannot be the `{field}` of this {name}: {} can", value(), alternatives(allowed));
            Words::new(Code::InvalidValue, message)
        }
        Demand::True(field) => Words::new(Code::InvalidValue, format!("`{field}` must be `true` in this {name}"))
            .hint(format!("add `{field}: true`")),
        Demand::Reads(_, key) => {
            Words::new(Code::InvalidValue, format!("`{}` is not {}", value(), key_description(key)))
        }
        Demand::Without(field, characters) => {
            let characters: Vec<String> = characters.iter().map(|character| format!("`{character}`")).collect();
            let message = format!("the `{field}` of this {name} has {} in it", characters.join(" or "));
            Words::new(Code::InvalidValue, message)
        }
    }
}
