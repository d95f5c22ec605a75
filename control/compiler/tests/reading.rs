//! Small documents and what reading them has to say: `severity code file:line:column pointer`.

#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

use compiler::diagnostic::{At, Diagnostics, Located, Sink};
use compiler::document::{Documents, MemoryFiles};
use compiler::input::{Fence, Input, Options};

const HEAD: &str = "openapi: 3.1.0\ninfo: { title: t, version: '1' }\n";

fn read(files: &MemoryFiles, specs: &[&str], overlays: &[&str]) -> (Documents, Diagnostics) {
    let own = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    let input = Input {
        specs: own(specs),
        overlays: own(overlays),
        fence: Fence::default(),
        files,
        options: Options::default(),
    };
    let mut sink = Sink::new();
    let documents = Documents::load(&input, &mut sink);
    compiler::structure::check(&documents, &mut sink);
    let found = Diagnostics::new(sink, &documents);
    (documents, found)
}

fn shown(located: &Located) -> String {
    let diagnostic = &located.diagnostic;
    let at = located.position.map_or(String::new(), |at| format!(":{}:{}", at.line, at.column));
    let pointer = match &diagnostic.place.at {
        At::Value(pointer) => format!(" {pointer}"),
        At::Key(pointer) => format!(" key {pointer}"),
        At::Position(_) => String::new(),
    };
    format!("{} {} {}{at}{pointer}", diagnostic.severity.name(), diagnostic.code, diagnostic.place.file)
}

fn files(files: &[(&str, &str)]) -> MemoryFiles {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// Reads `a.yaml`, whose text follows [`HEAD`], among other files.
fn check(text: &str, others: &[(&str, &str)], expected: &[&str]) {
    let files = files(others).with("a.yaml", format!("{HEAD}{text}"));
    let (_, found) = read(&files, &["a.yaml"], &[]);
    let found: Vec<String> = found.iter().map(shown).collect();
    assert_eq!(found, expected, "{text}");
}

/// Reads one file of whatever kind.
fn check_file(name: &str, bytes: impl Into<Vec<u8>>, expected: &[&str]) {
    let (_, found) = read(&MemoryFiles::new().with(name, bytes), &[name], &[]);
    let found: Vec<String> = found.iter().map(shown).collect();
    assert_eq!(found, expected, "{name}");
}

#[test]
fn syntax_errors_have_a_place() {
    check_file("a.json", "{\n  \"openapi\": \"3.1.0\",\n  x\n}", &["error PC1002 a.json:3:3"]);
    check_file("a.yaml", "openapi: 3.1.0\ninfo: {\n", &["error PC1002 a.yaml:2:7"]);
    check_file("a.yaml", "", &["error PC2001 a.yaml:1:1 "]);
    check_file("a.json", "", &["error PC1002 a.json:1:1"]);
    check_file("a.yaml", "- a", &["error PC2001 a.yaml:1:1 "]);
}

#[test]
fn other_encodings_are_refused() {
    let utf16: Vec<u8> = "openapi: 3.1.0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    check_file("a.yaml", utf16, &["error PC1004 a.yaml:1:1 "]);
    check_file("a.yaml", b"openapi: \xff".to_vec(), &["error PC1004 a.yaml:1:1 "]);
    let marked = format!("\u{feff}{HEAD}paths: []\n");
    check_file("a.yaml", marked, &["warning PC1004 a.yaml:1:1 ", "error PC2004 a.yaml:3:8 /paths"]);
}

#[test]
fn a_key_stands_once() {
    check_file("a.json", r#"{"openapi": "3.1.0", "a": {"b": 1, "\u0062": 2}}"#, &["error PC1003 a.json:1:36"]);
    check("paths: {}\npaths: {}\n", &[], &["error PC1003 a.yaml:4:1"]);
    check("components: {}\nx-a: { 1: a, '1': b }\n", &[], &["error PC1003 a.yaml:4:14"]);
}

#[test]
fn yaml_is_read_as_json() {
    let yaml = "components: {}\nx-a: &a { no: no, n: 1.50, big: 12345678901234567890123 }\nx-b: { <<: *a, n: 0x1F }\n\
                x-c: [*a, ~, 'null', 007, !!str 5]\n";
    let (documents, found) = read(&MemoryFiles::new().with("a.yaml", format!("{HEAD}{yaml}")), &["a.yaml"], &[]);
    assert_eq!(found.errors(), 0);
    let root = documents.entries().next().unwrap();
    let json = |key| root.get(key).unwrap().value().to_string();
    assert_eq!(json("x-a"), r#"{"no":"no","n":1.50,"big":12345678901234567890123}"#);
    assert_eq!(json("x-b"), r#"{"n":31,"no":"no","big":12345678901234567890123}"#);
    assert_eq!(json("x-c"), r#"[{"no":"no","n":1.50,"big":12345678901234567890123},null,"null",7,"5"]"#);
    assert_eq!(root.get("openapi").unwrap().str(), Some("3.1.0"));
}

#[test]
fn what_json_cannot_say_is_refused() {
    check("components: {}\nx-a: .nan\n", &[], &["error PC1006 a.yaml:4:6"]);
    check("components: {}\nx-a: { ? [a] : b }\n", &[], &["error PC1006 a.yaml:4:10"]);
    check("components: {}\nx-a: !include b.yaml\n", &[], &["error PC1006 a.yaml:4:15"]);
    check("components: {}\nx-a: &a [*a]\n", &[], &["error PC1006 a.yaml:4:10"]);
    check("components: {}\n---\nb: c\n", &[], &["error PC1006 a.yaml:4:1"]);
}

#[test]
fn bombs_are_refused() {
    let levels = (1..12).map(|level| format!("x{level}: &a{level} [{}]\n", format!("*a{},", level - 1).repeat(10)));
    let bomb = format!("x0: &a0 [1,2,3,4,5,6,7,8,9,0]\n{}", levels.collect::<String>());
    let (_, found) = read(&MemoryFiles::new().with("a.yaml", bomb), &["a.yaml"], &[]);
    assert_eq!(found.iter().map(|one| one.diagnostic.code.number()).collect::<Vec<_>>(), [1005]);
    for name in ["a.json", "a.yaml"] {
        for deep in ["[".repeat(10_000), "{\"a\":".repeat(10_000)] {
            let (_, found) = read(&MemoryFiles::new().with(name, deep), &[name], &[]);
            assert_eq!(found.iter().map(|one| one.diagnostic.code.number()).collect::<Vec<_>>(), [1005], "{name}");
        }
    }
    let deepening = (1..100).map(|level| format!("x{level}: &a{level} [[[*a{}]]]\n", level - 1));
    let deep = format!("x0: &a0 []\n{}", deepening.collect::<String>());
    let (_, found) = read(&MemoryFiles::new().with("a.yaml", deep), &["a.yaml"], &[]);
    assert_eq!(found.iter().map(|one| one.diagnostic.code.number()).collect::<Vec<_>>(), [1005]);
}

#[test]
fn a_hundred_thousand_paths_are_read() {
    let paths = (0..100_000).map(|index| format!("  /p{index}: {{ get: {{ operationId: o{index}, tag: [] }} }}\n"));
    let text = format!("{HEAD}paths:\n{}", paths.collect::<String>());
    let (_, found) = read(&MemoryFiles::new().with("a.yaml", text), &["a.yaml"], &[]);
    assert_eq!(found.errors(), 100_000);
}

#[test]
fn references_lead_to_files_and_within_them() {
    let item =
        "openapi: 3.1.0\ncomponents: { parameters: { P: { name: p, in: query, schema: { $ref: 's%20s.json' } } } }\n";
    let others = [("sub/b.yaml", item), ("sub/s s.json", "{\"type\": 1}")];
    check("paths: { /a: { get: { parameters: [{ $ref: 'sub/b.yaml#/components/parameters/P' }] } } }\n", &others, &[]);
    check(
        "components: { schemas: { A: { $ref: 'b.yaml' } } }\n",
        &[],
        &["error PC1101 a.yaml:3:37 /components/schemas/A/$ref"],
    );
    check(
        "components: { schemas: { A: { $ref: 'b.yaml' } } }\n",
        &[("b.yaml", "{")],
        &["error PC1101 a.yaml:3:37 /components/schemas/A/$ref", "error PC1002 b.yaml:1:1"],
    );
    for refused in
        ["../b.yaml", "/b.yaml", "https://example.com/b.yaml", "file:///b.yaml", "sub/../../b.yaml", "%2e%2e/b.yaml"]
    {
        let text = format!("components: {{ schemas: {{ A: {{ $ref: '{refused}' }} }} }}\n");
        check(&text, &[], &["error PC1102 a.yaml:3:37 /components/schemas/A/$ref"]);
    }
}

#[test]
fn references_in_data_are_data() {
    let data = "components:\n  schemas:\n    A:\n      default: { $ref: nowhere }\n      example: { $ref: nowhere }\n      enum: [{ $ref: nowhere }]\n\
                \x20     const: { $ref: nowhere }\n      x-a: { $ref: nowhere }\n      properties: { default: { $ref: '#/components/schemas/A' } }\n\
                \x20 examples: { E: { value: { $ref: nowhere } } }\n";
    check(data, &[], &[]);
    let headers = "components: { responses: { R: { description: d, headers: { x-rate: { $ref: '#/nowhere' } } } } }\n";
    check(headers, &[], &["error PC1101 a.yaml:3:76 /components/responses/R/headers/x-rate/$ref"]);
}

#[test]
fn schemas_have_identities() {
    let found = "components:\n  schemas:\n    A: { $id: 'https://example.com/a', $defs: { D: { $anchor: d } }, items: { $ref: '#d' } }\n\
                 \x20   B: { anyOf: [{ $ref: 'https://example.com/a#d' }, { $ref: 'https://example.com/a#/$defs/D' }] }\n";
    check(found, &[], &[]);
    let lost = "components:\n  schemas:\n    A: { $id: 'https://example.com/a', items: { $ref: '#d' } }\n    D: { $anchor: d }\n";
    check(lost, &[], &["error PC1101 a.yaml:5:55 /components/schemas/A/items/$ref"]);
    let dynamic = "components:\n  schemas:\n    A: { $dynamicAnchor: n, items: { $dynamicRef: '#n' } }\n    B: { $dynamicRef: '#m' }\n";
    check(dynamic, &[], &["error PC1101 a.yaml:6:23 /components/schemas/B/$dynamicRef"]);
}

#[test]
fn documents_have_identities() {
    let own = "openapi: 3.2.0\n$self: https://example.com/api/openapi.yaml\ninfo: { title: t, version: '1' }\n\
               components: { schemas: { A: { $ref: 'shared.yaml#/components/schemas/S' }, B: { $ref: 'openapi.yaml#/components/schemas/A' } } }\n";
    let shared = "openapi: 3.2.0\n$self: https://example.com/api/shared.yaml\ninfo: { title: t, version: '1' }\ncomponents: { schemas: { S: {} } }\n";
    let (_, found) = read(&files(&[("a.yaml", own), ("elsewhere.yaml", shared)]), &["a.yaml", "elsewhere.yaml"], &[]);
    assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_reference_is_followed_to_the_end() {
    let text = "components:\n  parameters:\n    A: { $ref: '#/components/parameters/B' }\n    B: { $ref: '#/components/parameters/~0c%2F' }\n    ~c/: { name: p, in: query, schema: true }\n";
    let (documents, _) = read(&MemoryFiles::new().with("a.yaml", format!("{HEAD}{text}")), &["a.yaml"], &[]);
    let root = documents.entries().next().unwrap();
    let resolved = root.descend("/components/parameters/A").unwrap().resolved();
    // `%2F` is decoded before the pointer is split: it is a separator like any other (RFC 6901, section 6).
    assert!(resolved.is_err(), "{resolved:?}");
    let text = text.replace("%2F", "~1");
    let (documents, _) = read(&MemoryFiles::new().with("a.yaml", format!("{HEAD}{text}")), &["a.yaml"], &[]);
    let root = documents.entries().next().unwrap();
    let resolved = root.descend("/components/parameters/A").unwrap().resolved().unwrap();
    assert_eq!(resolved.pointer(), "/components/parameters/~0c~1");
}

#[test]
fn every_fault_is_reported_once_and_where_it_is() {
    check(
        "paths:\n  /a:\n    get:\n      operationID: a\n      parameters: [{ $ref: '#/components/parameters/P' }]\n      responses: { '20': {} }\n\
         \x20   put:\n      parameters: [{ $ref: '#/components/parameters/P' }]\n  b: {}\ncomponents:\n  parameters:\n    P: { name: p, in: path, style: form, schema: {} }\n",
        &[],
        &[
            "error PC2002 a.yaml:6:7 key /paths/~1a/get/operationID",
            "error PC2007 a.yaml:8:20 key /paths/~1a/get/responses/20",
            "error PC2007 a.yaml:11:3 key /paths/b",
            "warning PC2005 a.yaml:14:8 /components/parameters/P",
            "error PC2005 a.yaml:14:36 /components/parameters/P/style",
        ],
    );
}

#[test]
fn callbacks_and_webhooks_are_only_warned_about() {
    check(
        "webhooks: { w: { post: { operationID: a, requestBody: { $ref: '#/nowhere' } } } }\n",
        &[],
        &[
            "warning PC2002 a.yaml:3:26 key /webhooks/w/post/operationID",
            "warning PC1101 a.yaml:3:63 /webhooks/w/post/requestBody/$ref",
        ],
    );
}

#[test]
fn what_no_request_touches_is_only_warned_about() {
    check(
        "components: { securitySchemes: { o: { type: oauth2, flows: { implicit: { scopes: {} } } } } }\n",
        &[],
        &["warning PC2003 a.yaml:3:72 /components/securitySchemes/o/flows/implicit"],
    );
    check(
        "components: { schemas: { A: { externalDocs: {}, xml: { name: 1 } } } }\ntags: [{}]\n",
        &[],
        &[
            "warning PC2003 a.yaml:3:45 /components/schemas/A/externalDocs",
            "warning PC2004 a.yaml:3:62 /components/schemas/A/xml/name",
            "warning PC2003 a.yaml:4:8 /tags/0",
        ],
    );
}

#[test]
fn overlays_change_documents() {
    let document = format!(
        "{HEAD}paths:\n  /a: {{ get: {{ tags: [x, y, z] }} }}\n  /b: {{ get: {{}} }}\nservers: [{{ url: /1 }}, {{ url: /2 }}, {{ url: 3 }}]\n"
    );
    let overlay = "overlay: 1.1.0\ninfo: { title: o, version: '1' }\nactions:\n\
                   - { target: '$.paths[\"/b\"]', remove: true }\n\
                   - { target: '$.paths.*.get', update: { tags: [w], operationId: 7, x-n: { a: 1 } } }\n\
                   - { target: '$.servers[?@.url==\"/1\"]', remove: true }\n\
                   - { target: '$.servers', update: { url: 4 } }\n\
                   - { target: '$.nothing', update: {} }\n";
    let (documents, found) = read(&files(&[("a.yaml", &document), ("o.yaml", overlay)]), &["a.yaml"], &["o.yaml"]);
    let root = documents.entries().next().unwrap();
    assert_eq!(
        root.get("paths").unwrap().value().to_string(),
        r#"{"/a":{"get":{"tags":["x","y","z","w"],"operationId":7,"x-n":{"a":1}}}}"#
    );
    assert_eq!(root.get("servers").unwrap().value().to_string(), r#"[{"url":"/2"},{"url":3},{"url":4}]"#);
    let found: Vec<String> = found.iter().map(shown).collect();
    assert_eq!(
        found,
        [
            // What stayed is found where it was, what came where it was written.
            "error PC2004 a.yaml:6:44 /servers/2/url",
            "error PC2004 o.yaml:5:64 /actions/1/update/operationId",
            "error PC2004 o.yaml:7:41 /actions/3/update/url",
            "warning PC1203 o.yaml:8:13 /actions/4/target",
        ]
    );
}

#[test]
fn an_overlay_that_extends_one_document_leaves_others_alone() {
    let document = format!("{HEAD}paths: {{}}\n");
    let overlay = "overlay: 1.0.0\nextends: b.yaml\ninfo: { title: o, version: '1' }\nactions: [{ target: $.info, update: { title: B } }]\n";
    let (documents, found) = read(
        &files(&[("a.yaml", &document), ("b.yaml", &document), ("o.yaml", overlay)]),
        &["a.yaml", "b.yaml"],
        &["o.yaml"],
    );
    assert_eq!(found.iter().count(), 0);
    let titles: Vec<_> = documents.entries().map(|root| root.descend("/info/title").unwrap().str()).collect();
    assert_eq!(titles, [Some("t"), Some("B")]);
}
