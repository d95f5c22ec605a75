//! Which value of a setting holds for an operation: the nearest one.

use std::collections::HashMap;

use super::settings::{self, OFF};
use super::shape::Field;
use super::{KEY, check};
use crate::diagnostic::Sink;
use crate::document::{Identity, Node};

/// The extensions of a compilation, each held to its shape once.
#[derive(Default)]
pub(crate) struct Extensions<'d> {
    seen: HashMap<Identity, Option<Node<'d>>>,
}

impl<'d> Extensions<'d> {
    /// The extension of a whole document; `None` where there is none, or where it is at fault, which is reported.
    pub(crate) fn of_document(&mut self, document: &Node<'d>, sink: &mut Sink) -> Option<Node<'d>> {
        self.of(document, settings::DOCUMENT, sink)
    }

    /// The extension of a path item or an operation.
    pub(crate) fn of_operation(&mut self, holder: &Node<'d>, sink: &mut Sink) -> Option<Node<'d>> {
        self.of(holder, settings::OPERATION, sink)
    }

    /// The extension of a security scheme.
    pub(crate) fn of_scheme(&mut self, scheme: &Node<'d>, sink: &mut Sink) -> Option<Node<'d>> {
        self.of(scheme, settings::SCHEME, sink)
    }

    /// Whether the extension was looked at, and so has an effect.
    pub(super) fn has_seen(&self, extension: &Node<'d>) -> bool {
        self.seen.contains_key(&extension.identity())
    }

    fn of(&mut self, holder: &Node<'d>, fields: &[Field], sink: &mut Sink) -> Option<Node<'d>> {
        let extension = holder.get(KEY)?;
        let seen = self.seen.entry(extension.identity());
        seen.or_insert_with(|| check::object(&extension, fields, sink).then_some(extension)).clone()
    }
}

/// The extensions that an operation goes by, nearest first: its own, its path item's, its document's.
///
/// Every one of them was held to its shape, so a setting that is there is what [`settings`] says.
#[derive(Clone, Default)]
pub(crate) struct Inherited<'d> {
    levels: Vec<Node<'d>>,
}

impl<'d> Inherited<'d> {
    /// Nearest first.
    pub(crate) fn new(levels: impl IntoIterator<Item = Node<'d>>) -> Self {
        Self { levels: levels.into_iter().collect() }
    }

    /// The value that holds; `None` where there is none or it is switched off.
    pub(super) fn setting(&self, name: &str) -> Option<Node<'d>> {
        let nearest = self.levels.iter().find_map(|level| level.get(name))?;
        (nearest.str() != Some(OFF)).then_some(nearest)
    }

    /// The value that holds of one part of a setting whose parts are inherited one by one.
    pub(super) fn part(&self, setting: &str, part: &str) -> Option<Node<'d>> {
        let decisive = |level: &Node<'d>| {
            let setting = level.get(setting)?;
            if setting.str() == Some(OFF) { Some(setting) } else { setting.get(part) }
        };
        self.levels.iter().find_map(decisive)
    }
}
