//! Where the phases of a compilation leave what they find.

use std::collections::HashSet;

use super::{Code, Diagnostic, Place, Severity};
use crate::input::Settings;

/// Collects diagnostics. No fault ends a phase: it is noted here and the phase goes on.
#[derive(Debug, Default)]
pub struct Sink {
    diagnostics: Vec<Diagnostic>,
    settings: Settings,
}

impl Sink {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one for somebody who sets options there.
    pub(crate) fn for_settings(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Where whoever reads it sets options.
    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }

    /// Notes an error: there will be no artifact.
    pub fn error(&mut self, code: Code, place: impl Into<Place>, message: impl Into<String>) -> &mut Diagnostic {
        self.note(Diagnostic::new(Severity::Error, code, place.into(), message.into()))
    }

    /// Notes a warning: something to look at that touches no request.
    pub fn warning(&mut self, code: Code, place: impl Into<Place>, message: impl Into<String>) -> &mut Diagnostic {
        self.note(Diagnostic::new(Severity::Warning, code, place.into(), message.into()))
    }

    /// Notes a diagnostic.
    pub fn note(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        let last = self.diagnostics.len();
        self.diagnostics.push(diagnostic);
        &mut self.diagnostics[last]
    }

    /// Takes what another one has as warnings, but for what is known here.
    pub(crate) fn take_as_warnings(&mut self, other: Self) {
        let known: HashSet<(Code, Place)> =
            self.diagnostics.iter().map(|known| (known.code, known.place.clone())).collect();
        let others = other.diagnostics.into_iter().filter(|other| !known.contains(&(other.code, other.place.clone())));
        self.diagnostics.extend(others.map(|other| Diagnostic { severity: Severity::Warning, ..other }));
    }

    /// Whether an error was noted so far.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}
