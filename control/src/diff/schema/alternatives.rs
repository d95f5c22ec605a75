//! `allOf`, `anyOf`, `oneOf`: lists whose order says nothing.

use serde_json::Value;

use super::Pair;
use super::finding::{Effect, Place};
use super::keywords::Walk;

impl<'t> Walk<'_, 't> {
    /// Compares two such lists. `added` is what one more schema in it does.
    pub(super) fn schemas(&mut self, keyword: &str, pair: (Option<&'t Value>, Option<&'t Value>), at: &Place) {
        let (on_added, on_removed) = match keyword {
            "allOf" => (Effect::Narrowed, Effect::Widened),
            _ => (Effect::Widened, Effect::Narrowed),
        };
        let list = |value: Option<&'t Value>| value.and_then(Value::as_array);
        match (list(pair.0), list(pair.1)) {
            (None, None) => {}
            (None, Some(_)) if keyword != "allOf" => {
                self.found(at, Effect::Narrowed, format!("restricted by `{keyword}`"));
            }
            (Some(_), None) if keyword != "allOf" => {
                self.found(at, Effect::Widened, format!("no longer restricted by `{keyword}`"));
            }
            (old, new) => {
                let (mut old, mut new) = (old.into_iter().flatten().collect(), new.into_iter().flatten().collect());
                self.drop_the_same(&mut old, &mut new);
                if old.len() == new.len() {
                    old.into_iter().zip(new).for_each(|(old, new)| self.walk(Pair { old, new }, at));
                    return;
                }
                if !old.is_empty() && !new.is_empty() {
                    self.found(at, Effect::Unclear, format!("the schemas of `{keyword}` changed: review"));
                    return;
                }
                old.iter().for_each(|_| self.found(at, on_removed, format!("a schema removed from `{keyword}`")));
                new.iter().for_each(|_| self.found(at, on_added, format!("a schema added to `{keyword}`")));
            }
        }
    }

    /// Takes out the schemas that are in both lists.
    fn drop_the_same(&mut self, old: &mut Vec<&'t Value>, new: &mut Vec<&'t Value>) {
        old.retain(|old| {
            let same = new.iter().position(|new| self.sameness.holds(Pair { old, new }));
            same.map(|position| new.remove(position)).is_none()
        });
    }
}
