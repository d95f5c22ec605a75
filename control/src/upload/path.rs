//! What an uploaded file may be called.

use thiserror::Error;

use super::PATH_BYTES_MAX;

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// Nothing, or nothing between two slashes.
    #[error("a part of it is empty")]
    Empty,
    /// Too long to be shown, kept and written anywhere.
    #[error("it is longer than {PATH_BYTES_MAX} bytes")]
    TooLong,
    /// It begins with a slash.
    #[error("it is absolute")]
    Absolute,
    /// `.` or `..`.
    #[error("it has a part `.` or `..`")]
    Dots,
    /// A separator on some systems and none on others.
    #[error("it has a backslash; paths are separated by `/`")]
    Backslash,
    /// A drive letter on some systems, and a scheme in a `$ref`.
    #[error("it has a colon")]
    Colon,
    /// NUL, a line break, an escape.
    #[error("it has a control character")]
    Control,
    /// Of an archive that is not written in UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
}

/// What a file is to us, by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Document,
    Archive,
    Other,
}

/// Whether a path means the same wherever it is read.
pub(super) fn check(path: &str) -> Result<(), Fault> {
    if path.len() > PATH_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    if path.starts_with('/') {
        return Err(Fault::Absolute);
    }
    if path.contains('\\') {
        return Err(Fault::Backslash);
    }
    if path.contains(':') {
        return Err(Fault::Colon);
    }
    if path.chars().any(char::is_control) {
        return Err(Fault::Control);
    }
    match path.split('/').find(|part| ["", ".", ".."].contains(part)) {
        Some("") => Err(Fault::Empty),
        Some(_) => Err(Fault::Dots),
        None => Ok(()),
    }
}

/// What the extension of a path says.
pub(super) fn class(path: &str) -> Class {
    match path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("yaml" | "yml" | "json") => Class::Document,
        Some("zip" | "tar" | "gz" | "tgz" | "bz2" | "xz" | "zst" | "7z" | "rar" | "jar") => Class::Archive,
        Some(_) | None => Class::Other,
    }
}

/// A path as it is told apart from others. Where case does not count, two of them would be one file.
pub(super) fn folded(path: &str) -> String {
    path.to_lowercase()
}

/// A path of somebody else for a message: cut, and without what a terminal would obey.
pub(super) fn shown(path: &str) -> String {
    const CHARACTERS_MAX: usize = 120;
    let cut: String = path.chars().take(CHARACTERS_MAX).collect();
    let more = if cut.len() < path.len() { "..." } else { "" };
    format!("{}{more}", cut.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_the_same_everywhere() {
        let longest = "p".repeat(PATH_BYTES_MAX);
        for path in ["openapi.yaml", "api/v1/a b.json", "...", "..a/b..", "\u{e9}/\u{1f600}.yaml", &longest] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        for (path, fault) in [
            ("", Fault::Empty),
            ("a//b.yaml", Fault::Empty),
            ("a/", Fault::Empty),
            ("/etc/passwd", Fault::Absolute),
            ("../a.yaml", Fault::Dots),
            ("a/../../b.yaml", Fault::Dots),
            ("./a.yaml", Fault::Dots),
            ("a\\..\\b.yaml", Fault::Backslash),
            ("C:/a.yaml", Fault::Colon),
            ("a.yaml:stream", Fault::Colon),
            ("a\0.yaml", Fault::Control),
            ("a\n.yaml", Fault::Control),
            ("a\u{9b}31m.yaml", Fault::Control),
            (&format!("{longest}p"), Fault::TooLong),
        ] {
            assert_eq!(check(path), Err(fault), "{path:?}");
        }
    }

    #[test]
    fn a_path_is_shown_without_what_a_terminal_obeys() {
        assert_eq!(shown("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(shown(&"p".repeat(1000)).len(), 123);
    }
}
