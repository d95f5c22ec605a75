//! Diagnostics as text, for people and for programs.

mod github;
mod json;
mod junit;
mod sarif;
mod text;

use super::{Code, Color, Diagnostics, Format};

impl Diagnostics {
    /// Writes all of them. Only [`Format::Text`] is ever coloured; nothing to say gives an empty text there.
    pub fn render(&self, format: Format, color: Color) -> String {
        match format {
            Format::Text => text::render(self, color),
            Format::Json => json::render(self),
            Format::Sarif => sarif::render(self),
            Format::Github => github::render(self),
            Format::Junit => junit::render(self),
        }
    }
}

/// The page of a code, within the project's documentation.
fn page(code: Code) -> String {
    format!("docs/reference/diagnostics/{code}.md")
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
