//! Styles: how lists and objects are taken apart (OpenAPI 3.2.0 section 4.12.2.3).
//!
//! Everything here happens before percent-decoding, so an escaped delimiter is data; but `spaceDelimited` and
//! `pipeDelimited` have delimiters that are themselves escaped.

use std::borrow::Cow;

use artifact_format::model::Style;
use thiserror::Error;

use crate::percent::{self, Escapes, decode};
use crate::shape::{Shape, Types};
use crate::wire::Wire;

/// Why a text is not a value in its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    /// It is written in another way.
    #[error("is not written in its style")]
    Style,
    /// A name without a value, where names and values take turns.
    #[error("has a name without a value")]
    Unpaired,
    /// It, or a member of it, is there more than once and is no list.
    #[error("is given more than once")]
    Repeated,
    /// It cannot be decoded.
    #[error(transparent)]
    Escape(#[from] percent::Error),
    /// Brackets within brackets beyond any use.
    #[error("is nested too deeply")]
    Depth,
}

impl Fault {
    /// The keyword of a Parameter Object that is broken.
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Self::Style | Self::Unpaired | Self::Depth => "style",
            Self::Repeated => "explode",
            Self::Escape(_) => "encoding",
        }
    }
}

/// `explode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Explode {
    /// The values of a list or object are one text.
    Joined,
    /// Each stands for itself.
    Exploded,
}

impl From<bool> for Explode {
    fn from(explode: bool) -> Self {
        if explode { Self::Exploded } else { Self::Joined }
    }
}

/// What a text is taken apart as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Neither of the others.
    Scalar,
    /// A list.
    List,
    /// An object.
    Map,
}

impl Kind {
    /// What a value of this shape may be, in the order in which it is tried; at least one. Where the schema says
    /// nothing, only several values make a list: what stands between commas might as well be text.
    pub(crate) fn of(shape: &Shape) -> impl Iterator<Item = Self> {
        let has = |types| shape.types().has(types) && !shape.is_open();
        let (list, map) = (has(Types::ARRAY), has(Types::OBJECT));
        let scalar = shape.types().has_any(Types::SCALAR) || !(list || map);
        [(Self::Scalar, scalar), (Self::List, list), (Self::Map, map)]
            .into_iter()
            .filter_map(|(kind, is_possible)| is_possible.then_some(kind))
    }

    /// What several values are that stand for themselves.
    pub(crate) fn of_several(self, shape: &Shape) -> Self {
        if self == Self::Scalar && shape.is_open() { Self::List } else { self }
    }
}

/// How a value is written, and what it must be: the name that goes before it, its style, its shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing<'p> {
    /// Decoded.
    pub(crate) name: &'p str,
    /// How lists and objects are joined.
    pub(crate) style: Style,
    /// Whether they are.
    pub(crate) explode: Explode,
    /// How texts are escaped.
    pub(crate) escapes: Escapes,
    /// What the schema allows it to be.
    pub(crate) shape: &'p Shape,
}

impl Writing<'_> {
    /// Reads a value that is one text: in a path, a header field, or the one `name=` of a query or cookie.
    pub(crate) fn read<'w>(&self, text: &'w str, kind: Kind) -> Result<Wire<'w>, Fault> {
        match self.style {
            Style::Matrix => self.matrix(text, kind),
            Style::Label => {
                let text = text.strip_prefix('.').ok_or(Fault::Style)?;
                match self.explode {
                    Explode::Exploded => self.split(text, kind, Delimiter::Dot),
                    Explode::Joined => self.split(text, kind, Delimiter::Comma),
                }
            }
            Style::SpaceDelimited => self.split(text, kind, Delimiter::Space),
            Style::PipeDelimited => self.split(text, kind, Delimiter::Pipe),
            Style::Simple | Style::Form | Style::Cookie | Style::DeepObject => self.split(text, kind, Delimiter::Comma),
        }
    }

    /// Reads a list of which every item stands for itself.
    pub(crate) fn list<'w>(&self, items: &[&'w str]) -> Result<Wire<'w>, Fault> {
        match items {
            [only] => self.single(only),
            items => items.iter().map(|item| self.text(item)).collect::<Result<_, _>>().map(Wire::List),
        }
    }

    /// Reads an object of which every member stands for itself.
    pub(crate) fn map<'w>(&self, pairs: impl Iterator<Item = (&'w str, &'w str)>) -> Result<Wire<'w>, Fault> {
        let mut pairs: Vec<(Cow<'w, str>, Wire<'w>)> = pairs
            .map(|(name, value)| Ok((decode(name, self.escapes)?, self.member(value)?)))
            .collect::<Result<_, Fault>>()?;
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut members: Vec<(Cow<'w, str>, Wire<'w>)> = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            match members.last_mut() {
                Some((last, values)) if *last == name => {
                    if !self.may_repeat() {
                        return Err(Fault::Repeated);
                    }
                    add(values, value, self.shape.member(&name))?;
                }
                _ => members.push((name, value)),
            }
        }
        Ok(Wire::Map(members))
    }

    /// Reads a text that is neither a list nor an object.
    pub(crate) fn text<'w>(&self, text: &'w str) -> Result<Wire<'w>, Fault> {
        Ok(Wire::Text(decode(text, self.escapes)?))
    }

    fn single<'w>(&self, text: &'w str) -> Result<Wire<'w>, Fault> {
        Ok(Wire::Single(decode(text, self.escapes)?))
    }

    fn member<'w>(&self, text: &'w str) -> Result<Wire<'w>, Fault> {
        if self.may_repeat() { self.single(text) } else { self.text(text) }
    }

    /// Whether a member of an object may be given several times to make a list. No style says so; but in a query,
    /// `ids=1&ids=2` is how everyone writes one.
    fn may_repeat(&self) -> bool {
        match self.style {
            Style::Form | Style::Cookie | Style::SpaceDelimited | Style::PipeDelimited | Style::DeepObject => {
                self.explode == Explode::Exploded
            }
            Style::Matrix | Style::Label | Style::Simple => false,
        }
    }

    /// RFC 6570 section 3.2.7: `;name=value`, and `;name` where the value is empty.
    fn matrix<'w>(&self, text: &'w str, kind: Kind) -> Result<Wire<'w>, Fault> {
        let text = text.strip_prefix(';').ok_or(Fault::Style)?;
        let named = |piece: &'w str| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            if decode(name, self.escapes)? == self.name { Ok(value) } else { Err(Fault::Style) }
        };
        let kind = if text.contains(';') { kind.of_several(self.shape) } else { kind };
        match (kind, self.explode) {
            (Kind::List, Explode::Exploded) if text.contains(';') => {
                let items = text.split(';').map(named).collect::<Result<Vec<_>, _>>()?;
                self.list(&items)
            }
            (Kind::Map, Explode::Exploded) if named(text) != Ok("") => {
                self.map(text.split(';').map(|pair| pair.split_once('=').unwrap_or((pair, ""))))
            }
            (Kind::Scalar | Kind::List | Kind::Map, _) if text.contains(';') => Err(Fault::Style),
            (Kind::List, Explode::Exploded) => self.single(named(text)?),
            _ => self.split(named(text)?, kind, Delimiter::Comma),
        }
    }

    /// Takes apart what stands between delimiters.
    fn split<'w>(&self, text: &'w str, kind: Kind, delimiter: Delimiter) -> Result<Wire<'w>, Fault> {
        if kind == Kind::Scalar {
            return self.text(text);
        }
        if text.is_empty() {
            return self.single(text);
        }
        let pieces = || delimiter.split(text, self.escapes);
        match (kind, self.explode) {
            (Kind::Map, Explode::Exploded) => {
                let pairs = pieces().map(|pair| pair.split_once('=').ok_or(Fault::Unpaired));
                self.map(pairs.collect::<Result<Vec<_>, _>>()?.into_iter())
            }
            (Kind::Map, Explode::Joined) => {
                let pieces: Vec<&str> = pieces().collect();
                let (pairs, []) = pieces.as_chunks::<2>() else { return Err(Fault::Unpaired) };
                self.map(pairs.iter().map(|[name, value]| (*name, *value)))
            }
            _ => self.list(&pieces().collect::<Vec<_>>()),
        }
    }
}

/// Adds another value of the same name.
pub(crate) fn add<'w>(values: &mut Wire<'w>, value: Wire<'w>, shape: &Shape) -> Result<(), Fault> {
    if !shape.types().has(Types::ARRAY) {
        return Err(Fault::Repeated);
    }
    match values {
        Wire::List(values) => values.push(value),
        first => {
            let first_value = std::mem::replace(first, Wire::List(Vec::new()));
            *first = Wire::List(vec![first_value, value]);
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Comma,
    Dot,
    /// `%20`, or `+` in a query.
    Space,
    /// `|`, also when escaped.
    Pipe,
}

impl Delimiter {
    fn split(self, text: &str, escapes: Escapes) -> impl Iterator<Item = &str> {
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest?;
            let Some((at, length)) = self.find(text) else {
                rest = None;
                return Some(trim(text, escapes));
            };
            rest = Some(&text[at + length..]);
            Some(trim(&text[..at], escapes))
        })
    }

    /// Where the first one is, and how long.
    fn find(self, text: &str) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        let one = |byte| memchr::memchr(byte, bytes).map(|at| (at, 1));
        let escaped = |plain: u8, escape: &[u8; 2]| {
            let is_escape = |at: &usize| {
                bytes[*at] == plain || bytes[at + 1..].get(..2).is_some_and(|two| two.eq_ignore_ascii_case(escape))
            };
            let at = memchr::memchr2_iter(plain, b'%', bytes).find(is_escape)?;
            Some((at, if bytes[at] == plain { 1 } else { 3 }))
        };
        match self {
            Self::Comma => one(b','),
            Self::Dot => one(b'.'),
            Self::Space => escaped(b'+', b"20"),
            Self::Pipe => escaped(b'|', b"7C"),
        }
    }
}

/// In a header field there may be white space beside a comma (RFC 9110 section 5.6.1).
fn trim(text: &str, escapes: Escapes) -> &str {
    if escapes == Escapes::None { text.trim_matches([' ', '\t']) } else { text }
}
