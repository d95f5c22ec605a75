//! The OpenAPI Initiative's own pass and fail documents, and real descriptions, through the structure check.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "clippy knows test functions, not what they call")]

mod corpus;

use std::path::{Path, PathBuf};

use compiler::diagnostic::{Color, Diagnostics, Format};

/// Failing documents that only earn a warning: no request can come to touch what is wrong.
const WARNED: &[(&str, &str)] = &[
    ("v3.1-dev/tests/schema/fail/example-examples.yaml", "examples"),
    ("v3.1-dev/tests/schema/fail/link-object-no-body.yaml", "a link"),
    ("v3.2-dev/tests/schema/fail/example-examples.yaml", "examples"),
    ("v3.2-dev/tests/schema/fail/example-object-old-exclusions.yaml", "an example"),
    ("v3.2-dev/tests/schema/fail/example-object-old-vs-data.yaml", "an example"),
    ("v3.2-dev/tests/schema/fail/example-object-old-vs-ser.yaml", "an example"),
    ("v3.2-dev/tests/schema/fail/example-object-ser-exclusions.yaml", "an example"),
    ("v3.2-dev/tests/schema/fail/xml-attr-exclusion.yaml", "XML hints"),
    ("v3.2-dev/tests/schema/fail/xml-wrapped-exclusion.yaml", "XML hints"),
];

/// Passing documents that are refused, for a reason of ours.
const REFUSED: &[(&str, &str)] = &[
    ("v3.1-dev/tests/schema/pass/security-scheme-object-examples.yaml", "a reference to a URL: nothing is fetched"),
    ("v3.2-dev/tests/schema/pass/security-scheme-object-examples.yaml", "a reference to a URL: nothing is fetched"),
];

fn name(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()
}

fn text(found: &Diagnostics) -> String {
    found.render(Format::Text, Color::Plain)
}

/// Every OpenAPI 3 document in a folder of the corpus that `chosen` likes.
fn checked(folder: &str, chosen: impl Fn(&str) -> bool) -> Option<Vec<(String, Diagnostics)>> {
    let folder = corpus::folder(folder)?;
    let paths: Vec<PathBuf> = corpus::documents(&folder);
    let chosen = paths.into_iter().filter(|path| chosen(&name(path, &folder)));
    Some(chosen.map(|path| (name(&path, &folder), corpus::check(&path))).collect())
}

#[test]
fn what_should_pass_passes() {
    let Some(documents) = checked("oai-schema-tests", |name| name.contains("/pass/")) else { return };
    let refused = documents.iter().filter(|(_, found)| found.errors() > 0).map(|(name, _)| name.as_str());
    assert_eq!(refused.collect::<Vec<_>>(), REFUSED.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    println!("{} documents pass, {} are refused for a reason of ours", documents.len() - REFUSED.len(), REFUSED.len());
    assert!(documents.len() > 60, "the corpus is incomplete: {}", documents.len());
}

#[test]
fn what_should_fail_fails() {
    let Some(documents) = checked("oai-schema-tests", |name| name.contains("/fail/")) else { return };
    let missed: Vec<_> =
        documents.iter().filter(|(_, found)| found.iter().next().is_none()).map(|(name, _)| name).collect();
    assert!(missed.is_empty(), "nothing is said about {missed:?}");
    let warned = documents.iter().filter(|(_, found)| found.errors() == 0).map(|(name, _)| name.as_str());
    assert_eq!(warned.collect::<Vec<_>>(), WARNED.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    println!("{} documents fail, {} are warned about", documents.len() - WARNED.len(), WARNED.len());
    assert!(documents.len() >= 40, "the corpus is incomplete: {}", documents.len());
}

fn check_real(folder: &str, chosen: impl Fn(&str) -> bool, at_least: usize) {
    let Some(documents) = checked(folder, chosen) else { return };
    for (name, found) in &documents {
        assert_eq!(found.errors(), 0, "{name}\n{}", text(found));
    }
    let warnings: usize = documents.iter().map(|(_, found)| found.warnings()).sum();
    println!("{folder}: {} documents, {warnings} warnings", documents.len());
    assert!(documents.len() >= at_least, "the corpus is incomplete: {}", documents.len());
}

#[test]
fn real_descriptions_pass() {
    check_real("specs", |name| !name.contains('/') || name.ends_with("public.v2.yaml"), 8);
    check_real("oai-examples", |name| !name.contains("v2.0") && !name.contains("/petstore-separate/"), 10);
    check_real("readme-oas-examples", |name| name.starts_with("3."), 60);
    check_real("openapi-3.1-collection", |_| true, 20);
}
