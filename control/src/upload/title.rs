//! What an API is called, by a look at its document: enough to suggest a name, which the uploader may give instead. YAML
//! is not parsed for it, since what is hostile is parsed in a process of its own.

use serde::Deserialize;

/// The longest title that is looked at, in bytes.
const TITLE_BYTES_MAX: usize = 256;

#[derive(Deserialize)]
struct Document {
    info: Info,
}

#[derive(Deserialize)]
struct Info {
    title: String,
}

/// The field `title` of `info`, if the look finds it.
pub fn title(document: &[u8]) -> Option<String> {
    let text = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document).trim_ascii_start();
    let mut title = if text.starts_with(b"{") {
        // Skips what it does not keep, and ends at 128 levels.
        serde_json::from_slice::<Document>(text).ok()?.info.title
    } else {
        in_yaml(text)?
    };
    let end = title.floor_char_boundary(TITLE_BYTES_MAX);
    title.truncate(end);
    Some(title)
}

fn in_yaml(text: &[u8]) -> Option<String> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let rest = lines.find_map(|line| line.strip_prefix(b"info:"))?.trim_ascii();
    if let Some(flow) = rest.strip_prefix(b"{") {
        return flow.split(|byte| b",}".contains(byte)).find_map(titled);
    }
    let fields = lines.filter(|line| !line.is_empty() && !line.trim_ascii().starts_with(b"#"));
    let mut fields = fields.take_while(|line| line.starts_with(b" ")).peekable();
    let indentation = fields.peek().map(|line| line.len() - line.trim_ascii_start().len())?;
    fields.find_map(|line| line.get(indentation..).filter(|field| !field.starts_with(b" ")).and_then(titled))
}

/// The text after `title:`.
fn titled(field: &[u8]) -> Option<String> {
    let value = std::str::from_utf8(field.trim_ascii().strip_prefix(b"title:")?).ok()?.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.split(quote).next());
    let plain = || value.split(" #").next().unwrap_or_default().trim();
    let title = quoted.unwrap_or_else(plain);
    // A text over several lines is none that is seen here.
    (!title.is_empty() && !title.starts_with(['|', '>', '&', '*', '!'])).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, expected: Option<&str>) {
        assert_eq!(title(document.as_bytes()).as_deref(), expected, "{document}");
    }

    #[test]
    fn a_title_is_seen_where_it_is_usually_written() {
        check("openapi: 3.1.0\ninfo:\n  title: Pet Store # ours\n  version: 1.0.0\n", Some("Pet Store"));
        check(
            "info:\r\n    # which\r\n\r\n    contact:\r\n      title: x\r\n    title: \"Pets: all\"\r\n",
            Some("Pets: all"),
        );
        check("openapi: 3.1.0\ninfo: { version: '1', title: 'Pets' }\n", Some("Pets"));
        check("{\"paths\": {\"/a\": [1e999]}, \"info\": {\"version\": \"1\", \"title\": \"Pets\"}}", Some("Pets"));
        check("components:\n  info:\n    title: x\n", None);
        check("info:\n  version: 1\npaths:\n  title: x\n", None);
        check("info:\n  title: >\n    folded\n", None);
        check("info:\n", None);
        check("{\"info\": {\"title\": 1}}", None);
        check("{\"info\":", None);
        check("", None);
    }

    #[test]
    fn a_long_title_is_cut_between_characters() {
        let long = format!("info:\n  title: {}\n", "\u{20ac}".repeat(100));
        assert_eq!(title(long.as_bytes()).map(|title| title.len()), Some(255));
    }
}
