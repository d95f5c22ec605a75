//! The header of a part (RFC 7578 sections 4.2 to 4.8).

use std::str;

use super::Error;
use crate::media::{MediaType, Parameters, is_token};

/// The header of a part, borrowed from its text.
#[derive(Debug)]
pub(super) struct Header<'h> {
    /// The name of the form's field.
    pub(super) name: &'h str,
    /// Whether it says that it was a file.
    pub(super) has_filename: bool,
    /// The media type of its content.
    pub(super) content_type: Option<MediaType<'h>>,
    /// Whether its content is encoded for transfer, which RFC 7578 section 4.7 deprecates and many do not undo.
    pub(super) is_encoded: bool,
    text: &'h str,
}

impl<'h> Header<'h> {
    /// Reads lines that end in CR LF, the last one without.
    pub(super) fn parse(text: &'h [u8]) -> Result<Self, Error> {
        let text = str::from_utf8(text).map_err(|_| Error::Header)?;
        let mut names = Vec::new();
        for line in text.split("\r\n") {
            let (name, value) = field(line).ok_or(Error::Header)?;
            let is_text = value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7F));
            if !is_token(name) || !is_text {
                return Err(Error::Header);
            }
            names.push(name.to_ascii_lowercase());
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::RepeatedHeader);
        }
        let disposition = find(text, "content-disposition").ok_or(Error::Disposition)?;
        let (name, has_filename) = disposed(disposition).ok_or(Error::Disposition)?;
        let content_type = find(text, "content-type").map(MediaType::parse).transpose()?;
        let is_encoded = find(text, "content-transfer-encoding").is_some_and(|encoding| {
            !["7bit", "8bit", "binary"].iter().any(|identity| encoding.eq_ignore_ascii_case(identity))
        });
        Ok(Self { name, has_filename, content_type, is_encoded, text })
    }

    /// The value of a field, its name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&'h str> {
        find(self.text, name)
    }
}

fn find<'h>(text: &'h str, name: &str) -> Option<&'h str> {
    text.split("\r\n").filter_map(field).find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn field(line: &str) -> Option<(&str, &str)> {
    line.split_once(':').map(|(name, value)| (name, value.trim_matches([' ', '\t'])))
}

/// The name in a `Content-Disposition: form-data`, and whether there is a `filename`.
///
/// A `\` in quotes quotes the next character (RFC 2183) or is itself (the HTML standard), so names may not hold one
/// and none may stand before a quote. `name*` is read by some and not by others; so is `filename*`, which RFC 7578
/// section 4.2 forbids and .NET always sends, but beside a `filename` it changes nothing that is judged.
fn disposed(disposition: &str) -> Option<(&str, bool)> {
    let (kind, parameters) = disposition.split_at(disposition.find(';')?);
    if !kind.trim_end_matches([' ', '\t']).eq_ignore_ascii_case("form-data") || disposition.contains("\\\"") {
        return None;
    }
    let parameters = Parameters::parse(parameters).ok()?;
    let has_filename = parameters.get("filename").is_some();
    let is_harmless = |name: &str| !name.ends_with('*') || (has_filename && name.eq_ignore_ascii_case("filename*"));
    let name = parameters.get("name")?.raw();
    let is_plain = !name.contains('\\') && parameters.iter().all(|(name, _)| is_harmless(name));
    is_plain.then_some((name, has_filename))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, bool, Option<&str>, bool), Error>) {
        let header = Header::parse(text.as_bytes());
        let read = header.as_ref().map(|header| {
            let content_type = header.content_type.map(|media| media.to_string());
            (header.name, header.has_filename, content_type, header.is_encoded)
        });
        let expected = expected.as_ref();
        let expected = expected.map(|(name, file, media, encoded)| (*name, *file, media.map(str::to_owned), *encoded));
        assert_eq!(read, expected, "{text:?}");
    }

    #[test]
    fn reads_what_browsers_and_curl_write() {
        check(r#"Content-Disposition: form-data; name="a""#, Ok(("a", false, None, false)));
        check("content-disposition:form-data;name=a", Ok(("a", false, None, false)));
        check(
            r#"Content-Disposition: form-data; name="a b%22é"; filename="C:\x.png""#,
            Ok(("a b%22é", true, None, false)),
        );
        check("Content-Disposition: form-data; name=a; filename=b; filename*=utf-8''b", Ok(("a", true, None, false)));
        check(
            "Content-Type: image/png\r\nContent-Disposition: Form-Data; name=\"\"; filename=\"\"\r\nX-Y: z",
            Ok(("", true, Some("image/png"), false)),
        );
        for (encoding, expected) in [("8BIT", false), ("binary", false), ("base64", true)] {
            let text = format!("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: {encoding}");
            check(&text, Ok(("a", false, None, expected)));
        }
    }

    #[test]
    fn refuses_what_readers_differ_about() {
        for text in [
            "",
            "Content-Disposition",
            "Content-Disposition : form-data; name=a",
            " Content-Disposition: form-data; name=a",
            "Content-Disposition: form-data;\r\n name=a",
            "Content-Disposition: form-data; name=a\nX: y",
            "Content-Disposition: form-data; name=a\rX: y",
            "Content-Disposition: form-data; name=a\0",
            "Content-Disposition: form-data; name=a\r\n",
        ] {
            check(text, Err(Error::Header));
        }
        for text in [
            "X: y",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data; filename=a",
            "Content-Disposition: attachment; name=a",
            "Content-Disposition: form-data; name=a; NAME=b",
            r#"Content-Disposition: form-data; name="a\b""#,
            r#"Content-Disposition: form-data; name="a\"b""#,
            r#"Content-Disposition: form-data; name="a"; filename="b\"""#,
            r#"Content-Disposition: form-data; name="a"; filename="b\"; name=\"c""#,
            "Content-Disposition: form-data; name*=utf-8''a; name=b",
            "Content-Disposition: form-data; name=b; filename*=utf-8''a",
            r#"Content-Disposition: form-data; name="a"#,
        ] {
            check(text, Err(Error::Disposition));
        }
        let twice = "Content-Disposition: form-data; name=a\r\ncontent-disposition: form-data; name=b";
        check(twice, Err(Error::RepeatedHeader));
        let text = "Content-Disposition: form-data; name=a\r\nContent-Type: a, b";
        check(text, Err(Error::ContentType(crate::media::Error::Type)));
    }
}
