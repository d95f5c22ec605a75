//! What a schema says about how a value without types is to be read.
//!
//! Parameters and form fields are text; whether `5` is a number or a string only the schema knows. A shape is what
//! of a schema answers that.
//!
//! Where a schema says which types it allows, a shape has never less, so that a reading that the shape rules out is
//! one that the schema refuses. Where it says nothing of types, JSON Schema lets `maxLength` pass every list and
//! `maximum` every string. Taken at its word, any text could be read as something that nobody checks; so a value is
//! read as what the keywords are about.

mod reader;
mod types;

pub use reader::Shapes;
pub use types::Types;

use std::sync::Arc;

/// What a value may be, and what may be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The types that it may have, as far as the schema says so.
    said: Types,
    /// The types that its keywords are about; none where there are no such keywords.
    about: Types,
    items: Option<Arc<Items>>,
    members: Option<Arc<Members>>,
}

/// What the items of a list may be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Items {
    /// The first ones, each for itself.
    first: Vec<Shape>,
    /// All others.
    rest: Shape,
}

/// What the members of an object may be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Members {
    /// Sorted by name.
    named: Vec<(Box<str>, Shape)>,
    others: Others,
}

/// What a schema says about members that it does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Others {
    /// Nothing, so they may be anything.
    Unsaid,
    /// That there may be none.
    None,
    /// What they may be.
    Shaped(Shape),
}

/// Anything at all.
static ANYTHING: Shape = Shape::of_types(Types::ALL);

impl Shape {
    /// Any value of these types.
    pub const fn of_types(types: Types) -> Self {
        Self { said: types, about: Types::NONE, items: None, members: None }
    }

    /// The types that it is read as.
    pub fn types(&self) -> Types {
        if self.said == Types::ALL && self.about != Types::NONE { self.about } else { self.said }
    }

    /// Whether nothing is known of it.
    pub fn is_open(&self) -> bool {
        self.types() == Types::ALL
    }

    /// What the item at `index` may be.
    pub fn item(&self, index: usize) -> &Self {
        self.items.as_deref().map_or(&ANYTHING, |items| items.first.get(index).unwrap_or(&items.rest))
    }

    /// What the member with this name may be.
    pub fn member(&self, name: &str) -> &Self {
        self.members.as_deref().map_or(&ANYTHING, |members| members.get(name))
    }

    /// The names of the members that the schema names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().flat_map(|members| &members.named).map(|(name, _)| &**name)
    }

    /// Whether members that are not named are provided for: the schema says what they may be, or it names none and
    /// does not rule them out.
    pub fn has_others(&self) -> bool {
        match self.members.as_deref() {
            None | Some(Members { others: Others::Shaped(_), .. }) => true,
            Some(Members { others: Others::None, .. }) => false,
            Some(Members { others: Others::Unsaid, named }) => named.is_empty(),
        }
    }

    /// What a value may be that satisfies both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            said: self.said & other.said,
            about: self.about | other.about,
            items: both(self.items.as_ref(), other.items.as_ref(), Items::and),
            members: both(self.members.as_ref(), other.members.as_ref(), Members::and),
        }
    }

    /// What a value may be that satisfies one of the two.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let (lists, objects) = (Types::ARRAY, Types::OBJECT);
        Self {
            said: self.said | other.said,
            about: self.types() | other.types(),
            // Who cannot be a list has no say about items.
            items: match (self.said.has(lists), other.said.has(lists)) {
                (true, false) => self.items.clone(),
                (false, true) => other.items.clone(),
                _ => either(self.items.as_ref(), other.items.as_ref(), Items::or),
            },
            members: match (self.said.has(objects), other.said.has(objects)) {
                (true, false) => self.members.clone(),
                (false, true) => other.members.clone(),
                _ => either(self.members.as_ref(), other.members.as_ref(), Members::or),
            },
        }
    }
}

/// Who says nothing leaves it to the other one.
fn both<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>, and: impl Fn(&T, &T) -> T) -> Option<Arc<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Arc::new(and(a, b))),
        (only, None) | (None, only) => only.cloned(),
    }
}

/// Who says nothing allows anything.
fn either<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>, or: impl Fn(&T, &T) -> T) -> Option<Arc<T>> {
    a.zip(b).map(|(a, b)| Arc::new(or(a, b)))
}

impl Items {
    fn and(&self, other: &Self) -> Self {
        self.merge(other, Shape::and)
    }

    fn or(&self, other: &Self) -> Self {
        self.merge(other, Shape::or)
    }

    fn get(&self, index: usize) -> &Shape {
        self.first.get(index).unwrap_or(&self.rest)
    }

    fn merge(&self, other: &Self, merge: impl Fn(&Shape, &Shape) -> Shape) -> Self {
        let length = self.first.len().max(other.first.len());
        Self {
            first: (0..length).map(|index| merge(self.get(index), other.get(index))).collect(),
            rest: merge(&self.rest, &other.rest),
        }
    }
}

impl Members {
    fn and(&self, other: &Self) -> Self {
        let others = match (&self.others, &other.others) {
            (Others::None, _) | (_, Others::None) => Others::None,
            (Others::Shaped(a), Others::Shaped(b)) => Others::Shaped(a.and(b)),
            (shaped, Others::Unsaid) | (Others::Unsaid, shaped) => shaped.clone(),
        };
        self.merge(other, others, Shape::and)
    }

    fn or(&self, other: &Self) -> Self {
        let others = match (&self.others, &other.others) {
            (Others::Shaped(a), Others::Shaped(b)) => Others::Shaped(a.or(b)),
            (Others::Shaped(_), Others::Unsaid) | (Others::Unsaid, Others::Shaped(_)) => {
                Others::Shaped(ANYTHING.clone())
            }
            (Others::Unsaid, _) | (_, Others::Unsaid) => Others::Unsaid,
            (shaped, Others::None) | (Others::None, shaped) => shaped.clone(),
        };
        self.merge(other, others, Shape::or)
    }

    fn get(&self, name: &str) -> &Shape {
        match self.named.binary_search_by(|(named, _)| (**named).cmp(name)) {
            Ok(found) => &self.named[found].1,
            Err(_) => match &self.others {
                Others::Shaped(shape) => shape,
                // What may not be there is read as text and refused by its schema.
                Others::Unsaid | Others::None => &ANYTHING,
            },
        }
    }

    fn merge(&self, other: &Self, others: Others, merge: impl Fn(&Shape, &Shape) -> Shape) -> Self {
        let mut names: Vec<&str> = self.named.iter().chain(&other.named).map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.dedup();
        let merged = names.into_iter().map(|name| (name.into(), merge(self.get(name), other.get(name))));
        Self { named: merged.collect(), others }
    }
}
