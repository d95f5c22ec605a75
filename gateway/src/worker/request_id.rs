//! Request ids: 128 bits in hexadecimal, unique without asking anyone.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use http::HeaderValue;

/// Makes ids: 64 bits drawn once, then a count from a number drawn once.
#[derive(Debug)]
pub(super) struct RequestIds {
    prefix: u64,
    next: Cell<u64>,
}

impl Default for RequestIds {
    fn default() -> Self {
        // The standard library's hasher keys are random; ids need to be unique, not secret.
        let drawn = || RandomState::new().hash_one(std::time::Instant::now());
        Self { prefix: drawn(), next: Cell::new(drawn()) }
    }
}

impl RequestIds {
    /// A new id.
    pub(super) fn next(&self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let count = self.next.get();
        self.next.set(count.wrapping_add(1));
        let mut text = [0; 32];
        let bytes = self.prefix.to_be_bytes().into_iter().chain(count.to_be_bytes());
        for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("0"))
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
