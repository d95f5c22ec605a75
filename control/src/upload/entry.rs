//! Where the API begins.
//!
//! A document is not parsed for that: what is hostile is parsed in a process of its own, when it is built. A look at the
//! text tells which documents have a field `openapi` at their top level. Where the look is wrong, the document says so
//! when it is built, or the caller names the entry.

use super::path::shown;
use super::{Document, Error};

const FIELD: &[u8] = b"openapi";

/// The entries that were named, else the one that there must be.
pub(super) fn choose(files: &[Document], named: &[String]) -> Result<Vec<String>, Error> {
    if files.is_empty() {
        return Err(Error::NoDocument);
    }
    if let Some(missing) = named.iter().find(|entry| files.iter().all(|file| file.path != **entry)) {
        return Err(Error::EntryMissing { entry: shown(missing) });
    }
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    if let [only] = files {
        return Ok(vec![only.path.clone()]);
    }
    let depth = |file: &&Document| file.path.matches('/').count();
    let entries: Vec<&Document> = files.iter().filter(|file| has_field(&file.bytes)).collect();
    let least = entries.iter().map(depth).min().ok_or(Error::NoEntry)?;
    let candidates = entries.iter().filter(|file| depth(file) == least);
    let candidates: Vec<String> = candidates.map(|file| file.path.clone()).collect();
    if candidates.len() > 1 { Err(Error::Ambiguous { candidates }) } else { Ok(candidates) }
}

/// Whether a text has the field at its top level.
fn has_field(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    if text.starts_with(b"{") { object_has_field(text) } else { text.split(|byte| *byte == b'\n').any(is_field) }
}

/// Whether a line of YAML in block style begins with the field: at the top level nothing else begins a line.
fn is_field(line: &[u8]) -> bool {
    let rest = ["openapi", "\"openapi\"", "'openapi'"].into_iter().find_map(|key| line.strip_prefix(key.as_bytes()));
    rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
}

/// Whether a JSON object has it. A text that is no JSON has it or not; the answer is finite.
fn object_has_field(text: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let start = at + 1;
                at = end_of_string(text, start);
                let rest = text.get(at + 1..).unwrap_or_default().trim_ascii_start();
                if depth == 1 && text.get(start..at) == Some(FIELD) && rest.starts_with(b":") {
                    return true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// Where the quote stands that ends the string whose content begins at `start`.
fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        match text.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') | None => return at.min(text.len()),
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn the_field_is_seen_at_the_top_level_only() {
        for text in [
            "openapi: 3.1.0",
            "# a\n---\nopenapi : 3.0.0\r\n",
            "info: {}\n'openapi': 3.1.0",
            "\u{feff}\"openapi\": 3.1.0",
            "{\"openapi\": \"3.1.0\"}",
            " {\n \"info\": {\"a\": \"}\\\"\"}, \"openapi\" : \"3.1.0\"}",
        ] {
            assert!(has_field(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "a:\n  openapi: 3.1.0",
            "openapis: 3.1.0",
            "openapi",
            "{\"a\": {\"openapi\": \"3.1.0\"}}",
            "{\"a\": \"openapi\"}",
            "{\"a\": \"\\",
            "[\"openapi\"]",
        ] {
            assert!(!has_field(text.as_bytes()), "{text}");
        }
    }

    fn check(paths: &[&str], named: &[&str], expected: Result<&[&str], Error>) {
        let file = |path: &&str| {
            // What is called a part is one.
            let bytes: &[u8] = if path.contains("part") { b"type: object" } else { b"openapi: 3.1.0" };
            Document { path: (*path).to_owned(), bytes: Bytes::from_static(bytes), sha256: [0; 32] }
        };
        let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        let files: Vec<Document> = paths.iter().map(file).collect();
        assert_eq!(choose(&files, &owned(named)), expected.map(owned), "{paths:?} {named:?}");
    }

    #[test]
    fn an_entry_is_named_or_the_only_one_at_the_least_depth() {
        check(&["part.yaml"], &[], Ok(&["part.yaml"]));
        check(&["a.yaml", "part.yaml"], &[], Ok(&["a.yaml"]));
        check(&["api/a.yaml", "api/v1/b.yaml", "part.yaml"], &[], Ok(&["api/a.yaml"]));
        check(&["a.yaml", "b.yaml"], &["b.yaml", "a.yaml"], Ok(&["b.yaml", "a.yaml"]));
        let candidates = vec!["a.yaml".to_owned(), "b.yaml".to_owned()];
        check(&["a.yaml", "b.yaml"], &[], Err(Error::Ambiguous { candidates }));
        check(&["part1.yaml", "part2.yaml"], &[], Err(Error::NoEntry));
        check(&["a.yaml"], &["c.yaml"], Err(Error::EntryMissing { entry: "c.yaml".to_owned() }));
        check(&[], &[], Err(Error::NoDocument));
    }
}
