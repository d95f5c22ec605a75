//! How one schema is read: for what, and under which schemas.
//!
//! Of a property that is `readOnly` and in the `required` list, "the `required` will take effect on the response only",
//! and of one that is `writeOnly` on the request only (OpenAPI 3.0.4 section 4.7.24.2; JSON Schema 2020-12 validation,
//! section 9.4, leaves it to applications). Which properties these are depends on every schema that
//! applies to the same value, so the names that schemas around it mark are part of how a schema is read.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use artifact_format::model::{FormatAssertion, Patterns, ReadOnlyProperties};

use super::purpose::{Direction, Purpose};
use crate::document::Documents;

/// How a schema is read. Two that read a schema alike are equal, so it is lowered once for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Manner {
    pub(super) one_sided: OneSided,
    pub(super) formats: FormatAssertion,
    pub(super) patterns: Patterns,
}

/// What becomes of properties that only one side sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum OneSided {
    /// They are properties like any other: no document marks one, or the schema stands under `not` or `if`, where to
    /// excuse an absence would refuse what is valid.
    Plain,
    /// The sender is not to send those with the mark.
    Marked {
        mark: Mark,
        treatment: Treatment,
        /// Those of the value that the schema is applied to.
        names: NamesId,
    },
}

/// The keyword that says who alone sends a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    ReadOnly,
    WriteOnly,
}

/// What becomes of a marked property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Treatment {
    /// It may be absent whatever `required` says.
    Excused,
    /// It must be absent.
    Refused,
}

impl Mark {
    pub(super) const fn keyword(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::WriteOnly => "writeOnly",
        }
    }
}

impl Manner {
    /// The same manner, but for one-sided properties.
    pub(super) fn with(self, one_sided: OneSided) -> Self {
        Self { one_sided, ..self }
    }

    /// How a schema is read whose failing may be what is wanted.
    pub(super) fn plain(self) -> Self {
        self.with(OneSided::Plain)
    }

    /// How a schema is read that is applied to a part of the value.
    pub(super) fn below(self) -> Self {
        match self.one_sided {
            OneSided::Plain => self,
            OneSided::Marked { mark, treatment, .. } => {
                self.with(OneSided::Marked { mark, treatment, names: NamesId::EMPTY })
            }
        }
    }
}

/// Which set of [`NameSets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NamesId(usize);

impl NamesId {
    pub(super) const EMPTY: Self = Self(0);
}

/// Names of properties.
pub(super) type Names<'d> = BTreeSet<&'d str>;

/// Every set of names met so far, each once.
pub(super) struct NameSets<'d> {
    sets: Vec<Rc<Names<'d>>>,
    ids: HashMap<Rc<Names<'d>>, NamesId>,
}

impl<'d> NameSets<'d> {
    pub(super) fn new() -> Self {
        let empty = Rc::new(Names::new());
        Self { sets: vec![Rc::clone(&empty)], ids: HashMap::from([(empty, NamesId::EMPTY)]) }
    }

    pub(super) fn get(&self, id: NamesId) -> &Rc<Names<'d>> {
        &self.sets[id.0]
    }

    pub(super) fn id(&mut self, names: Names<'d>) -> NamesId {
        if let Some(known) = self.ids.get(&names) {
            return *known;
        }
        let id = NamesId(self.sets.len());
        let names = Rc::new(names);
        self.sets.push(Rc::clone(&names));
        self.ids.insert(names, id);
        id
    }

    pub(super) fn union(&mut self, one: NamesId, other: NamesId) -> NamesId {
        if one == other || other == NamesId::EMPTY {
            return one;
        }
        if one == NamesId::EMPTY {
            return other;
        }
        let both = self.get(one).union(self.get(other)).copied().collect();
        self.id(both)
    }
}

/// Which marks the documents have at all: most have none, and then both directions read every schema alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct MarksInUse {
    read_only: Use,
    write_only: Use,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    None,
    Some,
}

impl MarksInUse {
    pub(super) fn of(documents: &Documents) -> Self {
        let of = |mark: Mark| if documents.have_key(mark.keyword()) { Use::Some } else { Use::None };
        Self { read_only: of(Mark::ReadOnly), write_only: of(Mark::WriteOnly) }
    }

    /// How a schema is read that an OpenAPI object holds.
    pub(super) fn manner(self, purpose: Purpose) -> Manner {
        let (mark, treatment, is_used) = match purpose.direction {
            Direction::Request(ReadOnlyProperties::Ignore) => (Mark::ReadOnly, Treatment::Excused, self.read_only),
            Direction::Request(ReadOnlyProperties::Refuse) => (Mark::ReadOnly, Treatment::Refused, self.read_only),
            Direction::Response => (Mark::WriteOnly, Treatment::Excused, self.write_only),
        };
        let one_sided = match is_used {
            Use::None => OneSided::Plain,
            Use::Some => OneSided::Marked { mark, treatment, names: NamesId::EMPTY },
        };
        Manner { one_sided, formats: purpose.formats, patterns: purpose.patterns }
    }
}
