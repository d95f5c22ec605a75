//! Judges a form part by part, as it passes.

use std::sync::Arc;

use super::header::Header;
use super::{Error, Event, Parser};
use crate::body::form::{Carrier, Field, Fields, Form, Text};
use crate::body::judge::{Malformed, Scratch};
use crate::json::Tree;
use crate::percent::Escapes;
use crate::{Part, Place, Report};

/// How many parts there may be.
pub const PARTS_MAX: usize = 1000;

/// Judges a `multipart/form-data` body that is fed to it.
///
/// Files are counted and never held. Names and all other parts are held until the end, up to a limit, since what a
/// form must be is known of the whole only: so the last piece must not be passed on before
/// [`finish`](Self::finish) has found nothing wrong.
#[derive(Debug)]
pub struct Inspector {
    form: Arc<Form>,
    parser: Parser,
    fields_max_bytes: usize,
    /// Names and texts, one after the other.
    held: Vec<u8>,
    /// Those that have ended.
    parts: Vec<Held>,
    /// The one that has not.
    open: Option<Open>,
    /// For the values of part headers.
    tree: Tree,
    /// Whether something has been objected to.
    is_refused: bool,
}

/// A part.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Its name is what of the held bytes lies between these.
    name: (usize, usize),
    content: Content,
}

#[derive(Debug, Clone, Copy)]
enum Content {
    /// What is held from the end of the name to here.
    Plain(usize),
    Json(usize),
    /// So many bytes.
    Opaque(u64),
}

/// A part that has begun.
#[derive(Debug, Clone, Copy)]
struct Open {
    name: (usize, usize),
    carrier: Carrier,
    /// Of a file.
    length: u64,
    /// Whether what is not text may be there all the same.
    may_be_octets: bool,
}

impl Inspector {
    pub(in crate::body) fn new(form: Arc<Form>, boundary: &str) -> Result<Self, Error> {
        Ok(Self {
            form,
            parser: Parser::new(boundary)?,
            fields_max_bytes: usize::MAX,
            held: Vec::new(),
            parts: Vec::new(),
            open: None,
            tree: Tree::default(),
            is_refused: false,
        })
    }

    /// Limits the bytes of names and of parts that are no files, all together.
    #[must_use]
    pub fn with_fields_max_bytes(self, fields_max_bytes: usize) -> Self {
        Self { fields_max_bytes, ..self }
    }

    /// Looks at the next piece of the body.
    pub fn feed(&mut self, piece: &[u8], report: &mut Report) -> Result<(), Malformed> {
        let before = report.violations().len();
        let mut input = piece;
        while let Some(event) = self.parser.next(&mut input)? {
            match event {
                Event::Header(text) => {
                    let header = Header::parse(text)?;
                    if self.parts.len() == PARTS_MAX {
                        return Err(Error::TooManyParts.into());
                    }
                    let name = (self.held.len(), self.held.len() + header.name.len());
                    hold(&mut self.held, header.name.as_bytes(), self.fields_max_bytes)?;
                    self.open = Some(begin(&self.form, &header, name, (&mut self.tree, report)));
                }
                Event::Content(piece) => match &mut self.open {
                    Some(Open { carrier: Carrier::File, length, .. }) => *length += piece.len() as u64,
                    Some(_) => hold(&mut self.held, piece, self.fields_max_bytes)?,
                    None => {}
                },
                Event::End => {
                    if let Some(open) = self.open.take() {
                        self.end(open, report);
                    }
                }
            }
        }
        self.is_refused |= report.violations().len() > before;
        Ok(())
    }

    /// Ends the body: what is wrong with the whole is in the report.
    pub fn finish(self, scratch: &mut Scratch, report: &mut Report) -> Result<(), Malformed> {
        self.parser.finish()?;
        let held = std::str::from_utf8(&self.held)?;
        let field = |part: &Held| {
            let content = |end: usize| &held[part.name.1..end];
            let text = match part.content {
                Content::Plain(end) => Text::Plain(content(end)),
                Content::Json(end) => Text::Json(content(end)),
                Content::Opaque(length) => Text::Opaque(length),
            };
            Field { name: &held[part.name.0..part.name.1], text }
        };
        let fields = Fields::new(&self.form, Escapes::None, self.parts.iter().map(field));
        let fields = fields.map_err(|error| Malformed::Form { error, offset: 0 })?;
        // What has been objected to already would only be objected to again.
        if let Some(wire) = fields.read(&mut scratch.tree, report)
            && !self.is_refused
        {
            self.form.judge(&wire, &mut scratch.tree, report);
        }
        Ok(())
    }

    fn end(&mut self, open: Open, report: &mut Report) {
        let start = open.name.1;
        let content = match open.carrier {
            Carrier::File => Content::Opaque(open.length),
            Carrier::Text | Carrier::Json if std::str::from_utf8(&self.held[start..]).is_err() => {
                let length = (self.held.len() - start) as u64;
                if !open.may_be_octets {
                    let place = place(&self.held[open.name.0..start]);
                    report.say(place, "contentType", "is not text in UTF-8");
                }
                self.held.truncate(start);
                Content::Opaque(length)
            }
            Carrier::Text => Content::Plain(self.held.len()),
            Carrier::Json => Content::Json(self.held.len()),
        };
        self.parts.push(Held { name: open.name, content });
    }
}

/// Begins a part: says what it is, and what is wrong with its header.
fn begin(form: &Form, header: &Header<'_>, name: (usize, usize), (tree, report): (&mut Tree, &mut Report)) -> Open {
    let place = Place::whole(Part::Body).member(header.name);
    let property = form.property(header.name);
    property.judge_headers(|name| header.get(name), (&place, tree), report);
    // A part of which the schema says nothing is what it says itself.
    let is_unsaid = form.shape.member(header.name).is_open() && !property.is_encoded();
    let is_text = header.content_type.is_none_or(|media| media.is_text() || media.is_json()) && !header.has_filename;
    let carrier = match property.carrier_of(header.content_type.as_ref()) {
        Some(_) if is_unsaid && !is_text => Carrier::File,
        Some(carrier) => carrier,
        None => {
            report.say(place.clone(), "contentType", "is not of a declared media type");
            Carrier::File
        }
    };
    if carrier != Carrier::File {
        if header.content_type.is_some_and(|media| media.is_foreign()) {
            report.say(place.clone(), "contentType", "must be in UTF-8");
        }
        if header.is_encoded {
            report.say(place, "contentType", "must not have a `Content-Transfer-Encoding`");
        }
    }
    Open { name, carrier, length: 0, may_be_octets: is_unsaid }
}

fn hold(held: &mut Vec<u8>, piece: &[u8], fields_max_bytes: usize) -> Result<(), Error> {
    if held.len() + piece.len() > fields_max_bytes {
        return Err(Error::FieldsTooLarge);
    }
    held.extend_from_slice(piece);
    Ok(())
}

fn place(name: &[u8]) -> Place {
    Place::whole(Part::Body).member(&String::from_utf8_lossy(name))
}
