//! What changed between two revisions of a spec, file by file.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use similar::TextDiff;

use super::digest::Digest;
use super::spec::{File, Revision};

/// How many bytes the texts of a comparison have together at most.
pub const DIFF_BYTES_MAX: usize = 1 << 20;
/// How many lines a file has at most that is compared line by line: what is kept of each is many times its text.
pub const LINES_MAX: usize = 500_000;
/// How long two files are compared before the rest of them counts as replaced.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many lines around a change are shown.
const CONTEXT_LINES: usize = 3;

/// What changed from one revision to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RevisionDiff {
    /// The number of the one.
    pub from: i64,
    /// The number of the other.
    pub to: i64,
    /// The files that are not the same in both, by path.
    pub files: Vec<FileDiff>,
}

/// What changed in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FileDiff {
    /// Its path.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// What it was; absent if it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// What it is; absent if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Digest>,
    /// A unified diff, of a changed file that is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Whether the diff is cut off, or left out, because there would be too much of it.
    pub truncated: bool,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FileChange)]
pub enum Change {
    /// It was not there.
    Added,
    /// It is gone.
    Removed,
    /// It has another content.
    Changed,
}

/// A unified diff, or as much of it as there was room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unified {
    /// Whole lines; absent where a side is not text, or there is no room at all.
    pub text: Option<String>,
    /// Whether there would be more.
    pub is_cut: bool,
}

/// The files that are not the same, by path, without their diffs.
pub fn changes(from: &Revision, to: &Revision) -> Vec<FileDiff> {
    let by_path = |revision: &Revision| -> BTreeMap<String, Digest> {
        let files = revision.files.iter().flatten();
        files.map(|File { path, sha256, .. }| (path.clone(), *sha256)).collect()
    };
    let (old, mut new) = (by_path(from), by_path(to));
    let mut changed = Vec::new();
    for (path, was) in old {
        match new.remove(&path) {
            Some(is) if is == was => {}
            Some(is) => changed.push(FileDiff::new(path, Change::Changed, (Some(was), Some(is)))),
            None => changed.push(FileDiff::new(path, Change::Removed, (Some(was), None))),
        }
    }
    changed.extend(new.into_iter().map(|(path, is)| FileDiff::new(path, Change::Added, (None, Some(is)))));
    changed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    changed
}

impl FileDiff {
    fn new(path: String, change: Change, (from, to): (Option<Digest>, Option<Digest>)) -> Self {
        Self { path, change, from, to, diff: None, truncated: false }
    }
}

/// Compares two contents line by line, into at most so many bytes of text.
pub fn unified(old: &[u8], new: &[u8], bytes_max: usize) -> Unified {
    let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else {
        return Unified { text: None, is_cut: false };
    };
    let has_too_many_lines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').nth(LINES_MAX).is_some();
    if has_too_many_lines(old) || has_too_many_lines(new) || bytes_max == 0 {
        return Unified { text: None, is_cut: true };
    }
    let mut config = TextDiff::configure();
    let diff = config.timeout(PATIENCE).diff_lines(old, new);
    let mut room = Room { bytes: Vec::new(), bytes_max };
    let written = diff.unified_diff().context_radius(CONTEXT_LINES).to_writer(&mut room);
    let Room { mut bytes, .. } = room;
    if written.is_err() {
        // The line that did not fit may be there in part.
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    }
    let text = String::from_utf8(bytes).ok().filter(|text| written.is_ok() || !text.is_empty());
    Unified { text, is_cut: written.is_err() }
}

/// Takes bytes while there is room.
struct Room {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Write for Room {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + chunk.len() > self.bytes_max {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &[u8], new: &[u8], expected: (Option<&str>, bool)) {
        let Unified { text, is_cut } = unified(old, new, 64);
        assert_eq!((text.as_deref(), is_cut), expected);
    }

    #[test]
    fn a_diff_is_of_whole_lines_and_within_its_room() {
        check(b"a\nb\n", b"a\nc\n", (Some("@@ -1,2 +1,2 @@\n a\n-b\n+c\n"), false));
        check(b"a", b"a\n", (Some("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"), false));
        check(b"\xff", b"a", (None, false));
        let long = "long line\n".repeat(20);
        let cut = "@@ -0,0 +1,20 @@\n+long line\n+long line\n+long line\n+long line\n";
        check(b"", long.as_bytes(), (Some(cut), true));
        check(b"", "\n".repeat(LINES_MAX + 1).as_bytes(), (None, true));
        check(b"", "x".repeat(100).as_bytes(), (Some("@@ -0,0 +1 @@\n"), true));
    }
}
