//! Reads strings: borrowed from the text where nothing in them is escaped, decoded into the tree's own where it is.

use super::error::{Error, ErrorKind};
use super::reader::Reader;
use super::tree::{Kind, Origin};

impl Reader<'_, '_> {
    /// RFC 8259 section 7.
    pub(super) fn string(&mut self) -> Result<(), Error> {
        let start = self.at + 1;
        let Some(length) = plain_length(&self.bytes[start..]) else {
            self.at = self.bytes.len();
            return self.fail(ErrorKind::End);
        };
        self.at = start + length;
        match self.bytes[self.at] {
            b'"' => {
                self.push(Kind::String, Origin::Source, (start, self.at))?;
                self.at += 1;
                Ok(())
            }
            b'\\' => self.string_with_escapes(start),
            _ => self.fail(ErrorKind::Control),
        }
    }

    fn string_with_escapes(&mut self, start: usize) -> Result<(), Error> {
        let first = self.tree.text.len();
        let mut plain = start;
        loop {
            let Some(byte) = self.bytes.get(self.at) else { return self.fail(ErrorKind::End) };
            match byte {
                b'"' => break,
                b'\\' => {
                    self.tree.text.push_str(&self.source[plain..self.at]);
                    let character = self.escape()?;
                    self.tree.text.push(character);
                    plain = self.at;
                }
                0..=0x1F => return self.fail(ErrorKind::Control),
                _ => self.at += 1,
            }
        }
        self.tree.text.push_str(&self.source[plain..self.at]);
        self.push(Kind::String, Origin::Own, (first, self.tree.text.len()))?;
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<char, Error> {
        let Some(byte) = self.bytes.get(self.at + 1) else { return self.fail(ErrorKind::End) };
        let character = match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return self.fail(ErrorKind::Escape),
        };
        self.at += 2;
        Ok(character)
    }

    /// A surrogate without its other half is no character, and readers differ in what they make of it.
    fn unicode_escape(&mut self) -> Result<char, Error> {
        let Some(first) = self.hex(self.at) else { return self.fail(ErrorKind::Escape) };
        let second = (0xD800..0xDC00).contains(&first).then(|| self.hex(self.at + 6)).flatten();
        let (units, length) = match second {
            Some(second) => ([first, second], 12),
            None => ([first, 0], 6),
        };
        let mut characters = char::decode_utf16(units[..length / 6].iter().copied());
        match (characters.next(), characters.next()) {
            (Some(Ok(character)), None) => {
                self.at += length;
                Ok(character)
            }
            _ => self.fail(ErrorKind::Escape),
        }
    }

    /// The four digits of a `\u` at `offset`.
    fn hex(&self, offset: usize) -> Option<u16> {
        let digits = self.bytes.get(offset..offset + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |sum, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some(sum << 4 | u16::try_from(digit).ok()?)
        })
    }
}

/// How many bytes come before a quotation mark, a backslash or a control character; `None` if none of them comes.
///
/// Eight bytes at a time: a byte is one of them if taking 1 from what differs borrows from its high bit. A borrow may
/// run on into higher bytes, so only the lowest mark counts, which is the one that is looked for.
fn plain_length(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let mut words = bytes.chunks_exact(8);
    let mut done = 0;
    for word in words.by_ref() {
        let word = u64::from_le_bytes([word[0], word[1], word[2], word[3], word[4], word[5], word[6], word[7]]);
        let (quote, backslash) = (word ^ (ONES * u64::from(b'"')), word ^ (ONES * u64::from(b'\\')));
        let below_space = word.wrapping_sub(ONES * 0x20) & !word;
        let marks = (quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash) | below_space;
        let marks = marks & HIGHS;
        if marks != 0 {
            return Some(done + marks.trailing_zeros() as usize / 8);
        }
        done += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1F);
    words.remainder().iter().position(is_special).map(|length| done + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        for special in [b'"', b'\\', 0, b'\n', 0x1F] {
            for at in 0..20 {
                // Behind it another one, and bytes beside those that are looked for.
                let mut bytes = [b' ', b'!', b'#', b'[', b']', 0x7F, 0x80, 0xFF].repeat(3);
                (bytes[at], bytes[at + 1]) = (special, b'"');
                assert_eq!(plain_length(&bytes), Some(at), "{special} at {at}");
            }
        }
        assert_eq!(plain_length("no mark, in any of these bytes".as_bytes()), None);
        assert_eq!(plain_length(b""), None);
    }
}
