//! Bodies of requests and responses: which media type is it, and is it what that type must be?
//!
//! [`Content::select`] reads the header and says what to do with the bytes: pass them on ([`Plan::Opaque`]), or hold
//! them until they are judged ([`Plan::Whole`]), or look at them as they pass ([`Plan::Multipart`]). What cannot be selected is 415; bytes that are not what their media
//! type says are [`Malformed`], 400; a value that its schema refuses is in the [`Report`], 422 or 400.

mod form;
mod judge;
pub mod multipart;
mod presence;
mod sequence;

use std::sync::Arc;

use artifact_format::model::{self, SchemaId};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use thiserror::Error;

use crate::media::{self, Charset, MediaType, Range, Written};
use crate::schema::{Validator, Validators};
use crate::shape::Shapes;
use crate::{Report, parameter};
use form::Form;
use judge::Syntax;
pub use judge::{Judge, Malformed, Scratch};
pub use multipart::Inspector;
pub use presence::{Need, Presence};

/// What a body may be: the `content` of a Request Body or Response Object (OpenAPI 3.2.0 sections 4.13 and 4.17).
#[derive(Debug, Default)]
pub struct Content {
    /// The most specific range first.
    entries: Box<[Entry]>,
}

/// One entry of a `content` map.
#[derive(Debug)]
struct Entry {
    range: Range,
    /// What the whole must be.
    schema: Option<Arc<Validator>>,
    /// What each item of a sequence must be.
    item_schema: Option<Arc<Validator>>,
    /// The schema, once more, for values that are written without types.
    form: Option<Arc<Form>>,
}

/// What to do with the bytes of a body.
#[derive(Debug)]
pub enum Plan<'c> {
    /// Nothing is said about them, or nothing that can be judged: octets, XML, `multipart/mixed`, streams of events.
    Opaque,
    /// To be held until the whole is judged.
    Whole(Judge<'c>),
    /// To be looked at as they pass.
    Multipart(Box<Inspector>),
}

impl Plan<'_> {
    /// Judges a body that is here as a whole. What is opaque is as it should be.
    pub fn judge(self, body: &[u8], scratch: &mut Scratch, report: &mut Report) -> Result<(), Malformed> {
        match self {
            Self::Opaque => Ok(()),
            Self::Whole(judge) => judge.judge(body, scratch, report),
            Self::Multipart(mut inspector) => {
                inspector.feed(body, report)?;
                inspector.finish(scratch, report)
            }
        }
    }
}

/// Why the header of a message says that its body is none that may be sent. All are 415.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unsupported {
    /// There are two fields of a name that may be there once, or its value is no text (RFC 9110 section 5.3).
    #[error("`{0}` must be there once, in ASCII")]
    Field(HeaderName),
    /// The `Content-Type` cannot be read.
    #[error("`Content-Type`: {0}")]
    ContentType(#[from] media::Error),
    /// The media type is not among those declared.
    #[error("the media type must be one of: {0}")]
    Undeclared(String),
    /// A form in parts whose boundary cannot be told.
    #[error("`Content-Type`: {0}")]
    Boundary(multipart::Error),
    /// It is in an encoding of characters other than UTF-8.
    #[error("the charset must be UTF-8")]
    Charset,
    /// It is compressed, and so cannot be judged.
    #[error("the body must not have a `Content-Encoding`")]
    Encoded,
}

/// Why a `content` cannot be enforced. The artifact is not sound.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// A key is no media type.
    #[error("`{range}`: {error}")]
    Range {
        /// The key.
        range: String,
        /// What is wrong with it.
        error: media::Error,
    },
    /// A schema's validator was not built.
    #[error("there is no validator of schema {}", .0.0)]
    NotBuilt(SchemaId),
    /// A header of a part.
    #[error(transparent)]
    Header(#[from] parameter::Error),
}

/// The schemas that judging `content` takes: those whose validators [`Content::new`] will ask for.
pub fn schemas(content: &[model::MediaType]) -> impl Iterator<Item = SchemaId> {
    let judged = content.iter().filter(|described| Judging::of(&described.range) != Judging::None);
    judged.flat_map(|described| {
        let whole = [described.schema, described.item_schema].into_iter().flatten();
        whole.chain(form::schemas(&described.encoding))
    })
}

/// What it takes to judge the values of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judging {
    /// They cannot be judged.
    None,
    /// Their types are written with them.
    Typed,
    /// Some are written without types.
    Untyped,
}

impl Judging {
    fn of(range: &str) -> Self {
        let Ok(media) = MediaType::parse(range) else { return Self::None };
        match Syntax::of(&media) {
            Some(Syntax::Json | Syntax::Sequence(_)) => Self::Typed,
            Some(Syntax::Text | Syntax::UrlEncoded | Syntax::Multipart) => Self::Untyped,
            None if range.contains('*') => Self::Untyped,
            None => Self::None,
        }
    }
}

impl Content {
    /// Makes ready to judge what is described.
    pub fn new(
        described: &[model::MediaType],
        shapes: &mut Shapes<'_>,
        validators: &Validators,
    ) -> Result<Self, Error> {
        let entries = described.iter().map(|described| Entry::new(described, shapes, validators));
        let mut entries = entries.collect::<Result<Box<[Entry]>, Error>>()?;
        entries.sort_by_key(|entry| entry.range.specificity());
        Ok(Self { entries })
    }

    /// Selects by `Content-Type` what the body must be, the most specific range first (OpenAPI 3.2.0 section 4.14).
    ///
    /// A body without one is `application/octet-stream` (RFC 9110 section 8.3). Where nothing is declared, anything
    /// may be sent.
    pub fn select(&self, header: &HeaderMap) -> Result<Plan<'_>, Unsupported> {
        if self.entries.is_empty() {
            return Ok(Plan::Opaque);
        }
        let media = match only(header, &CONTENT_TYPE)? {
            Some(text) => MediaType::parse(text)?,
            None => MediaType::UNKNOWN,
        };
        let entry = self.find(&media).ok_or_else(|| Unsupported::Undeclared(self.ranges()))?;
        let Some(syntax) = Syntax::of(&media) else { return Ok(Plan::Opaque) };
        if !entry.says_something(&media, syntax) {
            return Ok(Plan::Opaque);
        }
        if media.is_foreign() {
            return Err(Unsupported::Charset);
        }
        if is_encoded(header)? {
            return Err(Unsupported::Encoded);
        }
        match (syntax, &entry.form) {
            (Syntax::Multipart, Some(form)) => {
                let boundary = media.parameters().get("boundary").map(Written::value).unwrap_or_default();
                Inspector::new(Arc::clone(form), &boundary)
                    .map(|inspector| Plan::Multipart(Box::new(inspector)))
                    .map_err(Unsupported::Boundary)
            }
            _ => Ok(Plan::Whole(Judge { syntax, entry })),
        }
    }

    /// A declared `charset` need not be said where nothing else would match: JSON has none (RFC 8259 section 11), and
    /// generators declare it all the same.
    fn find(&self, media: &MediaType<'_>) -> Option<&Entry> {
        [Charset::Counts, Charset::MayBeLeftOut]
            .into_iter()
            .find_map(|charset| self.entries.iter().find(|entry| entry.range.has(media, charset)))
    }

    /// What is declared, as an `Accept` field lists it (RFC 9110 section 15.5.16).
    pub fn ranges(&self) -> String {
        self.entries.iter().map(|entry| entry.range.to_string()).collect::<Vec<_>>().join(", ")
    }
}

impl Entry {
    fn new(described: &model::MediaType, shapes: &mut Shapes<'_>, validators: &Validators) -> Result<Self, Error> {
        let validator = |schema: Option<SchemaId>| match schema {
            Some(schema) => validators.get(schema).cloned().map(Some).ok_or(Error::NotBuilt(schema)),
            None => Ok(None),
        };
        let range =
            Range::parse(&described.range).map_err(|error| Error::Range { range: described.range.clone(), error })?;
        let judging = Judging::of(&described.range);
        if judging == Judging::None {
            return Ok(Self { range, schema: None, item_schema: None, form: None });
        }
        let form = described.schema.filter(|_| judging == Judging::Untyped);
        let form = form.map(|schema| Form::new(schema, &described.encoding, shapes, validators));
        Ok(Self {
            range,
            schema: validator(described.schema)?,
            item_schema: validator(described.item_schema)?,
            form: form.transpose()?.map(Arc::new),
        })
    }

    /// Whether it says what a body of this type must be.
    fn says_something(&self, media: &MediaType<'_>, syntax: Syntax) -> bool {
        match syntax {
            Syntax::Sequence(_) => self.schema.is_some() || self.item_schema.is_some(),
            // A list in CSV, or an object in YAML, is text in which its schema cannot find it.
            Syntax::Text if !media.is_plain_text() => self.form.as_ref().is_some_and(|form| form.may_be_scalar()),
            Syntax::Json | Syntax::Text | Syntax::UrlEncoded | Syntax::Multipart => self.schema.is_some(),
        }
    }
}

/// The one field of a name.
fn only<'h>(header: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Unsupported> {
    let mut fields = header.get_all(name).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    match (field.to_str(), fields.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(Unsupported::Field(name.clone())),
    }
}

/// Whether there is a `Content-Encoding` (RFC 9110 section 8.4), `identity` being none.
fn is_encoded(header: &HeaderMap) -> Result<bool, Unsupported> {
    let encoding = only(header, &CONTENT_ENCODING)?;
    Ok(encoding.is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity")))
}

#[cfg(test)]
mod tests;
