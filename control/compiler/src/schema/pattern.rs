//! Regular expressions (ECMA-262), each tried with the engines that the gateway has.

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
        let takes = |engine: &Patterns| is_pattern(pattern, *engine).is_ok();
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
                sink.error(Code::PatternInvalid, place, message).hint(
                    "a brace that counts nothing is written `\\{`; lengths are counted by `minLength` and `maxLength`",
                );
            }
        }
    }
}
