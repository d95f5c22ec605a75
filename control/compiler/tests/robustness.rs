//! Whatever is read, there is an answer: no text makes the compiler panic.

#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

use compiler::diagnostic::{Color, Diagnostics, Format, Sink};
use compiler::document::{Documents, MemoryFiles};
use compiler::input::{Fence, Input, Options};
use proptest::prelude::*;

const DOCUMENT: &str = "openapi: 3.1.0
info: { title: t, version: '1' }
paths:
  /a/{b}:
    $ref: 'other.yaml#/x~1y'
    parameters: [{ $ref: '#/components/parameters/B' }]
    get: { operationId: a, responses: { 200: &ok { description: fine }, default: *ok } }
components:
  parameters:
    B: { name: b, in: path, required: true, schema: { $ref: '#/components/schemas/S' } }
  schemas:
    S: { $id: 'https://example.com/s', $anchor: s, items: { $ref: '#s' }, discriminator: { propertyName: p, mapping: { a: '#/c' } } }
    <<: { T: { allOf: [{ $ref: 'https://example.com/s#s' }], const: { $ref: 1 } } }
";

const OVERLAY: &str = "overlay: 1.1.0
info: { title: o, version: '1' }
actions:
  - { target: '$..get', update: { tags: [a] } }
  - { target: $.components.schemas.S, copy: $.components.parameters.B }
  - { target: '$.paths.*.parameters[0]', remove: true }
";

/// A change to a text: a part of it replaced.
#[derive(Debug, Clone)]
struct Mutation {
    at: prop::sample::Index,
    length: usize,
    by: String,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let pieces = prop_oneof![
        Just(String::new()),
        prop::sample::select(vec![
            "{", "}", "[", "]", ":", ",", "\n", " ", "'", "\"", "*ok", "&ok ", "$ref", "#", "~", "%", "null", "é"
        ])
        .prop_map(str::to_owned),
        ".{0,4}",
    ];
    (any::<prop::sample::Index>(), 0_usize..12, pieces).prop_map(|(at, length, by)| Mutation { at, length, by })
}

fn mutated(text: &str, mutations: &[Mutation]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for Mutation { at, length, by } in mutations {
        let start = at.index(characters.len() + 1);
        let end = (start + length).min(characters.len());
        characters.splice(start..end, by.chars());
    }
    characters.into_iter().collect()
}

fn read(files: &MemoryFiles, entry: &str) -> Diagnostics {
    let overlays = vec!["overlay.yaml".to_owned()];
    let input =
        Input { specs: vec![entry.to_owned()], overlays, fence: Fence::default(), files, options: Options::default() };
    let mut sink = Sink::new();
    let documents = Documents::load(&input, &mut sink);
    compiler::structure::check(&documents, &mut sink);
    for root in documents.entries() {
        let _ = root.resolved();
    }
    let found = Diagnostics::new(sink, &documents);
    for format in [Format::Text, Format::Json, Format::Sarif, Format::Github, Format::Junit] {
        let rendered = found.render(format, Color::Plain);
        assert!(!rendered.contains('\u{1b}'), "{rendered}");
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), json in any::<bool>()) {
        let name = if json { "a.json" } else { "a.yaml" };
        let found = read(&MemoryFiles::new().with(name, bytes).with("overlay.yaml", OVERLAY), name);
        prop_assert!(found.errors() > 0);
    }

    #[test]
    fn mutations_never_panic(
        document in prop::collection::vec(mutation(), 0..6),
        other in prop::collection::vec(mutation(), 0..3),
        overlay in prop::collection::vec(mutation(), 0..3),
    ) {
        let files = MemoryFiles::new()
            .with("a.yaml", mutated(DOCUMENT, &document))
            .with("other.yaml", mutated("x/y: { get: { responses: {} } }\n", &other))
            .with("overlay.yaml", mutated(OVERLAY, &overlay));
        read(&files, "a.yaml");
    }
}

#[test]
fn unchanged_the_document_is_fine() {
    let files = MemoryFiles::new()
        .with("a.yaml", DOCUMENT)
        .with("other.yaml", "x/y: { get: { responses: {} } }\n")
        .with("overlay.yaml", OVERLAY);
    let found = read(&files, "a.yaml");
    let codes: Vec<u16> = found.iter().map(|located| located.diagnostic.code.number()).collect();
    // The discriminator's mapping leads nowhere, on purpose, and the other file's responses are empty.
    assert_eq!(codes, [1101, 2003], "{}", found.render(Format::Text, Color::Plain));
}
