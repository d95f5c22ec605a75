//! A difference between two schemas, and what it means to whom.

use crate::diff::Severity;

/// Who makes the values that a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diff) enum Direction {
    /// Clients: what is accepted no longer breaks them.
    Request,
    /// The API: what may come that did not before breaks them.
    Response,
}

/// A difference, with its place relative to where the comparison began.
pub(super) struct Finding {
    pub(super) at: Place,
    pub(super) effect: Effect,
    pub(super) text: String,
}

/// What a difference does to the set of valid values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Fewer values are valid.
    Narrowed,
    /// More values are valid.
    Widened,
    /// A property is described that was not.
    PropertyAdded,
    /// A property is no longer described, and still allowed.
    PropertyRemoved,
    /// A property is no longer described, and not allowed either.
    PropertyForbidden,
    /// It cannot be told.
    Unclear,
}

impl Effect {
    pub(super) fn severity(self, direction: Direction) -> Severity {
        match (self, direction) {
            (Self::Narrowed, Direction::Request)
            | (Self::Widened | Self::PropertyRemoved, Direction::Response)
            | (Self::PropertyForbidden, Direction::Request | Direction::Response) => Severity::Breaking,
            (Self::Narrowed, Direction::Response)
            | (Self::Widened, Direction::Request)
            | (Self::PropertyAdded, Direction::Request | Direction::Response) => Severity::Compatible,
            (Self::PropertyRemoved, Direction::Request) | (Self::Unclear, Direction::Request | Direction::Response) => {
                Severity::Review
            }
        }
    }
}

/// In which direction a part of a schema is seen at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scope {
    /// In both.
    #[default]
    Both,
    /// `writeOnly`.
    Requests,
    /// `readOnly`.
    Responses,
    /// Both of them at once.
    Nowhere,
}

impl Scope {
    pub(super) fn is_seen_in(self, direction: Direction) -> bool {
        match (self, direction) {
            (Self::Both, _) | (Self::Requests, Direction::Request) | (Self::Responses, Direction::Response) => true,
            (Self::Requests, Direction::Response) | (Self::Responses, Direction::Request) | (Self::Nowhere, _) => false,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Both, scope) | (scope, Self::Both) => scope,
            (one, other) if one == other => one,
            _ => Self::Nowhere,
        }
    }
}

/// A place in a value.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// Such as `owner.tags[]`.
    pub(super) path: String,
    pub(super) scope: Scope,
}

impl Place {
    pub(super) fn property(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{dot}{name}", self.path), scope: self.scope }
    }

    pub(super) fn step(&self, step: &str) -> Self {
        Self { path: format!("{}{step}", self.path), scope: self.scope }
    }

    pub(super) fn within(&self, scope: Scope) -> Self {
        Self { path: self.path.clone(), scope: self.scope.and(scope) }
    }

    pub(super) fn join(&self, inner: &Self) -> Self {
        let outer_or_inner_is_empty = self.path.is_empty() || inner.path.is_empty();
        let dot = if outer_or_inner_is_empty || inner.path.starts_with(['[', ' ']) { "" } else { "." };
        Self { path: format!("{}{dot}{}", self.path, inner.path), scope: self.scope.and(inner.scope) }
    }
}
