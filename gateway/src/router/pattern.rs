//! Segments of a template that hold a variable beside something else: `{name}.{ext}`, `{base}...{head}`.

use artifact_format::model::{Part, Segment};
use memchr::memmem;
use smallvec::SmallVec;

use super::RequestPath;

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

impl Capture {
    /// The value, with only escapes of unreserved characters decoded. `raw` is the path that `path` was parsed from.
    pub fn text<'p>(&self, raw: &'p str, path: &'p RequestPath) -> &'p str {
        &path.normalised(raw, self.segment as usize)[self.start as usize..self.end as usize]
    }
}

/// The variables of a match, from left to right. Enough room for nearly every API without an allocation.
pub type Captures = SmallVec<[Capture; 6]>;

/// Literals and variables in turn, matched against one segment: `before`, then variables with text between them,
/// then `after`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    before: String,
    /// What stands between one variable and the next; one fewer than there are variables.
    between: Vec<String>,
    after: String,
}

impl Pattern {
    pub(super) fn new(segment: &Segment) -> Self {
        let mut literals = vec![String::new()];
        for part in &segment.parts {
            match (part, literals.last_mut()) {
                (Part::Literal(text), Some(last)) => last.push_str(text),
                (Part::Variable(_), _) | (Part::Literal(_), None) => literals.push(String::new()),
            }
        }
        let after = literals.pop().unwrap_or_default();
        let between = literals.split_off(literals.len().min(1));
        Self { before: literals.pop().unwrap_or_default(), between, after }
    }

    /// How much of a segment the pattern fixes: more literal text is more specific.
    pub(super) fn specificity(&self) -> usize {
        self.before.len() + self.after.len() + self.between.iter().map(String::len).sum::<usize>()
    }

    /// Appends where the variables are, if `text` matches. A variable takes at least one character, and as few
    /// as the rest allows: in `a.tar.gz`, `{name}.{ext}` finds `a` and `tar.gz`.
    ///
    /// Linear in the text: with both ends fixed, the leftmost place for each literal between leaves the most room
    /// for the others, so nothing is ever tried twice.
    pub(super) fn matches(&self, text: &str, segment: u32, captures: &mut Captures) -> bool {
        let found = captures.len();
        let is_match = self.capture(text, segment, captures).is_some();
        if !is_match {
            captures.truncate(found);
        }
        is_match
    }

    fn capture(&self, text: &str, segment: u32, captures: &mut Captures) -> Option<()> {
        let middle = text.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        let end = self.before.len() + middle.len();
        let mut start = self.before.len();
        for literal in &self.between {
            // One character at least: as UTF-8, whatever its length.
            let first = text.get(start..end)?.chars().next()?.len_utf8();
            let at = start + first + memmem::find(&text.as_bytes()[start + first..end], literal.as_bytes())?;
            captures.push(capture(segment, start, at));
            start = at + literal.len();
        }
        (start < end).then(|| captures.push(capture(segment, start, end)))
    }
}

fn capture(segment: u32, start: usize, end: usize) -> Capture {
    let position = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Capture { segment, start: position(start), end: position(end) }
}

#[cfg(test)]
mod tests {
    use artifact_format::model::PathTemplate;

    use super::*;

    fn pattern(template: &str) -> Pattern {
        let template: PathTemplate = format!("/{template}").parse().unwrap();
        Pattern::new(&template.segments[0])
    }

    fn check(template: &str, text: &str, expected: Option<&[&str]>) {
        let mut captures = Captures::new();
        let matched = pattern(template).matches(text, 0, &mut captures);
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
        check("{base}...{head}", "....x", Some(&[".", "x"]));
        check("{name}.{ext}", "a.tar.gz", Some(&["a", "tar.gz"]));
        check("{name}.{ext}", "a.", None);
        check("{id}.json", "7.json", Some(&["7"]));
        check("{id}.json", "7.json.json", Some(&["7.json"]));
        check("{id}.json", ".json", None);
        check("v{n}", "v1", Some(&["1"]));
        check("v{n}", "v", None);
        check("{id}:verb", "é:verb", Some(&["é"]));
        check("a{x}-{y}a", "a1-2a", Some(&["1", "2"]));
        check("a{x}a", "a", None);
        check("xy{v}yx", "xyx", None);
    }

    /// Backtracking would take longer than the universe has.
    #[test]
    fn hostile_text_costs_no_more_than_its_length() {
        let hostile = "-".repeat(8_000);
        check("{a}-{b}-{c}-{d}-{e}-{f}.json", &hostile, None);
    }

    proptest::proptest! {
        /// The leftmost search finds a match exactly when there is one.
        #[test]
        fn finds_what_an_exhaustive_search_finds(text in "[ab-]{0,8}") {
            fn exhaustive(literals: &[&str], text: &str) -> bool {
                match literals {
                    [last] => text.len() > last.len() && text.ends_with(last),
                    [first, rest @ ..] => (1..=text.len()).any(|at| {
                        text[at..].strip_prefix(first).is_some_and(|left| exhaustive(rest, left))
                    }),
                    [] => false,
                }
            }
            for (template, literals) in [("{x}-{y}a{z}", vec!["-", "a", ""]), ("{x}ab{y}b", vec!["ab", "b"])] {
                let found = pattern(template).matches(&text, 0, &mut Captures::new());
                proptest::prop_assert_eq!(found, exhaustive(&literals, &text));
            }
        }
    }
}
