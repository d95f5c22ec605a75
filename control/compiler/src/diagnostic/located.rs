//! Diagnostics with their lines and columns, in the order of the text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{At, Diagnostic, Place, Position, Severity, Sink};
use crate::document::{Documents, Source, locate};

/// What a compilation found, sorted by file and place, with the texts it points into.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    located: Vec<Located>,
    sources: BTreeMap<Arc<str>, Source>,
    /// Every file that was read, or should have been.
    files: BTreeSet<Arc<str>>,
    /// How many were found, whatever [`Diagnostics::keep`] kept.
    errors: usize,
    warnings: usize,
}

/// A diagnostic and where in the text it points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The diagnostic.
    pub diagnostic: Diagnostic,
    /// Line and column of its place; `None` where the file could not be read.
    pub position: Option<Position>,
    /// Line and column of each related place, in order.
    pub related: Vec<Option<Position>>,
}

impl Diagnostics {
    /// Finds the lines of all that was noted: one pass over each file that a diagnostic points into.
    pub fn new(sink: Sink, documents: &Documents) -> Self {
        let mut diagnostics = sink.into_diagnostics();
        for diagnostic in &mut diagnostics {
            diagnostic.place = documents.origin(&diagnostic.place);
            for (place, _) in &mut diagnostic.related {
                *place = documents.origin(place);
            }
        }
        let sources = sources(&diagnostics, documents);
        let positions = positions(&diagnostics, &sources);
        let mut located: Vec<Located> = diagnostics
            .into_iter()
            .map(|diagnostic| Located {
                position: positions.get(&diagnostic.place).copied(),
                related: diagnostic.related.iter().map(|(place, _)| positions.get(place).copied()).collect(),
                diagnostic,
            })
            .collect();
        located.sort_by(|one, other| order(one).cmp(&order(other)));
        // A value that two objects share is looked at once for each; the graver verdict sorts first and stays.
        located.dedup_by(|next, kept| same_fault(&kept.diagnostic, &next.diagnostic));
        let read = documents.sources().map(|source| Arc::from(source.path()));
        let files = read.chain(located.iter().map(|located| Arc::clone(&located.diagnostic.place.file))).collect();
        let count = |severity| located.iter().filter(|located| located.diagnostic.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        Self { located, sources, files, errors, warnings }
    }

    /// Keeps `most` of them, errors before warnings, in their order. The counts stay what was found.
    pub fn keep(&mut self, most: usize) {
        let mut errors = self.errors.min(most);
        let mut warnings = most - errors;
        self.located.retain(|located| {
            let left = match located.diagnostic.severity {
                Severity::Error => &mut errors,
                Severity::Warning => &mut warnings,
            };
            let is_kept = *left > 0;
            *left = left.saturating_sub(1);
            is_kept
        });
    }

    /// Every diagnostic, by file and place.
    pub fn iter(&self) -> impl Iterator<Item = &Located> {
        self.located.iter()
    }

    /// How many errors; there is an artifact exactly if there is none.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many warnings.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// The text of a file that a diagnostic points into.
    pub fn source(&self, file: &str) -> Option<&Source> {
        self.sources.get(file)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| &**file)
    }
}

fn sources(diagnostics: &[Diagnostic], documents: &Documents) -> BTreeMap<Arc<str>, Source> {
    let files = places(diagnostics).map(|place| &place.file);
    files.filter_map(|file| Some((Arc::clone(file), documents.source(file)?.clone()))).collect()
}

fn positions<'d>(diagnostics: &'d [Diagnostic], sources: &BTreeMap<Arc<str>, Source>) -> HashMap<Place, Position> {
    let mut wanted: BTreeMap<&'d str, Vec<&'d Place>> = BTreeMap::new();
    for place in places(diagnostics) {
        wanted.entry(&place.file).or_default().push(place);
    }
    let found = wanted.into_iter().filter_map(|(file, places)| Some((sources.get(file)?, places)));
    found.flat_map(|(source, places)| locate(source, &places)).collect()
}

fn places(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &Place> {
    diagnostics.iter().flat_map(|diagnostic| {
        std::iter::once(&diagnostic.place).chain(diagnostic.related.iter().map(|(place, _)| place))
    })
}

fn order(located: &Located) -> (&str, Option<Position>, &At, super::Code, &str, Severity) {
    let Diagnostic { severity, code, place, message, .. } = &located.diagnostic;
    (&place.file, located.position, &place.at, *code, message, *severity)
}

fn same_fault(one: &Diagnostic, other: &Diagnostic) -> bool {
    one.code == other.code && one.place == other.place && one.message == other.message
}
