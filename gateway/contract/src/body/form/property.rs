//! How one property of a form is written: the Encoding Object (OpenAPI 3.2.0 section 4.15).

use artifact_format::model::{PropertyEncoding, SchemaId, Style};

use crate::body::Error;
use crate::json::Tree;
use crate::media::{Charset, MediaType, Range};
use crate::parameter::declared::Declared;
use crate::parameter::style::Explode;
use crate::schema::Validators;
use crate::shape::Shapes;
use crate::{Place, Report};

/// How a property is written.
#[derive(Debug)]
pub(in crate::body) struct Property {
    /// What it is if nobody says so (OpenAPI 3.2.0 section 4.15, the default of `contentType`).
    pub(in crate::body) carrier: Carrier,
    /// `style` and `explode`; with them `contentType` does not count.
    pub(super) style: Option<(Style, Explode)>,
    /// `contentType`.
    content_types: Vec<Range>,
    /// The first of them that is no range.
    content_type: Option<Carrier>,
    /// `headers` of its part.
    headers: Vec<(Box<str>, Declared)>,
}

/// What the content of a property is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::body) enum Carrier {
    /// Text: a scalar, or JSON where the schema wants a list or an object.
    Text,
    /// JSON and nothing else.
    Json,
    /// Octets of which only the number counts.
    File,
}

impl Property {
    /// Nothing but its schema says how it is written.
    pub(super) fn plain(carrier: Carrier) -> Self {
        Self { carrier, style: None, content_types: Vec::new(), content_type: None, headers: Vec::new() }
    }

    pub(super) fn new(
        encoding: &PropertyEncoding,
        carrier: Carrier,
        shapes: &mut Shapes<'_>,
        validators: &Validators,
    ) -> Result<Self, Error> {
        let style = encoding.style.map(|style| (style, encoding.explode.unwrap_or(style == Style::Form).into()));
        let declared = if style.is_some() { &[] } else { encoding.content_types.as_slice() };
        let range = |text: &String| Range::parse(text).map_err(|error| Error::Range { range: text.clone(), error });
        let exact = declared.iter().filter(|text| !text.contains('*'));
        let exact = exact.filter_map(|text| MediaType::parse(text).ok()).map(|media| Carrier::of(&media)).next();
        let mut headers = Vec::new();
        for header in &encoding.headers {
            headers.push((header.name.as_str().into(), Declared::of_header(header, shapes, validators)?));
        }
        Ok(Self {
            carrier,
            style,
            content_types: declared.iter().map(range).collect::<Result<_, _>>()?,
            content_type: exact,
            headers,
        })
    }

    /// What the content of a part is, from what the description and the part itself say; `None` if they contradict
    /// each other.
    ///
    /// A part that says nothing is what the description says, where that is one type: both sides know it.
    pub(in crate::body) fn carrier_of(&self, content_type: Option<&MediaType<'_>>) -> Option<Carrier> {
        if self.content_types.is_empty() {
            return Some(self.carrier);
        }
        let Some(media) = content_type else { return Some(self.content_type.unwrap_or(Carrier::File)) };
        let is_declared = self.content_types.iter().any(|range| range.has(media, Charset::MayBeLeftOut));
        is_declared.then(|| Carrier::of(media))
    }

    /// Whether the description says how it is written.
    pub(in crate::body) fn is_encoded(&self) -> bool {
        self.carrier == Carrier::File || self.style.is_some() || !self.content_types.is_empty()
    }

    /// Whether a text that says nothing of itself is declared to be JSON.
    pub(super) fn is_json(&self) -> bool {
        self.content_type == Some(Carrier::Json)
    }

    /// Judges the header of a part. What is wrong is said of the property at `place`.
    pub(in crate::body) fn judge_headers<'h>(
        &self,
        get: impl Fn(&str) -> Option<&'h str>,
        (place, tree): (&Place, &mut Tree),
        report: &mut Report,
    ) {
        for (name, declared) in &self.headers {
            let mut faults = Report::new(report.detail());
            match get(name) {
                Some(text) => declared.judge_text(text, tree, &mut faults),
                None => declared.judge_absent(&mut faults),
            }
            for fault in faults.violations() {
                report.say(place.clone(), "headers", &format!("the header `{name}` of its part {}", fault.message));
            }
        }
    }
}

impl Carrier {
    fn of(media: &MediaType<'_>) -> Self {
        if media.is_json() {
            Self::Json
        } else if media.is_text() {
            Self::Text
        } else {
            Self::File
        }
    }
}

/// The schemas of the headers of parts.
pub(in crate::body) fn schemas(encodings: &[PropertyEncoding]) -> impl Iterator<Item = SchemaId> {
    encodings.iter().flat_map(|encoding| &encoding.headers).filter_map(|header| header.schema)
}
