//! The text of a file, as it was read.

use std::sync::Arc;

use artifact_format::model::{SpecFormat, SpecRole};
use thiserror::Error;

use crate::diagnostic::Position;

/// A file of the compilation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Source {
    pub(super) path: Arc<str>,
    pub(super) role: SpecRole,
    pub(super) format: SpecFormat,
    pub(super) text: Arc<str>,
}

/// Why bytes are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum NotText {
    #[error("the file is written in UTF-16")]
    Utf16,
    #[error("the file is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
}

const BYTE_ORDER_MARK: char = '\u{feff}';

impl Source {
    /// The path, as [`Files`](super::Files) knows it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the file is for.
    pub fn role(&self) -> SpecRole {
        self.role
    }

    /// How it is written.
    pub fn format(&self) -> SpecFormat {
        self.format
    }

    /// The text, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text without a byte order mark.
    pub fn body(&self) -> &str {
        self.text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.text)
    }

    /// Whether the text begins with a byte order mark.
    pub fn has_byte_order_mark(&self) -> bool {
        self.text.starts_with(BYTE_ORDER_MARK)
    }
}

/// Reads bytes as UTF-8.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, NotText> {
    // RFC 8259 and OpenAPI want UTF-8; the editors that write UTF-16 also write the mark that gives it away, and
    // without one the first character, which is ASCII in any JSON or YAML description, shows a zero byte.
    if matches!(bytes.get(..2), Some([0xfe, 0xff] | [0xff, 0xfe] | [0, _] | [_, 0])) {
        return Err(NotText::Utf16);
    }
    String::from_utf8(bytes).map_err(|error| NotText::NotUtf8(error.utf8_error().valid_up_to()))
}

/// How a file is written: by its extension, else by its first character.
pub(super) fn format(path: &str, text: &str) -> SpecFormat {
    match path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("json") => SpecFormat::Json,
        Some("yaml" | "yml") => SpecFormat::Yaml,
        _ if text.trim_start_matches(BYTE_ORDER_MARK).trim_start().starts_with(['{', '[']) => SpecFormat::Json,
        _ => SpecFormat::Yaml,
    }
}

/// Turns byte offsets of one text into lines and columns.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Position { line, column }
    }

    /// The position of the byte column that `serde_json` counts from 1.
    pub(super) fn of_byte_column(&self, line: usize, column: usize) -> Position {
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or(0);
        let mut offset = (start + column.saturating_sub(1)).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        self.position(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let lines = Lines::of("ä: ö\nb: c");
        assert_eq!(lines.position(4), Position { line: 1, column: 4 });
        assert_eq!(lines.position(9), Position { line: 2, column: 3 });
        assert_eq!(lines.of_byte_column(1, 6), Position { line: 1, column: 4 });
    }

    #[test]
    fn text_is_utf_8() {
        assert_eq!(decode(b"\xff\xfe{\0".to_vec()), Err(NotText::Utf16));
        assert_eq!(decode(b"{\0}\0".to_vec()), Err(NotText::Utf16));
        assert_eq!(decode(b"ab\xff".to_vec()), Err(NotText::NotUtf8(2)));
        assert_eq!(decode("\u{feff}a".into()), Ok("\u{feff}a".into()));
    }

    #[test]
    fn an_unknown_extension_is_decided_by_the_text() {
        let formats = ["a.json", "a.YML", "a", "a.txt"].map(|path| format(path, " {}"));
        assert_eq!(formats, [SpecFormat::Json, SpecFormat::Yaml, SpecFormat::Json, SpecFormat::Json]);
        assert_eq!(format("a", "openapi: 3.1.0"), SpecFormat::Yaml);
    }
}
