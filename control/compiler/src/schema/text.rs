//! The text of a lowered schema while the ids of what it refers to are still provisional.

use serde_json::Value;

/// JSON in the making, with holes where the ids of other schemas go.
#[derive(Debug, Default)]
pub(super) struct Text {
    json: String,
    holes: Vec<Hole>,
}

/// A reference to another schema of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    /// Where in the text its id goes.
    at: usize,
    /// The provisional id.
    pub(super) target: usize,
    /// Whether following it stays at the same place of the instance.
    pub(super) step: Step,
}

/// What applying a subschema does to the place in the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// It stays: `allOf`, `$ref` and their like. A cycle of these would never end.
    Stays,
    /// It goes down, or nothing is applied at all. A cycle of these ends with the instance.
    Descends,
}

impl Step {
    /// This step and then another.
    pub(super) fn then(self, further: Self) -> Self {
        match self {
            Self::Stays => further,
            Self::Descends => Self::Descends,
        }
    }
}

impl Text {
    pub(super) fn raw(&mut self, json: &str) {
        self.json.push_str(json);
    }

    pub(super) fn string(&mut self, text: &str) {
        // A `Value` shows itself as JSON and cannot fail to.
        self.json.push_str(&Value::from(text).to_string());
    }

    pub(super) fn value(&mut self, value: &Value) {
        self.json.push_str(&value.to_string());
    }

    /// A reference to another schema, as a JSON string.
    pub(super) fn reference(&mut self, target: usize, step: Step) {
        self.json.push('"');
        self.json.push_str(artifact_format::model::Schema::REFERENCE_PREFIX);
        self.holes.push(Hole { at: self.json.len(), target, step });
        self.json.push('"');
    }

    /// Begins the next member of an object or item of a list.
    pub(super) fn next(&mut self) {
        if !self.json.ends_with(['{', '[']) {
            self.json.push(',');
        }
    }

    /// Begins the next member of an object, whose value is to follow.
    pub(super) fn member(&mut self, name: &str) {
        self.next();
        self.string(name);
        self.json.push(':');
    }

    pub(super) fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// What two schemas must share to be one, their references aside: text and the holes' places.
    pub(super) fn outline(&self) -> (&str, Vec<usize>) {
        (&self.json, self.holes.iter().map(|hole| hole.at).collect())
    }

    /// The text with every hole filled by what `id` says of its target.
    pub(super) fn filled(&self, id: impl Fn(usize) -> u32) -> String {
        let mut filled = String::with_capacity(self.json.len() + 4 * self.holes.len());
        let mut done = 0;
        for hole in &self.holes {
            filled.push_str(&self.json[done..hole.at]);
            filled.push_str(&id(hole.target).to_string());
            done = hole.at;
        }
        filled.push_str(&self.json[done..]);
        filled
    }
}
