//! JSON Pointers (RFC 6901), for requests and for documents alike.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Appends a reference token to `pointer`, escaped (section 3).
pub fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    for character in key.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The pointer to the member called `key` of what `pointer` leads to.
pub fn member(pointer: &str, key: &str) -> String {
    let mut member = pointer.to_owned();
    push_key(&mut member, key);
    member
}

/// Appends an array index to `pointer`.
pub fn push_index(pointer: &mut String, index: usize) {
    // Writing to a String cannot fail.
    let _ = write!(pointer, "/{index}");
}

/// The reference tokens of `pointer`, unescaped (section 4); the empty pointer has none.
pub fn tokens(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(unescape)
}

/// The array index that `token` is: digits without a leading zero.
pub fn index(token: &str) -> Option<usize> {
    let canonical = token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical { token.parse().ok() } else { None }
}

fn unescape(token: &str) -> Cow<'_, str> {
    if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_went_in() {
        let mut pointer = String::new();
        let keys = ["paths", "/a~b/{c}", "", "~1", "200"];
        keys.iter().for_each(|key| push_key(&mut pointer, key));
        assert_eq!(pointer, "/paths/~1a~0b~1{c}//~01/200");
        assert!(tokens(&pointer).eq(keys));
    }

    #[test]
    fn an_index_has_no_leading_zero_and_no_sign() {
        assert_eq!(
            ["0", "12", "01", "-1", "+1", "", "x"].map(index),
            [Some(0), Some(12), None, None, None, None, None]
        );
    }
}
