//! Reading, round by round, the files that references lead to.

use std::collections::BTreeMap;

use artifact_format::model::SpecRole;

use super::load::Loader;
use super::{Documents, FileError, FileId, Node, Version};
use crate::diagnostic::{Code, Place, Severity};
use crate::reference::identity::{self, Declared, Spot, Taken};
use crate::reference::{self, Reason};
use crate::structure::grammar::{Object, Shape};
use crate::structure::walk::{Observer, Seen, Target, Walk, version};
use crate::structure::{Fault, tables};

/// A way to go on from.
enum Way {
    Entry(FileId),
    Reference(Waiting),
}

/// A reference that could not be followed yet.
struct Waiting {
    from: Spot,
    reference: String,
    to: Target,
}

impl Loader<'_, '_, '_> {
    /// Follows every reference. Each round goes as far as the files that were read lead, then reads those that
    /// are missing. What leads nowhere in the end is for the structure check to report.
    pub(super) fn explore(&mut self) {
        let mut seen = Seen::new();
        let mut unnamed: Vec<Waiting> = Vec::new();
        let mut ways: Vec<Way> = self.documents.entries.iter().map(|file| Way::Entry(*file)).collect();
        let entries: Vec<FileId> = self.documents.entries.clone();
        let mut named = entries.into_iter().filter(|file| self.declare_document(*file)).count();
        loop {
            let found = Scout::send(&self.documents, &mut seen, ways);
            unnamed.extend(found.unnamed);
            named += found.declared.len();
            let taken = identity::register(&mut self.documents, &found.declared);
            taken.into_iter().for_each(|taken| self.report_taken(&taken));
            for (path, version) in &found.files {
                if let Ok(file) = self.read(path, SpecRole::Referenced, *version) {
                    named += usize::from(self.declare_document(file));
                }
            }
            let mut waiting = found.waiting;
            // A URI that nobody had declared: worth another try only when no file is left to read.
            if waiting.is_empty() && named > 0 {
                named = 0;
                waiting = std::mem::take(&mut unnamed);
            }
            if waiting.is_empty() {
                return;
            }
            ways = waiting.into_iter().map(Way::Reference).collect();
        }
    }

    /// Notes the `$self` of a document. Returns whether it has one.
    fn declare_document(&mut self, file: FileId) -> bool {
        if let Some(taken) = identity::register_document(&mut self.documents, file) {
            self.report_taken(&taken);
        }
        self.documents.root(file).get("$self").is_some()
    }

    fn report_taken(&mut self, taken: &Taken) {
        let place = |spot: &Spot| Place::value(self.documents.document(spot.file).path_arc(), spot.pointer.clone());
        let (first, second) = (place(&taken.first), place(&taken.second));
        let message = format!("`{}` is already the identity of something else", taken.uri);
        self.sink.error(Code::IdentityTaken, second, message).related(first, "of this");
    }
}

/// Goes along references and notes where it cannot go on.
#[derive(Default)]
struct Scout {
    /// Files to read, each with the version of what leads there.
    files: BTreeMap<String, Version>,
    /// References into these files.
    waiting: Vec<Waiting>,
    /// References to URIs and anchors that nobody declared so far.
    unnamed: Vec<Waiting>,
    declared: Vec<Declared>,
}

impl Scout {
    fn send(documents: &Documents, seen: &mut Seen, ways: Vec<Way>) -> Self {
        let mut walk = Walk::new(Self::default(), seen);
        for way in ways {
            match way {
                Way::Entry(file) => {
                    walk.from(documents.root(file), Shape::Object(&tables::OPENAPI), Severity::Error);
                }
                Way::Reference(Waiting { from, reference, to }) => {
                    let Some(from) = documents.at(&from) else { continue };
                    if let Some(target) = walk.observer.look(&from, &reference, to) {
                        walk.from(target, to.shape, to.severity);
                    }
                }
            }
        }
        walk.observer
    }

    fn look<'d>(&mut self, from: &Node<'d>, reference: &str, to: Target) -> Option<Node<'d>> {
        let error = match reference::resolve(from, reference) {
            Ok(target) => return Some(target),
            Err(error) => error,
        };
        let waiting = || Waiting { from: Spot::of(from), reference: reference.to_owned(), to };
        match error.reason {
            Reason::File { path, error: FileError::NotFound } if from.documents().file(&path).is_none() => {
                self.files.entry(path).or_insert_with(|| version(from));
                self.waiting.push(waiting());
            }
            Reason::NoAnchor(_) | Reason::Refused(_) | Reason::File { .. } => self.unnamed.push(waiting()),
            Reason::NotFound(_)
            | Reason::FileAtFault { .. }
            | Reason::Cycle
            | Reason::TooLong
            | Reason::Malformed(_) => {}
        }
        None
    }
}

impl<'d> Observer<'d> for Scout {
    fn fault(&mut self, _: &Node<'d>, _: Fault, _: Severity) {}

    fn reference(&mut self, from: &Node<'d>, reference: &'d str, to: Target) -> Option<Node<'d>> {
        self.look(from, reference, to)
    }

    fn schema(&mut self, node: &Node<'d>) {
        self.declared.extend(identity::declared(node));
    }

    fn object(&mut self, _: &Node<'d>, _: &'static Object, _: Severity) {}
}
