//! How differences are shown.

use std::fmt::Write as _;

use serde::Serialize;

use crate::diff::{Change, Diff, Guard, Kind, Severity};
use crate::output::{Show, printable};

/// The differences with their counts: what scripts rely on.
#[derive(Debug, Serialize)]
pub(in crate::command) struct Report<'d> {
    different: bool,
    breaking: usize,
    review: usize,
    compatible: usize,
    authentication_weakened: usize,
    limits_weakened: usize,
    validation_weakened: usize,
    changes: &'d [Change],
}

impl<'d> Report<'d> {
    pub(in crate::command) fn new(diff: &'d Diff) -> Self {
        Self {
            different: !diff.is_empty(),
            breaking: diff.count(Severity::Breaking),
            review: diff.count(Severity::Review),
            compatible: diff.count(Severity::Compatible),
            authentication_weakened: diff.weakened(Guard::Authentication).count(),
            limits_weakened: diff.weakened(Guard::Limits).count(),
            validation_weakened: diff.weakened(Guard::Validation).count(),
            changes: &diff.changes,
        }
    }
}

impl Show for Report<'_> {
    /// Subject by subject, `+` for what is new, `-` for what is gone, `~` for what changed.
    fn to_text(&self) -> String {
        if !self.different {
            return "no difference that touches a request, a response or who may call\n".to_owned();
        }
        let mut text = String::new();
        for changes in self.changes.chunk_by(|one, next| one.subject == next.subject) {
            block(changes, &mut text);
        }
        // Writing to a string does not fail.
        let _ =
            writeln!(text, "\n{} breaking, {} to review, {} compatible", self.breaking, self.review, self.compatible);
        let guards = [
            ("authentication", self.authentication_weakened),
            ("limits", self.limits_weakened),
            ("validation", self.validation_weakened),
        ];
        for (guard, count) in guards.iter().filter(|(_, count)| *count > 0) {
            let _ = writeln!(text, "{guard} WEAKENED by {count} of them");
        }
        text
    }
}

fn block(changes: &[Change], text: &mut String) {
    let Some(first) = changes.first() else { return };
    let mark = match first.kind {
        Kind::Added => '+',
        Kind::Removed => '-',
        _ => '~',
    };
    let _ = writeln!(text, "{mark} {}", printable(&first.subject.to_string()));
    for change in changes {
        let meaning = match (change.weakens, change.severity) {
            (Some(_), _) => "WEAKENED",
            (None, Severity::Breaking) => "breaking",
            (None, Severity::Review) => "review",
            (None, Severity::Compatible) => "compatible",
        };
        let _ = writeln!(text, "    {meaning:<11}{}", printable(&change.text));
    }
}
