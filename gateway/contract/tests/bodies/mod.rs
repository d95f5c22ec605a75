//! Bodies of one media type, and what is thought of them.
#![allow(clippy::unwrap_used, dead_code, reason = "shared by several programs")]

use std::num::NonZeroUsize;

use artifact_format::model::{MediaType, Schema, SchemaId, Schemas};
use contract::body::{Content, Malformed, Plan, Scratch, schemas};
use contract::schema::{Patterns, Validators};
use contract::shape::Shapes;
use contract::{Detail, Report, Violation};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

/// What a body may be: one media type with a schema.
pub(crate) fn content(range: &str, schema: &Value) -> Content {
    let described =
        MediaType { range: range.into(), schema: Some(SchemaId(0)), item_schema: None, encoding: Vec::new() };
    let described = [described];
    let schema = Schema { json: schema.to_string(), references: Vec::new() };
    let table = Schemas { schemas: vec![schema], patterns: Patterns::Linear };
    let roots: Vec<SchemaId> = schemas(&described).collect();
    let validators = Validators::build(&table, &roots, (Patterns::Linear, NonZeroUsize::MIN)).unwrap();
    Content::new(&described, &mut Shapes::new(&table), &validators).unwrap()
}

/// What is wrong with a body.
pub(crate) type Verdict = Result<Vec<Violation>, Malformed>;

/// Judges a body that comes in pieces.
pub(crate) fn judge<'b>(
    content: &Content,
    content_type: &'static str,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> Verdict {
    let header = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    let (mut scratch, mut report) = (Scratch::default(), Report::new(Detail::Full));
    match content.select(&header).unwrap() {
        Plan::Opaque => {}
        Plan::Whole(judge) => {
            let whole: Vec<u8> = pieces.into_iter().flatten().copied().collect();
            judge.judge(&whole, &mut scratch, &mut report)?;
        }
        Plan::Multipart(inspector) => {
            let mut inspector = inspector.with_fields_max_bytes(1 << 16);
            for piece in pieces {
                inspector.feed(piece, &mut report)?;
            }
            inspector.finish(&mut scratch, &mut report)?;
        }
    }
    Ok(report.violations().to_vec())
}

/// Cuts a body into pieces: each cut takes that many bytes, the last piece is the rest.
pub(crate) fn cut<'b>(body: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut rest = body;
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, after) = rest.split_at((*cut).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}
