//! Defaults, written as a client would have written them.

use artifact_format::model::Style;
use http::HeaderValue;
use serde_json::Value;

use super::declared::{Declared, Form};
use super::style::Explode;
use crate::Part;
use crate::percent::encode;

/// The default of a parameter that a request lacks, ready to be added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing<'p> {
    /// Where it belongs: the query, the header fields or the cookies.
    pub part: Part,
    /// The parameter's name.
    pub name: &'p str,
    /// In a query `name=value`, several joined by `&`; among cookies `name=value`, several joined by `; `; of a
    /// header field its value. Escaped as it must be.
    pub text: &'p str,
}

/// Writes `default` as the parameter's value is written. None for what cannot be written so, or where there is
/// nothing to write: lists and objects without anything in them, and paths, which lack nothing.
pub(super) fn written(declared: &Declared, default: &Value) -> Option<Box<str>> {
    let writer = Writer { declared };
    let text = match declared.form {
        Form::Style(style, explode) => writer.styled(default, style, explode)?,
        Form::Json => writer.pair(&declared.name, &writer.escaped(&default.to_string())),
        Form::Text => writer.pair(&declared.name, &writer.scalar(default)?),
        Form::UrlEncoded | Form::Opaque => return None,
    };
    match declared.part {
        Part::Path | Part::Body => None,
        Part::Query | Part::Cookie => Some(text.into()),
        Part::Header => HeaderValue::from_str(&text).is_ok().then(|| text.into()),
    }
}

struct Writer<'p> {
    declared: &'p Declared,
}

impl Writer<'_> {
    fn styled(&self, value: &Value, style: Style, explode: Explode) -> Option<String> {
        let name = &*self.declared.name;
        let joined = |pieces: Vec<String>| self.pair(name, &pieces.join(delimiter(style)));
        match (value, explode) {
            (Value::Array(items), _) if items.is_empty() => None,
            (Value::Object(members), _) if members.is_empty() => None,
            (Value::Array(items), _) => {
                let items: Vec<String> = items.iter().map(|item| self.scalar(item)).collect::<Option<_>>()?;
                match (style, explode) {
                    (Style::DeepObject, _) => Some(self.pairs(items.iter().map(|item| (format!("{name}[]"), item)))),
                    (Style::Simple, _) | (_, Explode::Joined) => Some(joined(items)),
                    _ => Some(self.pairs(items.iter().map(|item| (name.to_owned(), item)))),
                }
            }
            (Value::Object(members), _) => {
                let members = members.iter().map(|(name, member)| Some((name, self.scalar(member)?)));
                let members: Vec<(&String, String)> = members.collect::<Option<_>>()?;
                let each = || members.iter().map(|(key, value)| (self.escaped(key), value));
                match (style, explode) {
                    (Style::DeepObject, _) => {
                        Some(self.pairs(members.iter().map(|(key, value)| (format!("{name}[{key}]"), value))))
                    }
                    (Style::Simple, Explode::Exploded) => {
                        Some(joined(each().map(|(key, value)| format!("{key}={value}")).collect()))
                    }
                    (_, Explode::Joined) => {
                        Some(joined(each().flat_map(|(key, value)| [key, value.clone()]).collect()))
                    }
                    _ => Some(self.pairs(members.iter().map(|(key, value)| ((*key).clone(), value)))),
                }
            }
            (scalar, _) => Some(self.pair(name, &self.scalar(scalar)?)),
        }
    }

    /// A text, or what of JSON is written alike in every style.
    fn scalar(&self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(self.escaped(text)),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            Value::Null => Some(String::new()),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn escaped(&self, text: &str) -> String {
        encode(text, self.declared.escapes)
    }

    fn pair(&self, name: &str, value: &str) -> String {
        match self.declared.part {
            Part::Header | Part::Path | Part::Body => value.to_owned(),
            Part::Query => format!("{}={value}", self.escaped(name)),
            // The names of cookies are exact.
            Part::Cookie => format!("{name}={value}"),
        }
    }

    fn pairs<'v>(&self, pairs: impl Iterator<Item = (String, &'v String)>) -> String {
        let pairs: Vec<String> = pairs.map(|(name, value)| self.pair(&name, value)).collect();
        pairs.join(if self.declared.part == Part::Cookie { "; " } else { "&" })
    }
}

fn delimiter(style: Style) -> &'static str {
    match style {
        Style::SpaceDelimited => "%20",
        Style::PipeDelimited => "%7C",
        Style::Matrix | Style::Label | Style::Simple | Style::Form | Style::DeepObject | Style::Cookie => ",",
    }
}
