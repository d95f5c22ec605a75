//! Request ids: 128 bits in hexadecimal, unique without asking anyone.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use http::HeaderValue;

/// Makes ids: 64 bits drawn once, then a count from a number drawn once.
#[derive(Debug)]
pub(super) struct RequestIds {
    /// An id, of which the first half stays.
    text: [u8; 32],
    next: Cell<u64>,
}

impl Default for RequestIds {
    fn default() -> Self {
        // The standard library's hasher keys are random; ids need to be unique, not secret.
        let drawn = || RandomState::new().hash_one(std::time::Instant::now());
        let mut text = [0; 32];
        write_hexadecimal(drawn(), &mut text[..16]);
        Self { text, next: Cell::new(drawn()) }
    }
}

impl RequestIds {
    /// A new id.
    pub(super) fn next(&self) -> HeaderValue {
        let count = self.next.get();
        self.next.set(count.wrapping_add(1));
        let mut text = self.text;
        write_hexadecimal(count, &mut text[16..]);
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("0"))
    }
}

/// Writes a number from its last digit to its first, in all of `room`.
fn write_hexadecimal(number: u64, room: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut left = number;
    for digit in room.iter_mut().rev() {
        *digit = DIGITS[(left & 15) as usize];
        left >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_have_one_shape() {
        let (ids, others) = (RequestIds::default(), RequestIds::default());
        let (a, b, c) = (ids.next(), ids.next(), others.next());
        assert!(a != b && b != c && a != c);
        assert!(a.len() == 32 && a.as_bytes().iter().all(u8::is_ascii_hexdigit));
    }
}
