//! YAML 1.2, read as the JSON it stands for.
//!
//! Scalars mean what the core schema (YAML 1.2.2, section 10.3) says: `no` and `on` are texts, `0x1f` is a number.
//! Keys are texts, whatever they look like: `200:` is `"200":`. Anchors, aliases and merge keys (`<<`) are
//! expanded, as far as [`VALUES_MAX`] and [`DEPTH_MAX`] let them.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{ErrorKind, Event as Yaml, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};

use super::event::{Event, Kind};
use super::fault::Fault;
use super::limits::{DEPTH_MAX, VALUES_MAX};
use super::scalar::{self, Meaning};
use crate::diagnostic::{Code, Position};

/// The value of a text.
pub(super) fn parse(text: &str) -> Result<Value, Vec<Fault>> {
    let mut builder =
        Builder { events: Parser::new_from_str(text), anchors: HashMap::new(), values: 0, faults: Vec::new() };
    match builder.stream() {
        Ok(value) if builder.faults.is_empty() => Ok(value),
        Ok(_) => Err(builder.faults),
        Err(fault) => {
            builder.faults.push(fault);
            Err(builder.faults)
        }
    }
}

struct Builder<'t> {
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Built>,
    /// How many values were built, aliases expanded.
    values: usize,
    /// Faults that do not stop the reading.
    faults: Vec<Fault>,
}

/// A value and what it costs.
#[derive(Clone)]
struct Built {
    value: Value,
    depth: usize,
    values: usize,
}

impl<'t> Builder<'t> {
    fn stream(&mut self) -> Result<Value, Fault> {
        let mut document = None;
        loop {
            match self.next()? {
                (Yaml::StreamEnd, _) => return Ok(document.unwrap_or(Value::Null)),
                (Yaml::DocumentStart(..), span) if document.is_some() => {
                    let fault = Fault::new(Code::NotJson, position(span.start), "a second document begins here");
                    return Err(fault.with_hint("one file holds one document: remove the `---` or split the file"));
                }
                (Yaml::StreamStart | Yaml::DocumentStart(..) | Yaml::DocumentEnd, _) => {}
                (event, span) => document = Some(self.node(event, span, 0)?.value),
            }
        }
    }

    fn next(&mut self) -> Result<(Yaml<'t>, Span), Fault> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Yaml::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Yaml<'t>, span: Span, depth: usize) -> Result<Built, Fault> {
        if depth > DEPTH_MAX {
            return Err(too_deep(span));
        }
        let before = self.values;
        let (anchor, value, inner_depth) = match event {
            Yaml::Scalar(text, style, anchor, tag) => (anchor, Self::scalar(text, style, (tag, span))?, 0),
            Yaml::SequenceStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", span);
                let (items, inner) = self.sequence(depth)?;
                (anchor, Value::Array(items), inner)
            }
            Yaml::MappingStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", span);
                let (members, inner) = self.mapping(depth)?;
                (anchor, Value::Object(members), inner)
            }
            Yaml::Alias(anchor) => return self.alias(anchor, span, depth),
            other => return Err(Fault::new(Code::Syntax, position(span.start), format!("unexpected {other:?}"))),
        };
        let size = 1 + value.as_str().map_or(0, |text| text.len() / 64);
        self.spend(size, span)?;
        let built = Built { value, depth: inner_depth, values: self.values - before };
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        Ok(built)
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Built, Fault> {
        let Some(built) = self.anchors.get(&anchor) else {
            return Err(Fault::new(Code::NotJson, position(span.start), "an alias within what it stands for"));
        };
        if depth + built.depth > DEPTH_MAX {
            return Err(too_deep(span));
        }
        let values = built.values;
        // Paid before it is copied: a bomb costs nothing.
        self.spend(values, span)?;
        Ok(self.anchors.get(&anchor).cloned().unwrap_or(Built { value: Value::Null, depth: 0, values }))
    }

    fn spend(&mut self, values: usize, span: Span) -> Result<(), Fault> {
        self.values = self.values.saturating_add(values);
        if self.values <= VALUES_MAX {
            return Ok(());
        }
        let message = format!("the document grows beyond {VALUES_MAX} values here");
        Err(Fault::new(Code::TooMuch, position(span.start), message)
            .with_hint("aliases count as often as they are used"))
    }

    fn sequence(&mut self, depth: usize) -> Result<(Vec<Value>, usize), Fault> {
        let mut items = Vec::new();
        let mut deepest = 0;
        loop {
            match self.next()? {
                (Yaml::SequenceEnd, _) => return Ok((items, deepest)),
                (event, span) => {
                    let item = self.node(event, span, depth + 1)?;
                    deepest = deepest.max(item.depth + 1);
                    items.push(item.value);
                }
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<(Map<String, Value>, usize), Fault> {
        let mut members = Map::new();
        let mut keys: Vec<Marker> = Vec::new();
        let mut merged = Vec::new();
        let mut deepest = 0;
        loop {
            let (event, span) = self.next()?;
            if event == Yaml::MappingEnd {
                break;
            }
            let is_merge = matches!(&event, Yaml::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.key(event, span)?;
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            deepest = deepest.max(value.depth + 1);
            if is_merge {
                merged.push((value.value, value_span));
            } else if members.contains_key(&key) {
                let first = members.keys().position(|known| known == &key);
                let first = first.and_then(|index| keys.get(index)).copied().unwrap_or_default();
                self.faults.push(Fault::duplicate(&key, position(span.start), position(first)));
            } else {
                members.insert(key, value.value);
                keys.push(span.start);
            }
        }
        for (value, span) in merged {
            self.merge(&mut members, value, span);
        }
        Ok((members, deepest))
    }

    /// A key is its text: `200`, `true` and `null` are not told from `"200"`, `"true"` and `"null"`.
    fn key(&mut self, event: Yaml<'t>, span: Span) -> Result<String, Fault> {
        match event {
            Yaml::Scalar(text, _, anchor, _) => {
                let text = text.into_owned();
                if anchor != 0 {
                    let value = Value::String(text.clone());
                    self.anchors.insert(anchor, Built { value, depth: 0, values: 1 });
                }
                Ok(text)
            }
            Yaml::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(Built { value: Value::String(text), .. }) => Ok(text.clone()),
                _ => Err(bad_key(span)),
            },
            _ => Err(bad_key(span)),
        }
    }

    /// The merge key of YAML 1.1, which real descriptions use: what is there already wins.
    fn merge(&mut self, members: &mut Map<String, Value>, value: Value, span: Span) {
        match value {
            Value::Object(other) => {
                for (key, value) in other {
                    members.entry(key).or_insert(value);
                }
            }
            Value::Array(items) if items.iter().all(Value::is_object) => {
                items.into_iter().for_each(|item| self.merge(members, item, span));
            }
            _ => {
                let message = "`<<` merges mappings, and this is none";
                self.faults.push(Fault::new(Code::NotJson, position(span.start), message));
            }
        }
    }

    fn scalar(
        text: Cow<'t, str>,
        style: ScalarStyle,
        (tag, span): (Option<Cow<'t, Tag>>, Span),
    ) -> Result<Value, Fault> {
        let meaning = match tag.as_deref() {
            None if style == ScalarStyle::Plain => scalar::plain(&text),
            None => return Ok(Value::String(text.into_owned())),
            Some(tag) => match tag.core_suffix() {
                Some(kind) => scalar::tagged(&text, kind),
                // The non-specific tag `!` makes a text of anything.
                None if tag.original() == "!" => return Ok(Value::String(text.into_owned())),
                None => return Err(unknown_tag(tag, span)),
            },
        };
        match meaning {
            Meaning::Value(value) => Ok(value),
            Meaning::Text => Ok(Value::String(text.into_owned())),
            Meaning::NotJson => {
                let message = format!("`{text}` has no counterpart in JSON");
                Err(Fault::new(Code::NotJson, position(span.start), message)
                    .with_hint("quote it if it is meant as a text"))
            }
        }
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, expected: &str, span: Span) {
        if let Some(tag) = tag
            && tag.core_suffix() != Some(expected)
            && tag.original() != "!"
        {
            self.faults.push(unknown_tag(tag, span));
        }
    }
}

fn syntax(error: &ScanError) -> Fault {
    let position = position(*error.marker());
    match error.kind() {
        // The parser has a bound of its own, which is reached first where it has to look ahead.
        ErrorKind::RecursionLimitExceeded => Fault::new(Code::TooMuch, position, too_deep_message()),
        _ => Fault::new(Code::Syntax, position, error.info()),
    }
}

fn too_deep(span: Span) -> Fault {
    Fault::new(Code::TooMuch, position(span.start), too_deep_message())
}

fn too_deep_message() -> String {
    format!("values nest deeper than {DEPTH_MAX} levels")
}

fn bad_key(span: Span) -> Fault {
    Fault::new(Code::NotJson, position(span.start), "a key that is a mapping or a sequence has no counterpart in JSON")
}

fn unknown_tag(tag: &Tag, span: Span) -> Fault {
    let message = format!("the tag `{}` has no counterpart in JSON", tag.original());
    Fault::new(Code::NotJson, position(span.start), message).with_hint("remove the tag; files are included by `$ref`")
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

/// The events of a text, as far as it is YAML.
pub(super) fn events(text: &str) -> impl Iterator<Item = Event<'_>> {
    let mut events = Parser::new_from_str(text);
    std::iter::from_fn(move || {
        loop {
            let (event, span) = events.next_event()?.ok()?;
            let kind = match event {
                Yaml::Scalar(text, ..) => Kind::Scalar(text),
                Yaml::Alias(_) => Kind::Scalar(Cow::Borrowed("*")),
                Yaml::MappingStart(..) => Kind::Mapping,
                Yaml::SequenceStart(..) => Kind::Sequence,
                Yaml::MappingEnd | Yaml::SequenceEnd => Kind::End,
                _ => continue,
            };
            return Some(Event { offset: span.start.byte_offset().unwrap_or_default(), kind });
        }
    })
}
