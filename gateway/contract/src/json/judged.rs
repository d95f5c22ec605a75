//! How a schema sees our values: the validator's own traits over a tree.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};
use jsonschema_value::LazyInstance;
use serde_json::Map;

use super::equal;
use super::number::Number;
use super::tree::{Items, Kind, Members, Origin, Tree, Value};

/// Our representation of JSON, for validators.
#[derive(Debug, Clone, Copy)]
pub struct Judged;

impl Json for Judged {
    type Node<'a> = Value<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = Tree;

    const KEYS_PER_LOOKUP: usize = 1;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>(buffer: &mut Tree, string: &str, judge: impl FnOnce(Value<'_>) -> T) -> T {
        buffer.clear();
        let (start, end) = (0, super::build::position(string.len()));
        buffer.nodes.push(super::tree::Node { kind: Kind::String, origin: Origin::Source, start, end, index: 0 });
        judge(Value { tree: buffer, source: string, node: 0, budget: None })
    }
}

impl<'a> Node<'a, Judged> for Value<'a> {
    type Object = ObjectOf<'a>;
    type Array = ArrayOf<'a>;
    type Number = Number<'a>;

    fn as_object(&self) -> Option<ObjectOf<'a>> {
        (self.kind() == Kind::Object && self.may_be_looked_into()).then_some(ObjectOf(*self))
    }

    fn as_array(&self) -> Option<ArrayOf<'a>> {
        (self.kind() == Kind::Array && self.may_be_looked_into()).then_some(ArrayOf(*self))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        matches!(self.kind(), Kind::String | Kind::Opaque).then(|| Cow::Borrowed(self.text()))
    }

    fn as_number(&self) -> Option<Number<'a>> {
        (self.kind() == Kind::Number).then(|| Number(self.text()))
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    fn is_number(&self) -> bool {
        self.kind() == Kind::Number
    }

    fn is_string(&self) -> bool {
        matches!(self.kind(), Kind::String | Kind::Opaque)
    }

    fn json_type(&self) -> JsonType {
        match self.kind() {
            Kind::Null => JsonType::Null,
            Kind::False | Kind::True => JsonType::Boolean,
            Kind::Number => JsonType::Number,
            Kind::String | Kind::Opaque => JsonType::String,
            Kind::Array => JsonType::Array,
            Kind::Object => JsonType::Object,
        }
    }

    fn string_length(&self) -> Option<u64> {
        match self.kind() {
            Kind::String => Some(self.text().chars().count() as u64),
            Kind::Opaque => Some(self.opaque_length()),
            _ => None,
        }
    }

    fn equals_value(&self, expected: &serde_json::Value) -> bool {
        equal::is_equal(*self, expected)
    }

    /// What an error carries along: nothing but what is short, since a value can be wrong in many ways.
    fn lazy_value(&self) -> LazyInstance<'a> {
        if let Some(budget) = self.budget {
            budget.errs();
        }
        let is_short = self.size() <= SHOWN_NODES_MAX
            && self.items().chain([*self]).all(|value| value.text().len() <= SHOWN_TEXT_MAX);
        let shown = if is_short { owned(*self) } else { serde_json::Value::from("(too long to show)") };
        LazyInstance::Ready(Cow::Owned(shown))
    }

    fn to_value(&self) -> Cow<'a, serde_json::Value> {
        Cow::Owned(owned(*self))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::tagged(self.tree.nodes.as_ptr().addr(), self.node))
    }
}

fn owned(value: Value<'_>) -> serde_json::Value {
    match value.kind() {
        Kind::Null => serde_json::Value::Null,
        Kind::False => false.into(),
        Kind::True => true.into(),
        Kind::Number => serde_json::Value::Number(Number(value.text()).to_number().into_owned()),
        Kind::String | Kind::Opaque => value.text().into(),
        Kind::Array => serde_json::Value::Array(value.items().map(owned).collect()),
        Kind::Object => {
            let members = value.members().map(|(name, member)| (name.to_owned(), owned(member)));
            serde_json::Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

/// Values of more nodes than this are not shown in an error.
const SHOWN_NODES_MAX: usize = 20;

/// Texts of more bytes than this are not shown in an error.
const SHOWN_TEXT_MAX: usize = 200;

/// A value that is an object.
#[derive(Debug, Clone, Copy)]
pub struct ObjectOf<'a>(Value<'a>);

impl<'a> Object<'a, Judged> for ObjectOf<'a> {
    type Node = Value<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.0.count()
    }

    fn get(&self, key: &Box<str>) -> Option<Value<'a>> {
        self.0.get(key)
    }

    fn members(&self) -> Members<'a> {
        self.0.members()
    }
}

/// A value that is a list.
#[derive(Debug, Clone, Copy)]
pub struct ArrayOf<'a>(Value<'a>);

impl<'a> Array<'a, Judged> for ArrayOf<'a> {
    type Node = Value<'a>;
    type ElementsIter = Items<'a>;

    fn len(&self) -> usize {
        self.0.count()
    }

    fn elements(&self) -> Items<'a> {
        self.0.items()
    }

    fn is_unique(&self) -> bool {
        equal::are_distinct(self.0.items())
    }
}
