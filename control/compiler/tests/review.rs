//! What a document must not say in silence: each of these once compiled, or cost more than it says.

#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

mod support;

use artifact_format::model::Feature;
use compiler::document::MemoryFiles;
use compiler::{Compiled, Fence, Input, Options, SecurityMode, compile};
use support::{compile_texts, lenient, shown};

const GET: &str = "get: { responses: { '204': { description: Done } } }";

/// A document of 3.2 with `rest` below `info`, in which `GET` stands for an operation.
fn document(rest: &str) -> String {
    format!("openapi: 3.2.0\ninfo: {{ title: Orders, version: '1' }}\n{}\n", rest.replace("GET", GET))
}

/// The diagnostics, each without its message.
fn faults(compiled: &Compiled) -> Vec<String> {
    compiled.diagnostics.iter().map(shown).map(|line| line.split(": ").next().unwrap().to_owned()).collect()
}

fn check(rest: &str, expected: &[&str]) {
    let compiled = compile_texts(&[("d", &document(rest))], lenient());
    assert_eq!(faults(&compiled), expected, "{rest}");
}

#[test]
fn a_scheme_that_no_request_can_satisfy_is_refused() {
    let scheme = |scheme: &str, expected: &[&str]| {
        let rest = format!(
            "security: [{{ s: [] }}]\npaths: {{ /a: {{ GET }} }}\ncomponents: {{ securitySchemes: {{ s: {scheme} }} }}"
        );
        check(&rest, expected);
    };
    let at = "d#/components/securitySchemes/s";
    let (name, kind) = (format!("PC2005 {at}/name"), format!("PC2005 {at}/scheme"));
    for bad in ["X Key", "X:Key", ""] {
        scheme(&format!("{{ type: apiKey, in: header, name: '{bad}' }}"), &[&name]);
    }
    for bad in ["a;b", "a=b", "a b", ""] {
        scheme(&format!("{{ type: apiKey, in: cookie, name: '{bad}' }}"), &[&name]);
    }
    scheme("{ type: apiKey, in: query, name: '' }", &[&name]);
    for good in ["{ type: apiKey, in: header, name: X-Key }", "{ type: apiKey, in: query, name: 'a b' }"] {
        scheme(good, &[]);
    }
    for bad in ["", "two words"] {
        scheme(&format!("{{ type: http, scheme: '{bad}' }}"), &[&kind]);
    }
    scheme("{ type: mutualTLS }", &[&format!("PC6004 {at}")]);
}

/// As [`check`], with a second file `part.yaml`.
fn check_with(rest: &str, part: &str, expected: &[&str]) {
    let part = part.replace("GET", GET);
    let compiled = compile_texts(&[("d", &document(rest)), ("part.yaml", &part)], lenient());
    assert_eq!(faults(&compiled), expected, "{rest}\n{part}");
}

#[test]
fn an_extension_is_looked_at_wherever_it_stands() {
    let path = "paths: { /a: { $ref: part.yaml } }";
    check_with(path, "x-portculis: {}\nGET", &["PC6001 part.yaml#/x-portculis"]);
    check_with(
        path,
        "get: { x-portculis: {}, responses: { '204': { description: Done } } }",
        &["PC6001 part.yaml#/get/x-portculis"],
    );
    check_with(path, "x-portcullis: { limits: { body: 1KiB } }\nGET", &[]);
    let shared = |key: &str| {
        format!(
            "paths: {{ /a: {{ $ref: '#/components/pathItems/p' }} }}\ncomponents: {{ pathItems: {{ p: {{ {key}: {{}}, GET }} }} }}"
        )
    };
    check(&shared("x-portculis"), &["PC6001 d#/components/pathItems/p/x-portculis"]);
    check(&shared("x-portcullis"), &[]);
    let key = "type: apiKey, in: query, name: k";
    check(
        &format!(
            "paths: {{ /a: {{ GET }} }}\ncomponents: {{ securitySchemes: {{ default: {{ {key}, x-portculis: {{}} }} }} }}"
        ),
        &["PC6001 d#/components/securitySchemes/default/x-portculis"],
    );
    let schema = |text: &str| format!("paths: {{ /a: {{ GET }} }}\ncomponents: {{ schemas: {{ default: {text} }} }}");
    check(
        &schema("{ properties: { example: { x-portcullis: {} } } }"),
        &["PC6005 d#/components/schemas/default/properties/example/x-portcullis"],
    );
    check(&schema("{ default: { x-portcullis: {} }, enum: [{ x-portculis: {} }], const: { x-portculis: {} } }"), &[]);
    check(&schema("{ properties: { x-portculis: {} } }"), &[]);
    check("paths: { /a: { GET } }\nwebhooks: { w: { x-portcullis: {}, GET } }", &[]);
    let verification = "issuer: a, audience: b, jwks: 'https://c'";
    check_with(
        "paths: { /a: { GET } }\ncomponents: { securitySchemes: { s: { $ref: 'part.yaml' } } }",
        &format!("type: http\nscheme: bearer\nx-portcullis: {{ {verification} }}"),
        &[],
    );
}

#[test]
fn a_server_path_keeps_its_empty_segments() {
    let routes = |url: &str| -> Vec<String> {
        let compiled = compile_texts(
            &[("d", &document(&format!("servers: [{{ url: '{url}' }}]\npaths: {{ /a: {{ GET }} }}")))],
            lenient(),
        );
        let artifact = support::artifact(compiled);
        artifact.routes.operations[0].routes.iter().map(|route| route.template.to_string()).collect()
    };
    assert_eq!(routes("http://h//v1"), ["//v1/a"]);
    assert_eq!(routes("http://h/v0/..//v1"), ["//v1/a"]);
    assert_eq!(routes("http://h"), ["/a"]);
}

#[test]
fn an_upstream_is_right_even_where_nobody_goes() {
    for upstream in [None, lenient().upstream] {
        let options = || Options { upstream: upstream.clone(), ..lenient() };
        let check = |extension: &str, operation: &str, expected: &[&str]| {
            let rest = format!(
                "servers: [{{ url: 'http://h' }}]\nx-portcullis: {{ {extension} }}\npaths: {{ /a: {{ x-portcullis: {{ {operation} }}, GET }} }}"
            );
            assert_eq!(faults(&compile_texts(&[("d", &document(&rest))], options())), expected, "{rest} {upstream:?}");
        };
        let target = "PC4005 d#/x-portcullis/upstreams/u/targets/0";
        check("upstreams: { u: { targets: ['http://u:p@h'] } }", "", &[target]);
        check("upstreams: { u: { targets: ['http://h/?a'] } }", "", &[target]);
        check(
            "upstreams: { u: { targets: ['http://h'], health: { path: / } } }",
            "",
            &["PC6004 d#/x-portcullis/upstreams/u/health"],
        );
        check("upstream: nosuch", "upstream: off", &["PC4006 d#/x-portcullis/upstream"]);
        check("", "upstream: nosuch", &["PC4006 d#/paths/~1a/x-portcullis/upstream"]);
        check("", "upstream: 'http://u:p@h'", &["PC4005 d#/paths/~1a/x-portcullis/upstream"]);
        check("upstreams: { u: { targets: ['http://h'] } }, upstream: u", "upstream: off", &[]);
    }
}

#[test]
fn an_overlay_is_for_the_document_it_names_or_for_none() {
    let extends = |extends: &str, expected: &[&str]| {
        let overlay = format!(
            "overlay: 1.0.0\nextends: {extends}\ninfo: {{ title: o, version: '1' }}\nactions: [{{ target: $.nothing, update: {{}} }}]\n"
        );
        let files = MemoryFiles::new().with("api/d.yaml", document("paths: { /a: { GET } }")).with("o.yaml", overlay);
        let (specs, overlays) = (vec!["api/d.yaml".to_owned()], vec!["o.yaml".to_owned()]);
        let compiled = compile(&Input { specs, overlays, fence: Fence::default(), files: &files, options: lenient() });
        assert_eq!(faults(&compiled), expected, "{extends}");
    };
    extends("api/d.yaml", &["warning PC1203 o.yaml#/actions/0/target"]);
    for other in ["d.yaml", "../api/d.yaml", "https://example.com/d.yaml"] {
        extends(other, &["PC1205 o.yaml#/extends"]);
    }
}

#[test]
fn a_long_chain_of_references_is_refused() {
    let chain = |links: usize| {
        let link = |at: usize| format!("    p{at}: {{ $ref: '#/components/parameters/p{}' }}\n", at + 1);
        let links: String = (0..links).map(link).collect();
        let rest = format!(
            "paths: {{ /a: {{ parameters: [{{ $ref: '#/components/parameters/p0' }}], GET }} }}\ncomponents:\n  parameters:\n{links}"
        );
        let end = format!("    p{}: {{ name: p, in: query, schema: {{}} }}\n", links.lines().count());
        compile_texts(&[("d", &document(&(rest + &end)))], lenient())
    };
    assert_eq!(faults(&chain(99)), [""; 0]);
    // Following each link anew would take hours.
    assert_eq!(faults(&chain(20_000))[0], "PC1005 d#/paths/~1a/parameters/0/$ref");
}

#[test]
fn a_named_folder_is_the_fence_of_references() {
    let fenced = |fence: Fence, expected: &[&str]| {
        let document = document("paths: { /a: { $ref: ../shared/a.yaml } }");
        let part = "GET".replace("GET", GET);
        let files = MemoryFiles::new().with("api/d.yaml", document).with("shared/a.yaml", part);
        let specs = vec!["api/d.yaml".to_owned()];
        let input = Input { specs, overlays: Vec::new(), fence, files: &files, options: lenient() };
        assert_eq!(faults(&compile(&input)), expected);
    };
    fenced(Fence::Documents, &["PC1102 api/d.yaml#/paths/~1a/$ref"]);
    fenced(Fence::Files, &[]);
}

#[test]
fn the_actions_of_an_overlay_do_not_each_cost_the_whole_document() {
    let values = "1, ".repeat(300_000);
    let document = document(&format!("paths: {{ /a: {{ GET }} }}\nx-data: [{values}]"));
    let action = "- { target: $.info, update: { title: T } }\n";
    let overlay = format!("overlay: 1.0.0\ninfo: {{ title: o, version: '1' }}\nactions:\n{}", action.repeat(3_000));
    let files = MemoryFiles::new().with("d.yaml", document).with("o.yaml", overlay);
    let (specs, overlays) = (vec!["d.yaml".to_owned()], vec!["o.yaml".to_owned()]);
    let input = Input { specs, overlays, fence: Fence::default(), files: &files, options: lenient() };
    let start = std::time::Instant::now();
    assert_eq!(faults(&compile(&input)), [""; 0]);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn what_of_an_encoding_is_dropped_is_warned_about() {
    let encoding = "encoding: { a: { encoding: {}, prefixEncoding: [], itemEncoding: {}, headers: { X-A: { content: { text/plain: {} } } } } }";
    let rest = format!(
        "paths: {{ /a: {{ post: {{ requestBody: {{ content: {{ multipart/form-data: {{ {encoding} }} }} }}, responses: {{ default: {{ description: d }} }} }} }} }}"
    );
    let compiled = compile_texts(&[("d", &document(&rest))], lenient());
    let at = "d#/paths/~1a/post/requestBody/content/multipart~1form-data/encoding/a";
    let found: Vec<String> = faults(&compiled).into_iter().filter(|fault| fault.contains("PC7009")).collect();
    let expected = ["encoding", "prefixEncoding", "itemEncoding", "headers/X-A/content"];
    assert_eq!(found, expected.map(|field| format!("warning PC7009 {at}/{field}")));
}

#[test]
fn no_two_operations_have_one_id() {
    let ids = |rest: &str| -> Vec<String> {
        let artifact = support::artifact(compile_texts(&[("d", &document(rest))], lenient()));
        artifact.routes.operations.into_iter().map(|operation| operation.id).collect()
    };
    let plain = "put: { responses: { default: { description: d } } }";
    let named = plain.replace("put: {", "put: { operationId: 'PUT /b',");
    assert_eq!(ids(&format!("paths: {{ /a: {{ {named} }}, /b: {{ {plain} }} }}")), ["PUT /b", "PUT /b (2)"]);
    assert_eq!(ids(&format!("paths: {{ /b: {{ {plain} }}, /a: {{ {named} }} }}")), ["PUT /b", "PUT /a"]);
}

#[test]
fn a_remedy_is_one_that_helps() {
    let scheme = "components: { securitySchemes: { s: { type: http, scheme: bearer } } }";
    let text = document(&format!("security: [{{ s: [] }}]\npaths: {{ /a: {{ GET }} }}\n{scheme}"));
    let compiled = compile_texts(&[("d", &text)], Options { security: SecurityMode::Enforce, ..lenient() });
    let hints: Vec<&str> = compiled.diagnostics.iter().filter_map(|one| one.diagnostic.hint.as_deref()).collect();
    let proposes_issuer = hints.iter().any(|hint| hint.contains("issuer"));
    assert_eq!(proposes_issuer, Feature::JwtVerification.since().is_some(), "{hints:?}");
    assert!(hints[0].contains("--security presence"), "{hints:?}");
}

#[test]
fn a_fault_is_reported_once() {
    check("paths: { a: { GET } }", &["PC2007 d#/paths/a"]);
    let other = |method: &str| {
        format!(
            "paths: {{ /a: {{ additionalOperations: {{ {method}: {{ responses: {{ default: {{ description: d }} }} }} }} }} }}"
        )
    };
    check(&other("POST"), &["PC2007 d#/paths/~1a/additionalOperations/POST"]);
    check(&other("CONNECT"), &["PC3007 d#/paths/~1a/additionalOperations/CONNECT"]);
    let compiled = compile_texts(&[("d", &document("servers: [{ url: //h/a }]\npaths: { /a: { GET } }"))], lenient());
    let found: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
    assert!(found[0].contains("no scheme"), "{found:?}");
}

#[test]
fn a_number_is_above_zero_however_small() {
    let used = "parameters: [{ name: p, in: query, schema: { multipleOf: NUMBER } }]";
    let check = |number: &str, expected: &[&str]| {
        let used = used.replace("NUMBER", number);
        check(&format!("paths: {{ /a: {{ {used}, GET }} }}"), expected);
    };
    check("1e-400", &[]);
    let at = "PC7001 d#/paths/~1a/parameters/0/schema/multipleOf";
    check("0.0e5", &[at]);
    check("-1e-400", &[at]);
}

#[test]
fn a_schema_that_nobody_uses_is_looked_at_too() {
    let rest = "paths: { /a: { GET } }\ncomponents: { schemas: { A: { minLength: -1, tpye: string, items: { $ref: '#/components/schemas/B' } }, B: { pattern: 1 } } }";
    let at = "d#/components/schemas";
    check(
        rest,
        &[
            &format!("warning PC7001 {at}/A/minLength"),
            &format!("warning PC7004 {at}/A/tpye"),
            &format!("warning PC7001 {at}/B/pattern"),
        ],
    );
    let compiled = compile_texts(&[("d", &document(rest))], lenient());
    assert!(support::artifact(compiled).schemas.schemas.is_empty());
}
