//! From the fields of a form to one value.

use std::borrow::Cow;

use artifact_format::model::Style;

use super::Form;
use super::property::Property;
use crate::json::{self, Limits, Tree};
use crate::parameter::deep;
use crate::parameter::style::{Explode, Fault, Kind, Writing};
use crate::percent::{Escapes, decode};
use crate::shape::{Shape, Types};
use crate::wire::Wire;
use crate::{Part, Place, Report};

/// What a form holds: a name, and what goes by it.
#[derive(Debug, Clone)]
pub(in crate::body) struct Field<'w> {
    /// As it is written.
    pub(in crate::body) name: &'w str,
    pub(in crate::body) text: Text<'w>,
}

/// What goes by a name.
#[derive(Debug, Clone, Copy)]
pub(in crate::body) enum Text<'w> {
    /// Text that does not say what it is.
    Unsaid(&'w str),
    /// Text: a scalar, or JSON where the schema wants a list or an object.
    Plain(&'w str),
    /// JSON.
    Json(&'w str),
    /// So many octets.
    Opaque(u64),
}

/// The fields of a form that are not yet read.
pub(in crate::body) struct Fields<'f, 'w> {
    form: &'f Form,
    escapes: Escapes,
    /// By their names, decoded.
    left: Vec<(Cow<'w, str>, Text<'w>, &'w str)>,
    members: Vec<(Cow<'w, str>, Wire<'w>)>,
}

impl<'f, 'w> Fields<'f, 'w> {
    /// Decodes names.
    pub(in crate::body) fn new(
        form: &'f Form,
        escapes: Escapes,
        fields: impl Iterator<Item = Field<'w>>,
    ) -> Result<Self, crate::percent::Error> {
        let decoded = fields.map(|field| {
            let name = decode(field.name, escapes)?;
            let text = match field.text {
                Text::Unsaid(text) if form.property(&name).is_json() => Text::Json(text),
                Text::Unsaid(text) => Text::Plain(text),
                text => text,
            };
            Ok((name, text, field.name))
        });
        Ok(Self { form, escapes, left: decoded.collect::<Result<_, _>>()?, members: Vec::new() })
    }

    /// Reads all of them; `None` if one cannot be read, which is then in the report.
    pub(in crate::body) fn read(mut self, tree: &mut Tree, report: &mut Report) -> Option<Wire<'w>> {
        let form = self.form;
        let mut is_read = true;
        let mut refuse = |name: &str, fault: Unread| {
            is_read = false;
            fault.report(name, report);
        };
        for (name, property) in form.properties() {
            if property.style.is_some()
                && let Err(fault) = self.claim(self.writing(name, property))
            {
                refuse(name, fault.into());
            }
        }
        self.left.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        let left = std::mem::take(&mut self.left);
        for group in left.chunk_by(|(one, ..), (other, ..)| one == other) {
            let name = &group[0].0;
            let texts: Vec<Text<'w>> = group.iter().map(|(_, text, _)| *text).collect();
            let property = form.property(name);
            let reading = Reading { writing: self.writing(name, property), property };
            match reading.read(&texts, tree) {
                Ok(wire) => self.members.push((name.clone(), wire)),
                Err(fault) => refuse(name, fault),
            }
        }
        is_read.then_some(Wire::Map(self.members))
    }

    fn writing<'p>(&self, name: &'p str, property: &Property) -> Writing<'p>
    where
        'f: 'p,
    {
        let (style, explode) = property.style.unwrap_or((Style::Form, Explode::Exploded));
        Writing { name, style, explode, escapes: self.escapes, shape: self.form.shape.member(name) }
    }

    /// Takes what an object in a style claims that goes by other names than its own.
    fn claim(&mut self, writing: Writing<'_>) -> Result<(), Fault> {
        let Writing { name, style, explode, shape, .. } = writing;
        let is_exploded = explode == Explode::Exploded && Kind::of(shape).eq([Kind::Map]);
        let is_own = |key: &str| match style {
            Style::DeepObject => key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('[')),
            _ if is_exploded => {
                shape.names().any(|member| member == key) && !self.form.shape.names().any(|other| other == key)
            }
            _ => false,
        };
        let (own, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.left)
            .into_iter()
            .partition(|(key, text, _)| matches!(text, Text::Plain(_)) && is_own(key));
        self.left = left;
        if own.is_empty() {
            return Ok(());
        }
        let pairs = own.iter().filter_map(|(_, text, key)| match text {
            Text::Plain(text) => Some((*key, *text)),
            Text::Unsaid(_) | Text::Json(_) | Text::Opaque(_) => None,
        });
        let wire = match style {
            Style::DeepObject => deep::read(&writing, pairs)?,
            _ => writing.map(pairs)?,
        };
        self.members.push((Cow::Owned(name.to_owned()), wire));
        Ok(())
    }
}

/// How the texts that go by one name are read.
struct Reading<'r> {
    writing: Writing<'r>,
    property: &'r Property,
}

impl Reading<'_> {
    fn read<'w>(&self, texts: &[Text<'w>], tree: &mut Tree) -> Result<Wire<'w>, Unread> {
        let is_list = self.writing.shape.types().has(Types::ARRAY);
        match texts {
            [Text::Plain(text)] if self.is_joined() => {
                // What a list or an object is written as can be read as a text, too, but hardly ever is one.
                let kinds: Vec<Kind> = Kind::of(self.writing.shape).collect();
                let read = |kind: &Kind| self.writing.read(text, *kind);
                Ok(kinds.iter().rev().map(read).reduce(Result::or).unwrap_or(Err(Fault::Style))?)
            }
            _ if self.is_joined() && texts.len() > 1 => Err(Fault::Repeated.into()),
            [only] if is_list => self.one_of_list(*only, tree),
            [only] => self.one(*only, self.writing.shape, tree),
            several if is_list => {
                let several = several.iter().enumerate();
                let items = several.map(|(index, text)| self.one(*text, self.writing.shape.item(index), tree));
                items.collect::<Result<_, _>>().map(Wire::List)
            }
            _ => Err(Fault::Repeated.into()),
        }
    }

    fn is_joined(&self) -> bool {
        matches!(self.property.style, Some((_, Explode::Joined)))
    }

    /// The only text where there could have been several.
    fn one_of_list<'w>(&self, text: Text<'w>, tree: &mut Tree) -> Result<Wire<'w>, Unread> {
        let item = self.writing.shape.item(0);
        let is_only_list = !self.writing.shape.types().has_any(Types::SCALAR | Types::OBJECT);
        match text {
            // Many write a list as one JSON text, though the specification speaks of its items.
            Text::Json(text) if text.trim_start().starts_with('[') && !item.types().has(Types::ARRAY) => {
                self.one(Text::Json(text), self.writing.shape, tree)
            }
            Text::Plain(text) => match self.plain(text, item, tree)? {
                Wire::Text(text) => Ok(Wire::Single(text)),
                json => Ok(Wire::List(vec![json])),
            },
            text if is_only_list => Ok(Wire::List(vec![self.one(text, item, tree)?])),
            text => self.one(text, self.writing.shape, tree),
        }
    }

    fn one<'w>(&self, text: Text<'w>, shape: &Shape, tree: &mut Tree) -> Result<Wire<'w>, Unread> {
        match text {
            Text::Opaque(length) => Ok(Wire::Opaque(length)),
            Text::Unsaid(text) | Text::Plain(text) => self.plain(text, shape, tree),
            Text::Json(text) => {
                let text = decode(text, self.writing.escapes).map_err(Fault::from)?;
                tree.read(&text, &Limits::DEFAULT).map_err(Unread::Json)?;
                Ok(Wire::Json(text))
            }
        }
    }

    /// What looks like JSON is JSON where the schema wants a list or an object (OpenAPI 3.2.0 section 4.15, the default of `contentType`).
    fn plain<'w>(&self, text: &'w str, shape: &Shape, tree: &mut Tree) -> Result<Wire<'w>, Unread> {
        let text = decode(text, self.writing.escapes).map_err(Fault::from)?;
        let wants = match text.trim_start().bytes().next() {
            Some(b'{') => Types::OBJECT,
            Some(b'[') => Types::ARRAY,
            _ => Types::NONE,
        };
        let is_json = wants != Types::NONE && !shape.is_open() && shape.types().has(wants);
        if is_json && tree.read(&text, &Limits::DEFAULT).is_ok() {
            return Ok(Wire::Json(text));
        }
        Ok(Wire::Text(text))
    }
}

/// Why what goes by a name cannot be read.
enum Unread {
    Style(Fault),
    Json(json::Error),
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Style(fault)
    }
}

impl Unread {
    fn report(&self, name: &str, report: &mut Report) {
        let place = Place::whole(Part::Body).member(name);
        match self {
            Self::Style(fault) => report.say(place, fault.keyword(), &fault.to_string()),
            Self::Json(error) => report.say(place, "contentType", &format!("is not JSON: {error}")),
        }
    }
}
