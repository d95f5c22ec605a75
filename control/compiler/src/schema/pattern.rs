//! Regular expressions (ECMA-262), each tried with the engines that the gateway has.

use std::borrow::Cow;
use std::collections::HashMap;

use artifact_format::model::Patterns;
use contract::schema::is_pattern;

use super::collector::Collector;
use crate::diagnostic::{Code, Place, Sink};

/// The expressions tried so far, and what those that are to be in the artifact need.
#[derive(Debug, Default)]
pub(super) struct PatternBook {
    /// The least that an expression needs; `None` where no engine takes it.
    known: HashMap<String, Option<Patterns>>,
    needed: Patterns,
}

impl PatternBook {
    /// What the expressions need that were looked at.
    pub(super) fn needed(&self) -> Patterns {
        self.needed
    }

    /// Forgets what was needed since it was `needed`.
    pub(super) fn reset(&mut self, needed: Patterns) {
        self.needed = needed;
    }

    fn least(&mut self, pattern: &str) -> Option<Patterns> {
        if let Some(known) = self.known.get(pattern) {
            return *known;
        }
        let takes = |engine: &Patterns| is_pattern(pattern, *engine);
        let least = [Patterns::Linear, Patterns::Backtracking].into_iter().find(takes);
        self.known.insert(pattern.to_owned(), least);
        least
    }
}

impl Collector<'_> {
    /// Reports an expression that cannot be matched, or not with what the document allows.
    pub(super) fn look_at_pattern(&mut self, (pattern, place): (&str, Place), allowed: Patterns, sink: &mut Sink) {
        match (self.patterns.least(pattern), allowed) {
            (Some(Patterns::Linear), _) => {}
            (Some(Patterns::Backtracking), Patterns::Backtracking) => self.patterns.needed = Patterns::Backtracking,
            (Some(Patterns::Backtracking), Patterns::Linear) => {
                let message = format!(
                    "`{pattern}` looks around or refers back, which takes time that grows faster than the text"
                );
                sink.error(Code::PatternNotLinear, place, message).hint(
                    "write it without, or accept the cost, which is bounded: `x-portcullis: { validation: { patterns: backtracking } }`",
                );
            }
            (None, _) => {
                let message = format!("`{pattern}` is not a regular expression of ECMA-262, or one too large");
                sink.error(Code::PatternInvalid, place, message)
                    .hint("lengths are counted by `minLength` and `maxLength`");
            }
        }
    }
}

/// A brace that counts nothing, such as that of `^/pets/{id}$`, means itself where browsers read the expression
/// (ECMA-262 annex B.1.2). Engines differ about it, so it is escaped.
pub(super) fn with_braces_escaped(pattern: &str) -> Cow<'_, str> {
    let mut escaped = String::new();
    let mut kept = 0;
    let mut is_in_class = false;
    let mut characters = pattern.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                let class = characters.next().filter(|(_, class)| matches!(class, 'p' | 'P' | 'u' | 'x'));
                // The brace of `\p{L}` belongs to the escape.
                if class.is_some() && characters.as_str().starts_with('{') {
                    characters.next();
                }
            }
            '[' => is_in_class = true,
            ']' => is_in_class = false,
            '{' if !is_in_class && !is_quantifier(&pattern[at + 1..]) => {
                escaped.extend([&pattern[kept..at], "\\"]);
                kept = at;
            }
            _ => {}
        }
    }
    if kept == 0 && escaped.is_empty() {
        return pattern.into();
    }
    escaped.push_str(&pattern[kept..]);
    escaped.into()
}

/// Whether what follows a brace makes it a quantifier: `{2}`, `{2,}`, `{2,3}`.
fn is_quantifier(rest: &str) -> bool {
    let counts = rest.split_once('}').map(|(counts, _)| counts.split_once(',').unwrap_or((counts, "")));
    let is_count = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    counts.is_some_and(|(least, most)| !least.is_empty() && is_count(least) && is_count(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_that_count_nothing_mean_themselves() {
        for (written, expected) in [
            ("a", "a"),
            ("a{2}b{2,}c{2,3}", "a{2}b{2,}c{2,3}"),
            ("^/pets/{id}$", r"^/pets/\{id}$"),
            ("{", r"\{"),
            ("{{", r"\{\{"),
            ("a{,2}", r"a\{,2}"),
            ("a{2,3,4}", r"a\{2,3,4}"),
            (r"\{a", r"\{a"),
            (r"\\{a", r"\\\{a"),
            ("[{]{a", r"[{]\{a"),
            (r"[\]{]{a", r"[\]{]\{a"),
            (r"\p{L}\u{61}{a", r"\p{L}\u{61}\{a"),
            ("é{é", r"é\{é"),
            ("^(?:{[0-9a-f]{4}})$", r"^(?:\{[0-9a-f]{4}})$"),
        ] {
            assert_eq!(with_braces_escaped(written), expected, "{written}");
        }
    }
}
