//! What people and programs read, as golden files in `tests/snapshots`; `INSTA_UPDATE=always` writes them anew.

#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

use compiler::diagnostic::{Code, Color, Diagnostics, Format, Place, Position, Sink};
use compiler::document::{Documents, MemoryFiles};
use compiler::input::{Fence, Input, Options};

const DOCUMENT: &str = "openapi: 3.1.0
info: { title: Orders, version: 1.0 }
paths:
  /orders:
    get:
      operationId: orders
      response: {}
    post:
      operationId: orders
      requestBody: { $ref: '#/components/requestBodies/Ordr' }
components:
  requestBodies:
    Order: { content: { application/json: {} } }
x-note: a\u{1b}[31m: b
x-note: \"<&>, 100%\"
";

fn found(text: &str) -> Diagnostics {
    let files = MemoryFiles::new().with("api/openapi.yaml", text);
    let specs = vec!["api/openapi.yaml".to_owned(), "api/missing, 100%.yaml".to_owned()];
    let input = Input { specs, overlays: vec![], fence: Fence::default(), files: &files, options: Options::default() };
    let mut sink = Sink::new();
    let documents = Documents::load(&input, &mut sink);
    compiler::structure::check(&documents, &mut sink);
    Diagnostics::new(sink, &documents)
}

/// Without the line that stops the reading.
fn readable() -> Diagnostics {
    found(DOCUMENT.split("x-note").next().unwrap())
}

#[test]
fn text() {
    insta::assert_snapshot!(readable().render(Format::Text, Color::Plain));
}

#[test]
fn coloured_text() {
    insta::assert_snapshot!(
        readable().render(Format::Text, Color::Ansi).escape_debug().to_string().replace("\\n", "\n")
    );
}

#[test]
fn json() {
    insta::assert_snapshot!(readable().render(Format::Json, Color::Plain));
}

#[test]
fn sarif() {
    let rendered: serde_json::Value = serde_json::from_str(&readable().render(Format::Sarif, Color::Plain)).unwrap();
    // The rules are the table of codes, which grows.
    let driver = &rendered["runs"][0]["tool"]["driver"]["rules"];
    assert_eq!(driver[0]["id"], "PC1001");
    insta::assert_snapshot!(format!("{:#}", rendered["runs"][0]["results"]));
}

#[test]
fn github() {
    insta::assert_snapshot!(readable().render(Format::Github, Color::Plain));
}

#[test]
fn junit() {
    insta::assert_snapshot!(readable().render(Format::Junit, Color::Plain));
}

#[test]
fn nothing_of_a_document_reaches_the_terminal_as_a_command() {
    let rendered = found(DOCUMENT).render(Format::Text, Color::Plain);
    assert!(!rendered.contains('\u{1b}'), "{rendered}");
}

#[test]
fn a_long_line_is_cut_around_its_fault() {
    let long = format!(
        "{{\"openapi\": \"3.1.0\", \"x-a\": \"{}\", \"paths\": 1, \"x-b\": \"{}\"}}",
        "ä".repeat(5_000),
        "b".repeat(5_000)
    );
    let rendered = found(&long).render(Format::Text, Color::Plain);
    let lines: Vec<&str> = rendered.lines().collect();
    let caret = lines.iter().find(|line| line.trim_end().ends_with("| ^") || line.ends_with('^')).unwrap();
    assert!(lines.iter().all(|line| line.chars().count() < 160), "{rendered}");
    assert!(caret.chars().count() < 160);
}

#[test]
fn of_too_many_the_gravest_are_kept_and_all_are_counted() {
    let mut sink = Sink::new();
    for line in 1..=3 {
        let place = |column| Place::position("a.yaml", Position { line, column });
        sink.warning(Code::Encoding, place(1), "w");
        sink.error(Code::Syntax, place(2), "e");
    }
    let mut found = Diagnostics::new(sink, &Documents::default());
    let lines = |found: &Diagnostics| {
        let kept =
            found.iter().map(|located| (located.diagnostic.message.clone(), located.diagnostic.place.at.clone()));
        kept.map(|(message, at)| format!("{message} {at:?}")).collect::<Vec<_>>()
    };
    let all = lines(&found);
    found.keep(4);
    assert_eq!(lines(&found), [&all[0], &all[1], &all[3], &all[5]].map(Clone::clone), "{all:?}");
    assert_eq!((found.errors(), found.warnings()), (3, 3));
    found.keep(2);
    assert_eq!(lines(&found), [&all[1], &all[3]].map(Clone::clone));
}
