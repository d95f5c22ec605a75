//! Values as they stand in a parameter or a form: taken apart and decoded, but without types.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::coerce::{Reading, Readings, readings};
use crate::json::{Builder, Limits, Tree};
use crate::schema::Validator;
use crate::shape::{Shape, Types};
use crate::{Place, Report, pointer};

/// A value whose texts have no types yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wire<'w> {
    /// One text that is neither a list nor an object.
    Text(Cow<'w, str>),
    /// One text where there could have been several: where a list is wanted, it is a list of one. Nothing at all
    /// is an empty list or object, too (the column `undefined` of the Style Examples).
    Single(Cow<'w, str>),
    /// Several values.
    List(Vec<Wire<'w>>),
    /// Named values. No name is there twice.
    Map(Vec<(Cow<'w, str>, Wire<'w>)>),
    /// A JSON text, which has types.
    Json(Cow<'w, str>),
    /// Octets, of which only the number is known.
    Opaque(u64),
}

/// What values are held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contract<'c> {
    /// How texts are read.
    pub(crate) shape: &'c Shape,
    /// What they must be then.
    pub(crate) validator: &'c Validator,
}

/// How often texts are read anew where the first reading was refused: at most as often as one can be.
const ROUNDS_MAX: usize = 10;

/// Values of more nodes than this are read in two ways only: all texts as what they may be first, all as the last.
const REREAD_MAX: usize = 2_000;

/// A value that the contract does not allow, with its texts read so that least is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    choices: Vec<u8>,
}

impl Contract<'_> {
    /// Whether a value satisfies the contract in any of its readings.
    ///
    /// Where texts can be read in several ways, the most specific one is tried first; then the texts that the
    /// schema objects to are read in their next way, and so on; at last all are read as strings.
    pub(crate) fn judge(&self, wire: &Wire<'_>, tree: &mut Tree) -> Result<(), Refused> {
        if self.is_valid(wire, &[], tree) {
            return Ok(());
        }
        let mut best = Refused { choices: Vec::new() };
        let leaves = Leaves::of(wire, self.shape);
        if !leaves.are_ambiguous() {
            return Err(best);
        }
        let mut choices = vec![0; leaves.counts.len()];
        let mut fewest = usize::MAX;
        for _ in 0..ROUNDS_MAX {
            if tree.len() > REREAD_MAX {
                break;
            }
            let faults = self.faults(wire, &choices, tree);
            if faults.len() < fewest {
                (fewest, best.choices) = (faults.len(), choices.clone());
            }
            if !leaves.reconsider(&mut choices, &faults) {
                break;
            }
            if self.is_valid(wire, &choices, tree) {
                return Ok(());
            }
        }
        choices.fill(u8::MAX);
        if self.is_valid(wire, &choices, tree) { Ok(()) } else { Err(best) }
    }

    /// Says what is wrong with a value that was refused.
    pub(crate) fn explain(
        &self,
        (wire, refused): (&Wire<'_>, &Refused),
        (place, tree): (&Place, &mut Tree),
        report: &mut Report,
    ) {
        if let Some(value) = wire.build(self.shape, &refused.choices, tree) {
            self.validator.explain(value, place, report);
        }
    }

    /// Whether all that is wrong with a value that was refused lies within what is excused, by JSON pointers.
    pub(crate) fn excuses(
        &self,
        (wire, refused): (&Wire<'_>, &Refused),
        tree: &mut Tree,
        is_excused: impl Fn(&str) -> bool,
    ) -> bool {
        self.faults(wire, &refused.choices, tree).iter().all(|pointer| is_excused(pointer))
    }

    fn is_valid(&self, wire: &Wire<'_>, choices: &[u8], tree: &mut Tree) -> bool {
        wire.build(self.shape, choices, tree).is_some_and(|value| self.validator.is_valid(value))
    }

    /// Where a value breaks the schema, as JSON pointers.
    fn faults(&self, wire: &Wire<'_>, choices: &[u8], tree: &mut Tree) -> Vec<String> {
        let value = wire.build(self.shape, choices, tree);
        value.into_iter().flat_map(|value| self.validator.faults(value)).collect()
    }
}

impl Wire<'_> {
    /// Builds the value, its texts read as `choices` say, in order; the first way where there is no choice.
    fn build<'t>(&self, shape: &Shape, choices: &[u8], tree: &'t mut Tree) -> Option<crate::json::Value<'t>> {
        let mut builder = Builder::new(tree);
        self.write(shape, &mut choices.iter().copied(), &mut builder);
        builder.finish()
    }

    /// Adds the value to one that is being built. `choices` as for [`Options::get`], one for each text, in order.
    fn write(&self, shape: &Shape, choices: &mut impl Iterator<Item = u8>, builder: &mut Builder<'_>) {
        match self {
            Self::Text(text) | Self::Single(text) => {
                let options = Options::of(self, shape);
                options.get(choices.next().unwrap_or(0)).write(text, builder);
            }
            Self::List(items) => {
                builder.open_array();
                for (index, item) in items.iter().enumerate() {
                    item.write(shape.item(index), choices, builder);
                }
                builder.close();
            }
            Self::Map(members) => {
                builder.open_object();
                for (name, member) in members {
                    builder.name(name);
                    member.write(shape.member(name), choices, builder);
                }
                builder.close();
            }
            // Who took it for JSON has read it within the same limits.
            Self::Json(text) => builder.json(text, &Limits::DEFAULT).unwrap_or_else(|_| builder.string(text)),
            Self::Opaque(length) => builder.opaque(*length),
        }
    }
}

/// What a text can be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    One(Reading),
    ListOfOne(Reading),
    EmptyList,
    EmptyMap,
}

/// Everything that a text can be taken for, the most specific first; at least one.
#[derive(Debug, Default)]
struct Options {
    one: Option<Readings>,
    list: Option<Readings>,
    is_empty_list: bool,
    is_empty_map: bool,
}

impl Options {
    fn of(wire: &Wire<'_>, shape: &Shape) -> Self {
        match wire {
            Wire::Text(text) => Self { one: Some(readings(shape.types(), text)), ..Self::default() },
            Wire::Single(text) => Self::of_single(text, shape),
            Wire::List(_) | Wire::Map(_) | Wire::Json(_) | Wire::Opaque(_) => Self::default(),
        }
    }

    fn of_single(text: &str, shape: &Shape) -> Self {
        // Of a schema that says nothing, a text is a text.
        let has = |types| shape.types().has(types) && !shape.is_open();
        let is_list = has(Types::ARRAY);
        let is_empty_map = has(Types::OBJECT) && text.is_empty();
        let is_one = shape.types().has_any(Types::SCALAR) || !(is_list || is_empty_map);
        Self {
            one: is_one.then(|| readings(shape.types(), text)),
            list: is_list.then(|| readings(shape.item(0).types(), text)),
            is_empty_list: is_list && text.is_empty(),
            is_empty_map,
        }
    }

    fn iter(&self) -> impl Iterator<Item = Taken> {
        let one = self.one.iter().flat_map(Readings::iter).map(Taken::One);
        let empty_list = self.is_empty_list.then_some(Taken::EmptyList);
        let list = self.list.iter().flat_map(Readings::iter).map(Taken::ListOfOne);
        let empty_map = self.is_empty_map.then_some(Taken::EmptyMap);
        one.chain(empty_list).chain(list).chain(empty_map)
    }

    /// The one after so many others; the last one where there are fewer.
    fn get(&self, index: u8) -> Taken {
        let mut taken = Taken::One(Reading::String);
        for next in self.iter().take(usize::from(index) + 1) {
            taken = next;
        }
        taken
    }
}

impl Taken {
    fn write(self, text: &str, builder: &mut Builder<'_>) {
        match self {
            Self::One(reading) => reading.write(text, builder),
            Self::ListOfOne(reading) => {
                builder.open_array();
                reading.write(text, builder);
                builder.close();
            }
            Self::EmptyList => {
                builder.open_array();
                builder.close();
            }
            Self::EmptyMap => {
                builder.open_object();
                builder.close();
            }
        }
    }
}

/// The texts of a value, in order.
struct Leaves {
    /// In how many ways each can be taken.
    counts: Vec<u8>,
    /// By JSON pointer.
    positions: HashMap<String, usize>,
}

impl Leaves {
    fn of(wire: &Wire<'_>, shape: &Shape) -> Self {
        let mut leaves = Self { counts: Vec::new(), positions: HashMap::new() };
        leaves.add(wire, shape, String::new());
        leaves
    }

    fn are_ambiguous(&self) -> bool {
        self.counts.iter().any(|count| *count > 1)
    }

    /// Chooses the next reading of every text that the schema objects to; says whether there is any.
    fn reconsider(&self, choices: &mut [u8], faults: &[String]) -> bool {
        let mut wrong: Vec<usize> = faults.iter().filter_map(|pointer| self.position(pointer)).collect();
        wrong.sort_unstable();
        wrong.dedup();
        wrong.retain(|leaf| choices[*leaf] + 1 < self.counts[*leaf]);
        for leaf in &wrong {
            choices[*leaf] += 1;
        }
        !wrong.is_empty()
    }

    /// The text at a pointer, or in the list of one that it was taken for.
    fn position(&self, pointer: &str) -> Option<usize> {
        let parent = || pointer.strip_suffix("/0").and_then(|parent| self.positions.get(parent));
        self.positions.get(pointer).or_else(parent).copied()
    }

    fn add(&mut self, wire: &Wire<'_>, shape: &Shape, pointer: String) {
        match wire {
            Wire::Text(_) | Wire::Single(_) => {
                self.positions.insert(pointer, self.counts.len());
                self.counts.push(u8::try_from(Options::of(wire, shape).iter().count()).unwrap_or(u8::MAX));
            }
            Wire::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.add(item, shape.item(index), format!("{pointer}/{index}"));
                }
            }
            Wire::Map(members) => {
                for (name, member) in members {
                    self.add(member, shape.member(name), pointer::member(&pointer, name));
                }
            }
            Wire::Json(_) | Wire::Opaque(_) => {}
        }
    }
}
