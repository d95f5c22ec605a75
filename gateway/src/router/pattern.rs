//! Segments of a template that hold a variable beside something else: `{name}.{ext}`, `{base}...{head}`.

use artifact_format::model::{Part, Segment};
use smallvec::SmallVec;

/// Where a variable's value stands: a segment of the path, and the bytes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// Which segment.
    pub segment: u32,
    /// Where the value begins in the segment's normalised spelling.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
}

/// The variables of a match, from left to right. Enough room for nearly every API without an allocation.
pub type Captures = SmallVec<[Capture; 6]>;

/// Literals and variables in turn, matched against one segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Literal(String),
    Variable,
}

impl Pattern {
    pub(super) fn new(segment: &Segment) -> Self {
        let piece = |part: &Part| match part {
            Part::Literal(text) => Piece::Literal(text.clone()),
            Part::Variable(_) => Piece::Variable,
        };
        Self { pieces: segment.parts.iter().map(piece).collect() }
    }

    /// How much of a segment the pattern fixes: more literal text is more specific.
    pub(super) fn specificity(&self) -> usize {
        let literal = |piece: &Piece| match piece {
            Piece::Literal(text) => text.len(),
            Piece::Variable => 0,
        };
        self.pieces.iter().map(literal).sum()
    }

    /// Appends where the variables are, if `text` matches. A variable takes at least one character, and as few
    /// as the rest allows: in `a.tar.gz`, `{name}.{ext}` finds `a` and `tar.gz`.
    pub(super) fn matches(&self, text: &str, segment: u32, captures: &mut Captures) -> bool {
        let before = captures.len();
        let matched = match_pieces(&self.pieces, text, 0, &mut |start, end| {
            let position = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
            captures.push(Capture { segment, start: position(start), end: position(end) });
        });
        // Found from right to left as the recursion returns.
        captures[before..].reverse();
        matched
    }
}

fn match_pieces(pieces: &[Piece], text: &str, at: usize, capture: &mut dyn FnMut(usize, usize)) -> bool {
    let rest = &text[at..];
    match pieces {
        [] => rest.is_empty(),
        [Piece::Literal(literal), others @ ..] => {
            rest.starts_with(literal.as_str()) && match_pieces(others, text, at + literal.len(), capture)
        }
        [Piece::Variable] => {
            if rest.is_empty() {
                return false;
            }
            capture(at, text.len());
            true
        }
        [Piece::Variable, others @ ..] => {
            let mut ends = rest.char_indices().skip(1).map(|(offset, _)| at + offset);
            let end = ends.find(|end| match_pieces(others, text, *end, capture));
            let end = end.or_else(|| {
                (!rest.is_empty() && match_pieces(others, text, text.len(), capture)).then_some(text.len())
            });
            end.is_some_and(|end| {
                capture(at, end);
                true
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use artifact_format::model::PathTemplate;

    use super::*;

    fn check(template: &str, text: &str, expected: Option<&[&str]>) {
        let template: PathTemplate = format!("/{template}").parse().unwrap();
        let mut captures = Captures::new();
        let matched = Pattern::new(&template.segments[0]).matches(text, 0, &mut captures);
        let values = captures.iter().map(|c| &text[c.start as usize..c.end as usize]).collect::<Vec<_>>();
        assert_eq!(matched.then_some(values.as_slice()), expected, "{text}");
        assert!(matched || captures.is_empty());
    }

    #[test]
    fn variables_take_what_the_literals_leave() {
        check("{base}...{head}", "main...topic", Some(&["main", "topic"]));
        check("{base}...{head}", "a...b...c", Some(&["a", "b...c"]));
        check("{base}...{head}", "main..topic", None);
        check("{base}...{head}", "...topic", None);
        check("{name}.{ext}", "a.tar.gz", Some(&["a", "tar.gz"]));
        check("{id}.json", "7.json", Some(&["7"]));
        check("{id}.json", "7.json.json", Some(&["7.json"]));
        check("{id}.json", ".json", None);
        check("v{n}", "v1", Some(&["1"]));
        check("v{n}", "v", None);
        check("{id}:verb", "é:verb", Some(&["é"]));
    }
}
