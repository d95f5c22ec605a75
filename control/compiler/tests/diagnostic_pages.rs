//! Every code has a page, every page a code, and the example on a page triggers its code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy knows test functions, not what they call")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use compiler::diagnostic::{Code, Color, Diagnostics, Format};
use compiler::document::MemoryFiles;
use compiler::input::{Fence, Input, Options};

/// What cannot be shown on a page: bytes that are no text, documents too large to print, and what only a hole in the
/// structure check, or in the rules of schemas, would let through.
const WITHOUT_EXAMPLE: &[Code] =
    &[Code::UnreadableFile, Code::Encoding, Code::TooMuch, Code::Unreadable, Code::Unenforceable];

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/diagnostics")
}

fn page(code: Code) -> String {
    let path = pages().join(format!("{code}.md"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{code} has no page {}: {error}", path.display()))
}

/// The files on a page: after a line that names one in backticks, a fenced block.
fn example(page: &str) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix('`').and_then(|rest| rest.strip_suffix("`:")) else { continue };
        let block = lines.by_ref().skip_while(|line| !line.starts_with("```")).skip(1);
        let text: Vec<&str> = block.take_while(|line| *line != "```").collect();
        files = files.with(name, text.join("\n") + "\n");
    }
    files
}

fn check(page: &str) -> Diagnostics {
    let files = example(page);
    let overlays = if page.contains("`overlay.yaml`:") { vec!["overlay.yaml".to_owned()] } else { vec![] };
    let entries = ["openapi.yaml", "openapi-billing.yaml"].map(str::to_owned).into_iter();
    let specs = entries.filter(|name| page.contains(&format!("`{name}`:"))).collect();
    compiler::check(&Input { specs, overlays, fence: Fence::default(), files: &files, options: Options::default() })
}

#[test]
fn every_page_has_a_code() {
    let known: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{code}.md")).collect();
    let written = pages().read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let written: BTreeSet<String> = written.filter(|name| name.starts_with("PC")).collect();
    assert_eq!(written.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn every_code_has_a_page_and_a_line_in_the_list() {
    let list = std::fs::read_to_string(pages().join("README.md")).unwrap();
    for code in Code::ALL {
        let title = format!("# {code}: {}\n", code.title());
        assert!(page(*code).starts_with(&title), "the page of {code} should begin with {title:?}");
        let line = format!("| [{code}]({code}.md) | {} |", code.title());
        assert!(list.contains(&line), "README.md should have the line {line}");
    }
}

#[test]
fn the_example_on_a_page_triggers_its_code() {
    let mut wrong = String::new();
    for code in Code::ALL.iter().copied().filter(|code| !WITHOUT_EXAMPLE.contains(code)) {
        let found = check(&page(code));
        let codes = found.iter().map(|located| located.diagnostic.code);
        // An example of reading need not make a gateway.
        let codes: BTreeSet<Code> = codes.filter(|found| code.number() > 3000 || found.number() < 3000).collect();
        if codes != BTreeSet::from([code]) {
            wrong.extend([code.to_string(), ":\n".to_owned(), found.render(Format::Text, Color::Plain)]);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
