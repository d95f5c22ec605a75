//! What the libraries that read requests say of them, in words of ours: without the names of types, and not longer than a
//! person reads, however much was sent.

/// The longest part of a request that a refusal repeats, in characters.
const REPEATED_MAX: usize = 64;
/// The longest text, in characters.
const TEXT_MAX: usize = 600;

/// The names of our types, and of the libraries', for people.
const TYPES: &[(&str, &str)] = &[
    ("expected internally tagged enum", "expected an object with a kind of"),
    ("expected a map", "expected an object"),
    ("expected a sequence", "expected a list"),
    ("invalid type: map", "invalid type: object"),
    ("invalid type: sequence", "invalid type: list"),
    ("invalid digit found in string", "not a number"),
    ("cannot parse integer from empty string", "not a number"),
    ("number too large to fit in target type", "too large"),
    ("number too small to fit in target type", "too small"),
    ("unknown field", "unknown"),
    ("missing field", "missing"),
    ("duplicate field", "given twice:"),
];

/// Of a body that is JSON and not what is asked for.
pub(super) fn of_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // The pointer says where it is.
    let end = text.rfind(" at line ").unwrap_or(text.len());
    plain(&text[..end])
}

/// Of a query string.
pub(super) fn of_query(text: &str) -> String {
    let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    // Of one that is not known, the name comes twice.
    plain(text.find("unknown field `").map_or(text, |begin| &text[begin..]))
}

fn plain(text: &str) -> String {
    let text = bounded(text);
    let text = TYPES.iter().fold(text, |text, (theirs, ours)| text.replace(theirs, ours));
    // `struct NewToken`, `u32`: whatever it is called, it is that.
    let mut words = Vec::new();
    let mut rest = text.split(' ');
    while let Some(word) = rest.next() {
        match word.trim_end_matches(',') {
            "struct" => {
                rest.next();
                words.push("an object");
            }
            "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
                words.push("a whole number");
            }
            _ => words.push(word),
        }
    }
    words.join(" ")
}

/// The same with what is quoted of the request cut short.
pub(super) fn bounded(text: &str) -> String {
    let (mut short, mut quote, mut length) = (String::new(), None, 0);
    for letter in text.chars().take(4 * TEXT_MAX * REPEATED_MAX) {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) if length == REPEATED_MAX => {
                short.push('\u{2026}');
                length += 1;
                continue;
            }
            Some(_) if length > REPEATED_MAX => continue,
            Some(_) => length += 1,
            None if letter == '`' || letter == '"' => (quote, length) = (Some(letter), 0),
            None => {}
        }
        short.push(letter);
    }
    match short.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}\u{2026}", &short[..end]),
        None => short,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Wanted {
        count: u32,
        name: String,
    }

    fn check(body: &str, expected: &str) {
        let error = serde_json::from_str::<Wanted>(body).unwrap_err();
        assert_eq!(of_json(&error), expected, "{error}");
    }

    #[test]
    fn a_person_is_told_what_is_wrong() {
        check("[]", "invalid length 0, expected an object with 2 elements");
        check("3", "invalid type: integer `3`, expected an object");
        check(r#"{"count": "x"}"#, r#"invalid type: string "x", expected a whole number"#);
        check(r#"{"count": 1}"#, "missing `name`");
        check(r#"{"cuont": 1}"#, "unknown `cuont`, expected `count` or `name`");
    }

    #[test]
    fn nothing_is_repeated_at_length() {
        let long = "x".repeat(100_000);
        check(
            &format!(r#"{{"{long}": 1}}"#),
            &format!("unknown `{}\u{2026}`, expected `count` or `name`", &long[..64]),
        );
        let text = of_query(&format!("Failed to deserialize query string: {long}"));
        assert_eq!(text.chars().count(), TEXT_MAX + 1);
    }
}
