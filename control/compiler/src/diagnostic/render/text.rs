//! For people: the way rustc does it.

use std::collections::HashMap;

use super::super::{Color, Diagnostics, Located, Position, Severity};
use super::page;

/// How much of a line is shown: minified JSON has only one.
const LINE_CHARACTERS_MAX: usize = 120;

pub(super) fn render(diagnostics: &Diagnostics, color: Color) -> String {
    let files = diagnostics.files().filter_map(|file| Some((file, diagnostics.source(file)?.body().lines().collect())));
    let page = Page { paint: Paint(color), lines: files.collect() };
    diagnostics.iter().map(|located| page.one(located) + "\n").collect()
}

/// What is the same for every diagnostic.
struct Page<'d> {
    paint: Paint,
    /// The lines of each file.
    lines: HashMap<&'d str, Vec<&'d str>>,
}

impl Page<'_> {
    fn one(&self, located: &Located) -> String {
        let paint = self.paint;
        let diagnostic = &located.diagnostic;
        let kind = format!("{}[{}]", diagnostic.severity.name(), diagnostic.code);
        let message = paint.bold(&format!(": {}", clean(&diagnostic.message)));
        let gutter = located.position.map_or(1, |position| position.line.to_string().len());
        let blank = " ".repeat(gutter);
        let place = shown(&diagnostic.place.file, located.position);
        let mut lines = vec![
            format!("{}{message}", paint.severity(diagnostic.severity, &kind)),
            format!("{blank}{} {place}", paint.frame("-->")),
        ];
        let line = located.position.and_then(|at| Some((at, self.line(&diagnostic.place.file, at.line)?)));
        if let Some((at, line)) = line {
            let carets = "^".repeat(width(line, at.column));
            let (line, column) = window(line, at.column);
            let caret = paint.severity(diagnostic.severity, &carets);
            let bar = paint.frame("|");
            lines.push(format!("{blank} {bar}"));
            lines.push(format!("{} {line}", paint.frame(&format!("{} |", at.line))));
            lines.push(format!("{blank} {bar} {}{caret}", " ".repeat(column)));
        }
        let note = |kind: &str, words: &str| format!("{blank} {} {} {words}", paint.frame("="), paint.bold(kind));
        for ((place, what), position) in diagnostic.related.iter().zip(&located.related) {
            lines.push(note("note:", &format!("{}: {}", shown(&place.file, *position), clean(what))));
        }
        if let Some(hint) = &diagnostic.hint {
            lines.push(note("help:", &indented(hint, gutter)));
        }
        lines.push(note("docs:", &page(diagnostic.code)));
        lines.join("\n") + "\n"
    }

    fn line(&self, file: &str, number: usize) -> Option<&str> {
        self.lines.get(file)?.get(number.checked_sub(1)?).copied()
    }
}

/// How many characters belong to what begins at a column: a quoted text, or what looks like a word.
fn width(line: &str, column: usize) -> usize {
    let mut rest = line.chars().skip(column.saturating_sub(1)).take(WIDTH_MAX);
    let width = match rest.next() {
        Some(quote @ ('"' | '\'')) => rest.take_while(|character| *character != quote).count() + 2,
        Some(first) if !ends_word(first) => rest.take_while(|character| !ends_word(*character)).count() + 1,
        Some(_) | None => 1,
    };
    width.min(WIDTH_MAX)
}

const WIDTH_MAX: usize = 40;

fn ends_word(character: char) -> bool {
    character.is_whitespace() || ",:{}[]".contains(character)
}

/// A hint may be a snippet of several lines.
fn indented(hint: &str, gutter: usize) -> String {
    let lines: Vec<String> = hint.lines().map(clean).collect();
    lines.join(&format!("\n{:gutter$}         ", ""))
}

fn shown(file: &str, position: Option<Position>) -> String {
    let file = clean(file);
    position.map_or(file.clone(), |at| format!("{file}:{}:{}", at.line, at.column))
}

/// A text of somebody else, without what a terminal would obey.
fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// The part of a line around a column, and how many characters of it stand before that column.
fn window(line: &str, column: usize) -> (String, usize) {
    let before = column.saturating_sub(1);
    let start = if before < LINE_CHARACTERS_MAX - 20 { 0 } else { before - LINE_CHARACTERS_MAX / 2 };
    let shown: String = line.chars().skip(start).take(LINE_CHARACTERS_MAX).collect();
    let cut = line.chars().nth(start + LINE_CHARACTERS_MAX).is_some();
    let shown = clean(&shown.replace('\t', " "));
    let lead = if start > 0 { "..." } else { "" };
    (format!("{lead}{shown}{}", if cut { "..." } else { "" }), before - start + lead.len())
}

#[derive(Clone, Copy)]
struct Paint(Color);

impl Paint {
    fn with(self, style: &str, text: &str) -> String {
        match self.0 {
            Color::Ansi => format!("\u{1b}[{style}m{text}\u{1b}[0m"),
            Color::Plain => text.to_owned(),
        }
    }

    fn severity(self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Error => self.with("1;31", text),
            Severity::Warning => self.with("1;33", text),
        }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn frame(self, text: &str) -> String {
        self.with("1;34", text)
    }
}
