//! For programs: one JSON object.

use serde_json::{Value, json};

use super::super::{Diagnostics, Located, Place, Position};
use super::{page, pretty};

pub(super) fn render(diagnostics: &Diagnostics) -> String {
    pretty(&json!({
        "diagnostics": diagnostics.iter().map(one).collect::<Vec<_>>(),
        "errors": diagnostics.errors(),
        "warnings": diagnostics.warnings(),
    }))
}

fn one(located: &Located) -> Value {
    let diagnostic = &located.diagnostic;
    let related = diagnostic.related.iter().zip(&located.related);
    let related = related.map(|((at, what), position)| json!({ "place": place(at, *position), "message": what }));
    json!({
        "code": diagnostic.code.to_string(),
        "title": diagnostic.code.title(),
        "severity": diagnostic.severity.name(),
        "message": diagnostic.message,
        "place": place(&diagnostic.place, located.position),
        "hint": diagnostic.hint,
        "related": related.collect::<Vec<_>>(),
        "docs": page(diagnostic.code),
    })
}

fn place(place: &Place, position: Option<Position>) -> Value {
    json!({
        "file": &*place.file,
        "pointer": place.pointer(),
        "line": position.map(|at| at.line),
        "column": position.map(|at| at.column),
    })
}
