//! Whether parameters are written in a style that says how (the table of Style Examples, OpenAPI 3.2.0 section 4.12.4).
//!
//! What stands as "n/a" in the table is read by the gateway as `form` reads it, which clients may see otherwise.

use artifact_format::model::Style;
use contract::shape::{Shapes, Types};

use crate::diagnostic::{Code, Sink};
use crate::lower::{Lowered, Written};

/// Warns of every parameter whose style does not say how its values are written.
pub(crate) fn check(lowered: &Lowered<'_>, sink: &mut Sink) {
    if sink.has_errors() {
        return;
    }
    let mut shapes = Shapes::new(&lowered.artifact.schemas);
    for holder in &lowered.holders {
        let Written::Style(style, explode) = holder.written else { continue };
        let types = shapes.of(holder.schema).types();
        if let Some((name, what)) = undefined(style, explode, types) {
            let place = holder.node.get("style").unwrap_or_else(|| holder.node.clone());
            sink.warning(
                Code::StyleUndefined,
                &place,
                format!("the specification does not say how `{name}` writes {what}"),
            )
            .hint("choose a style that does; `form` writes any value");
        }
    }
}

/// What the table has no example of, by the style's name and what is written.
fn undefined(style: Style, explode: bool, types: Types) -> Option<(&'static str, &'static str)> {
    match style {
        Style::DeepObject if !types.has(Types::OBJECT) => Some(("deepObject", "what is no object")),
        Style::SpaceDelimited | Style::PipeDelimited => {
            let name = if style == Style::SpaceDelimited { "spaceDelimited" } else { "pipeDelimited" };
            let is_joined = types.has_any(Types::ARRAY | Types::OBJECT);
            let exploded = explode.then_some((name, "values with `explode: true`"));
            if is_joined { exploded } else { Some((name, "what is neither a list nor an object")) }
        }
        Style::DeepObject | Style::Matrix | Style::Label | Style::Simple | Style::Form | Style::Cookie => None,
    }
}
