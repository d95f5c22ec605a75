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
