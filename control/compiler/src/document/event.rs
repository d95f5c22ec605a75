//! What JSON and YAML texts have in common when one looks for a place: a stream of events.

use std::borrow::Cow;

/// Something begins, or a collection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event<'t> {
    /// Where, in bytes.
    pub(super) offset: usize,
    pub(super) kind: Kind<'t>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    /// Keys and values follow in turn, then [`Kind::End`].
    Mapping,
    /// Items follow, then [`Kind::End`].
    Sequence,
    End,
    /// A text (unescaped), a number, a word; in YAML also an alias.
    Scalar(Cow<'t, str>),
}
