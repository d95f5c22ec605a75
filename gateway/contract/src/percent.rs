//! Percent-encoding, undone (RFC 3986 section 2.1).

use std::borrow::Cow;

use thiserror::Error;

/// How a text is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// Not at all: header fields, and cookies of style `cookie` (OpenAPI 3.2.0 appendix D).
    None,
    /// By percent-encoding: paths.
    Percent,
    /// As `application/x-www-form-urlencoded`, where `+` is a space: queries and forms.
    Form,
    /// By percent-encoding or not at all: cookies of style `form`. Clients differ about these, and a cookie is no
    /// URI, so a text whose every `%` begins an escape is decoded, and any other one stands for itself.
    Cookie,
}

/// Why a text cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// `%` without two hexadecimal digits.
    #[error("holds a `%` that is not followed by two hexadecimal digits")]
    BadEscape,
    /// Escapes that are not UTF-8.
    #[error("is not UTF-8 once decoded")]
    NotUtf8,
}

/// Decodes a text. Nothing is allocated where it has no escapes.
pub fn decode(text: &str, escapes: Escapes) -> Result<Cow<'_, str>, Error> {
    let bytes = text.as_bytes();
    let first = match escapes {
        Escapes::None => None,
        Escapes::Percent | Escapes::Cookie => memchr::memchr(b'%', bytes),
        Escapes::Form => memchr::memchr2(b'%', b'+', bytes),
    };
    let Some(first) = first else { return Ok(Cow::Borrowed(text)) };
    match decode_from(bytes, first, escapes) {
        Ok(decoded) => Ok(Cow::Owned(decoded)),
        Err(_) if escapes == Escapes::Cookie => Ok(Cow::Borrowed(text)),
        Err(error) => Err(error),
    }
}

fn decode_from(text: &[u8], first: usize, escapes: Escapes) -> Result<String, Error> {
    let mut decoded = Vec::with_capacity(text.len());
    let (plain, mut rest) = text.split_at(first);
    decoded.extend_from_slice(plain);
    while let [byte, tail @ ..] = rest {
        rest = tail;
        decoded.push(match byte {
            b'%' => {
                let [high, low, tail @ ..] = tail else { return Err(Error::BadEscape) };
                rest = tail;
                hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low).ok_or(Error::BadEscape)?
            }
            b'+' if escapes == Escapes::Form => b' ',
            byte => *byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| Error::NotUtf8)
}

/// Escapes everything but unreserved characters (RFC 3986 section 2.3), which every reader understands alike.
pub(crate) fn encode(text: &str, escapes: Escapes) -> String {
    if escapes == Escapes::None {
        return text.to_owned();
    }
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
        encoded
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let text = "a-Z_0.~ +%&=/é\u{1F980}";
        assert_eq!(encode(text, Escapes::Percent), "a-Z_0.~%20%2B%25%26%3D%2F%C3%A9%F0%9F%A6%80");
        for escapes in [Escapes::None, Escapes::Percent, Escapes::Form, Escapes::Cookie] {
            assert_eq!(decode(&encode(text, escapes), escapes).as_deref(), Ok(text));
        }
    }

    #[test]
    fn decodes_as_each_place_asks() {
        for (escapes, text, expected) in [
            (Escapes::None, "a%41+", Ok("a%41+")),
            (Escapes::Percent, "a%41+%2b", Ok("aA++")),
            (Escapes::Form, "a%41+%2b", Ok("aA +")),
            (Escapes::Cookie, "a%41+", Ok("aA+")),
            (Escapes::Cookie, "100% %41", Ok("100% %41")),
            (Escapes::Form, "r%C3%A9", Ok("ré")),
            (Escapes::Form, "é", Ok("é")),
            (Escapes::Form, "%2541", Ok("%41")),
            (Escapes::Form, "%", Err(Error::BadEscape)),
            (Escapes::Percent, "a%4", Err(Error::BadEscape)),
            (Escapes::Percent, "%+1", Err(Error::BadEscape)),
            (Escapes::Form, "%ff", Err(Error::NotUtf8)),
            (Escapes::Form, "é%C3", Err(Error::NotUtf8)),
        ] {
            assert_eq!(decode(text, escapes).as_deref(), expected.as_deref(), "{text}");
        }
    }
}
