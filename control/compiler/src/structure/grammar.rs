//! The words in which [`tables`](super::tables) says what an OpenAPI object looks like.

use crate::diagnostic::Severity;
use crate::document::Version;

/// An object of the specification.
#[derive(Debug)]
pub(crate) struct Object {
    /// As the specification calls it.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    /// What members that are no field are.
    pub(crate) others: Others,
    pub(crate) reference: Reference,
    pub(crate) rules: &'static [Rule],
    /// How grave faults of it are, and of all within it.
    pub(crate) severity: Severity,
}

/// What members that are no field are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Others {
    /// Extensions (`x-`), or faults.
    Extensions,
    /// Anything: JSON Schema allows every keyword.
    Anything,
    /// The object is a map: members whose key fits are of this shape; extensions, too.
    Map(Key, &'static Shape),
}

/// What a `$ref` means to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// Nothing: it is an unknown field.
    None,
    /// A Reference Object can stand in its place, from that version on.
    Instead(Version),
    /// It is a field among others.
    Beside,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) versions: Versions,
    pub(crate) required: Versions,
    pub(crate) severity: Severity,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Data of the user: never looked into.
    Data,
    Text,
    /// A text that reads as a URI reference (RFC 3986).
    Uri,
    /// A text that reads as an e-mail address.
    Email,
    Boolean,
    Number,
    /// A number above zero.
    Positive,
    /// A whole number, zero or above.
    Count,
    /// One of these texts.
    Word(&'static [&'static str]),
    Object(&'static Object),
    /// A Schema Object of the document's version; from 3.1 on also `true` and `false`.
    Schema,
    /// `true`, `false` or a Schema Object, in every version.
    SchemaOrBoolean,
    List(&'static Shape),
    /// A list with at least one item.
    NonEmptyList(&'static Shape),
    Map(Key, &'static Shape),
    /// Parameters, which are looked at together, too.
    Parameters,
}

/// What keys of a map look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Any,
    /// Letters, digits, `.`, `-` and `_`.
    Component,
    /// Begins with `/`.
    Path,
    /// `200`, `2XX`.
    Status,
    /// A token of RFC 9110, section 5.6.2.
    HeaderName,
    /// A token, too: the scheme of HTTP authentication.
    Token,
    /// What can stand before the `=` of a cookie (RFC 6265, section 5.4).
    CookieName,
    /// Any text but the empty one.
    NotEmpty,
    /// A method that has no field of its own.
    Method,
}

/// What fields have to do with each other.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) versions: Versions,
    /// Whether the rule applies: a field, and the values it has; any, if there are none.
    pub(crate) when: Option<(&'static str, &'static [&'static str])>,
    pub(crate) demand: Demand,
    pub(crate) severity: Severity,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Demand {
    /// At most one of the fields.
    AtMostOne(&'static [&'static str]),
    ExactlyOne(&'static [&'static str]),
    AtLeastOne(&'static [&'static str]),
    /// At least one member that is no extension.
    SomeMember,
    /// All of the fields.
    All(&'static [&'static str]),
    /// None of the fields.
    NoneOf(&'static [&'static str]),
    /// The field, where it is there, has one of the values.
    OneOf(&'static str, &'static [&'static str]),
    /// The field is `true`.
    True(&'static str),
    /// The text of the field has these as a key.
    Reads(&'static str, Key),
    /// The text of the field has none of these characters.
    Without(&'static str, &'static [char]),
}

/// A set of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Versions(u8);

impl Versions {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const V3_0: Self = Self(1);
    pub(crate) const V3_1: Self = Self(2);
    pub(crate) const V3_2: Self = Self(4);
    pub(crate) const FROM_3_1: Self = Self(6);
    pub(crate) const UNTIL_3_1: Self = Self(3);
    pub(crate) const ALL: Self = Self(7);

    pub(crate) const fn has(self, version: Version) -> bool {
        let bit = match version {
            Version::V3_0 => Self::V3_0,
            Version::V3_1 => Self::V3_1,
            Version::V3_2 => Self::V3_2,
        };
        self.0 & bit.0 != 0
    }
}

impl Object {
    pub(super) const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        let (others, reference) = (Others::Extensions, Reference::None);
        Self { name, fields, others, reference, rules: &[], severity: Severity::Error }
    }

    /// A map from keys to values of one shape.
    pub(super) const fn map(name: &'static str, key: Key, shape: &'static Shape) -> Self {
        Self { others: Others::Map(key, shape), ..Self::new(name, &[]) }
    }

    pub(super) const fn with_fields(self, fields: &'static [Field]) -> Self {
        Self { fields, ..self }
    }

    pub(super) const fn with_others(self, others: Others) -> Self {
        Self { others, ..self }
    }

    /// A Reference Object can stand in its place.
    pub(super) const fn referable(self) -> Self {
        Self { reference: Reference::Instead(Version::V3_0), ..self }
    }

    pub(super) const fn with_reference(self, reference: Reference) -> Self {
        Self { reference, ..self }
    }

    pub(super) const fn with_rules(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }

    /// No request can come to touch it: its faults are warnings.
    pub(super) const fn documentation(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// The field `name`, if the version has it.
    pub(crate) fn field(&self, name: &str, version: Version) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name && field.versions.has(version))
    }
}

/// A field that may be absent.
pub(super) const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, versions: Versions::ALL, required: Versions::NONE, severity: Severity::Error }
}

/// A field that must be there.
pub(super) const fn required(name: &'static str, shape: Shape) -> Field {
    Field { required: Versions::ALL, ..field(name, shape) }
}

/// A field that no request can come to touch.
pub(super) const fn note(name: &'static str, shape: Shape) -> Field {
    Field { severity: Severity::Warning, ..field(name, shape) }
}

impl Field {
    /// Only in these versions.
    pub(super) const fn only(self, versions: Versions) -> Self {
        Self { versions, ..self }
    }

    /// Must be there in these versions.
    pub(super) const fn required_in(self, versions: Versions) -> Self {
        Self { required: versions, ..self }
    }
}

/// A rule that always applies.
pub(super) const fn rule(demand: Demand) -> Rule {
    Rule { versions: Versions::ALL, when: None, demand, severity: Severity::Error }
}

impl Rule {
    /// Applies where `field` is one of `values`; where it is there at all, if there are none.
    pub(super) const fn when(self, field: &'static str, values: &'static [&'static str]) -> Self {
        Self { when: Some((field, values)), ..self }
    }

    /// Only in these versions.
    pub(super) const fn only(self, versions: Versions) -> Self {
        Self { versions, ..self }
    }

    /// To break it is a warning.
    pub(super) const fn mild(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}
