//! One parameter, ready to be judged.

use std::sync::Arc;

use artifact_format::model::{Header, Location, Parameter, ParameterEncoding, Style};

use super::pairs::{Found, Role};
use super::style::{Explode, Fault, Kind, Writing};
use super::{Error, Missing, deep, default};
use crate::json::{Limits, Tree};
use crate::media::MediaType;
use crate::percent::{Escapes, decode};
use crate::schema::{Validator, Validators};
use crate::shape::{Shape, Shapes, Types};
use crate::wire::{Contract, Wire};
use crate::{Part, Place, Report};

/// A parameter of an operation.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(super) name: Box<str>,
    pub(super) part: Part,
    pub(super) required: bool,
    allow_empty: bool,
    pub(super) form: Form,
    pub(super) escapes: Escapes,
    pub(super) shape: Shape,
    /// Absent where anything is allowed.
    validator: Option<Arc<Validator>>,
    /// What it is where it is absent, written as it must be in a request.
    pub(super) default: Option<Box<str>>,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// By a style.
    Style(Style, Explode),
    /// As JSON (RFC 8259).
    Json,
    /// As text.
    Text,
    /// As `application/x-www-form-urlencoded`.
    UrlEncoded,
    /// In a way that is not looked into.
    Opaque,
}

impl Declared {
    pub(crate) fn new(parameter: &Parameter, shapes: &mut Shapes<'_>, validators: &Validators) -> Result<Self, Error> {
        let (form, schema) = match &parameter.encoding {
            ParameterEncoding::Style { style, explode, schema, .. } => (Form::Style(*style, (*explode).into()), schema),
            ParameterEncoding::Content { media_type, schema } => (Form::of_media_type(media_type), schema),
        };
        let missing = |schema| Error::NotBuilt { parameter: parameter.name.clone(), schema };
        let validator = schema.map(|schema| validators.get(schema).cloned().ok_or_else(|| missing(schema)));
        let mut declared = Self {
            name: parameter.name.as_str().into(),
            part: match parameter.location {
                Location::Path => Part::Path,
                Location::Query | Location::Querystring => Part::Query,
                Location::Header => Part::Header,
                Location::Cookie => Part::Cookie,
            },
            required: parameter.required,
            allow_empty: parameter.allow_empty,
            form,
            escapes: escapes(parameter.location, form),
            shape: schema.map_or(Shape::of_types(Types::ALL), |schema| shapes.of(schema)),
            validator: validator.transpose()?,
            default: None,
        };
        let default = schema.and_then(|schema| shapes.default_of(schema));
        declared.default = default.and_then(|default| default::written(&declared, &default));
        Ok(declared)
    }

    /// A Header Object is a Parameter Object in a header, of style `simple` (OpenAPI 3.2.0 section 4.21).
    pub(crate) fn of_header(header: &Header, shapes: &mut Shapes<'_>, validators: &Validators) -> Result<Self, Error> {
        let encoding = ParameterEncoding::Style {
            style: Style::Simple,
            explode: header.explode,
            allow_reserved: false,
            schema: header.schema,
        };
        let (name, location) = (header.name.clone(), Location::Header);
        let parameter = Parameter { name, location, required: header.required, allow_empty: false, encoding };
        Self::new(&parameter, shapes, validators)
    }

    pub(super) fn is_deep(&self) -> bool {
        matches!(self.form, Form::Style(Style::DeepObject, _))
    }

    /// Whether the pair of its name is its own: all but objects that are exploded.
    pub(super) fn claims_name(&self) -> bool {
        !self.is_exploded_in_pairs() || !Kind::of(&self.shape).eq([Kind::Map])
    }

    /// Whether pairs called like the members of its value are its own.
    pub(super) fn claims_members(&self) -> bool {
        self.is_exploded_in_pairs() && self.shape.types().has(Types::OBJECT)
    }

    /// Whether what is exploded may stand in one cookie.
    pub(super) fn is_joined_in_cookie(&self) -> bool {
        self.form == Form::Style(Style::Form, Explode::Exploded) && !Kind::of(&self.shape).eq([Kind::Scalar])
    }

    /// Whether several header fields of its name make one value.
    pub(super) fn may_be_joined(&self) -> bool {
        matches!(self.form, Form::Style(..)) && self.shape.types().has_any(Types::ARRAY | Types::OBJECT)
    }

    /// `spaceDelimited` and `pipeDelimited`, which have no exploded form, are then written as `form` is.
    fn is_exploded_in_pairs(&self) -> bool {
        matches!(self.form, Form::Style(style, Explode::Exploded) if style != Style::DeepObject)
    }

    fn writing(&self, style: Style, explode: Explode) -> Writing<'_> {
        Writing { name: &self.name, style, explode, escapes: self.escapes, shape: &self.shape }
    }

    pub(super) fn place(&self) -> Place {
        Place::named(self.part, &self.name)
    }

    /// What to put in where it is absent.
    pub(super) fn missing(&self) -> Option<Missing<'_>> {
        self.default.as_deref().map(|text| Missing { part: self.part, name: &self.name, text })
    }

    /// It is not there.
    pub(crate) fn judge_absent(&self, report: &mut Report) {
        if self.required {
            report.say(self.place(), "required", "is required");
        }
    }

    /// It is there more than once and may not be.
    pub(super) fn refuse(&self, fault: Fault, report: &mut Report) {
        report.say(self.place(), fault.keyword(), &fault.to_string());
    }

    /// Judges a value that is one text.
    pub(crate) fn judge_text(&self, text: &str, tree: &mut Tree, report: &mut Report) {
        match self.form {
            Form::Style(style, explode) => {
                let writing = self.writing(style, explode);
                self.judge_kinds(|kind| writing.read(text, kind), tree, report);
            }
            Form::Json => self.judge_json(text, tree, report),
            Form::Text => {
                let wire = decode(text, self.escapes).map(Wire::Text).map_err(Fault::from);
                self.judge_kinds(|_| wire.clone(), tree, report);
            }
            Form::UrlEncoded => {
                let writing = self.writing(Style::Form, Explode::Exploded);
                let pairs = || super::pairs::pairs(text, '&').map(|(key, value)| (&text[key], &text[value]));
                self.judge_kinds(|_| writing.map(pairs()), tree, report);
            }
            Form::Opaque => {}
        }
    }

    /// Judges a value that is several pairs of `source`; at least one.
    pub(super) fn judge_pairs(&self, found: Found<'_>, tree: &mut Tree, report: &mut Report) {
        if self.allow_empty && found.only() == Some("") {
            return;
        }
        match (self.form, found.only()) {
            (Form::Style(style @ Style::DeepObject, explode), _) => {
                let writing = self.writing(style, explode);
                self.judge_kinds(|_| deep::read(&writing, found.pairs()), tree, report);
            }
            (Form::Style(style, Explode::Exploded), _) => {
                let writing = self.writing(style, Explode::Exploded);
                self.judge_kinds(|kind| exploded(found, kind, &writing), tree, report);
            }
            (_, Some(only)) => self.judge_text(only, tree, report),
            (_, None) => self.refuse(Fault::Repeated, report),
        }
    }

    /// Judges a value that may be of several kinds: it is valid if one of them is.
    fn judge_kinds<'w>(&self, read: impl Fn(Kind) -> Result<Wire<'w>, Fault>, tree: &mut Tree, report: &mut Report) {
        let contract = self.validator.as_deref().map(|validator| Contract { shape: &self.shape, validator });
        let mut first = None;
        for kind in Kind::of(&self.shape) {
            let refused = match (read(kind), &contract) {
                (Ok(_), None) => return,
                (Ok(wire), Some(contract)) => match contract.judge(&wire, tree) {
                    Ok(()) => return,
                    Err(refused) => Ok((wire, refused)),
                },
                (Err(fault), _) => Err(fault),
            };
            // What could be taken apart has more to say.
            if !matches!((&first, &refused), (Some(Ok(_)), _) | (Some(Err(_)), Err(_))) {
                first = Some(refused);
            }
        }
        match (first, contract) {
            (Some(Ok((wire, refused))), Some(contract)) => {
                contract.explain((&wire, &refused), (&self.place(), tree), report);
            }
            (Some(Err(fault)), _) => self.refuse(fault, report),
            (None, _) | (Some(Ok(_)), None) => {}
        }
    }

    fn judge_json(&self, text: &str, tree: &mut Tree, report: &mut Report) {
        let text = match decode(text, self.escapes) {
            Ok(text) => text,
            Err(error) => return self.refuse(error.into(), report),
        };
        match (tree.read(&text, &Limits::DEFAULT), &self.validator) {
            (Err(error), _) => report.say(self.place(), "content", &format!("is not JSON: {error}")),
            (Ok(value), Some(validator)) if !validator.is_valid(value) => {
                validator.explain(value, &self.place(), report);
            }
            (Ok(_), _) => {}
        }
    }
}

/// How texts are escaped. A query as a whole has the escapes of its media type.
fn escapes(location: Location, form: Form) -> Escapes {
    match (location, form) {
        (Location::Query, _) | (Location::Querystring, Form::UrlEncoded) => Escapes::Form,
        (Location::Path | Location::Querystring, _) => Escapes::Percent,
        (Location::Header, _) | (Location::Cookie, Form::Style(Style::Cookie, _)) => Escapes::None,
        (Location::Cookie, _) => Escapes::Cookie,
    }
}

/// Reads a value whose pieces stand for themselves.
fn exploded<'w>(found: Found<'w>, kind: Kind, writing: &Writing<'_>) -> Result<Wire<'w>, Fault> {
    // Its own name and its members' names together are neither.
    let role = if kind == Kind::Map { Role::Member } else { Role::Whole };
    if found.occurrences.iter().any(|pair| pair.role != role) {
        return Err(Fault::Style);
    }
    match (kind, found.only()) {
        (Kind::Map, _) => writing.map(found.pairs()),
        (Kind::Scalar, Some(only)) => writing.text(only),
        (Kind::Scalar, None) if !writing.shape.is_open() => Err(Fault::Repeated),
        _ => writing.list(&found.values().collect::<Vec<_>>()),
    }
}

impl Form {
    pub(super) fn of_media_type(media_type: &str) -> Self {
        match MediaType::parse(media_type) {
            Ok(media) if media.is_json() => Self::Json,
            Ok(media) if media.is_form() => Self::UrlEncoded,
            Ok(media) if media.is_text() => Self::Text,
            Ok(_) | Err(_) => Self::Opaque,
        }
    }
}
