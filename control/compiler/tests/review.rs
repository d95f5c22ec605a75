//! What a document must not say in silence: each of these once compiled, or cost more than it says.

#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

mod support;

use compiler::document::MemoryFiles;
use compiler::{Compiled, Input, Options, compile};
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
    check_with(path, "get: { x-portculis: {}, responses: { '204': { description: Done } } }", &["PC6001 part.yaml#/get/x-portculis"]);
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
    let scheme = "issuer: a, audience: b, jwks: 'https://c'";
    check_with(
        "paths: { /a: { GET } }\ncomponents: { securitySchemes: { s: { $ref: 'part.yaml' } } }",
        &format!("type: http\nscheme: bearer\nx-portcullis: {{ {scheme} }}"),
        &[],
    );
}
