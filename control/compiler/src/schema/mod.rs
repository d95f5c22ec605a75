//! JSON Schemas: every one that a request or response can meet, lowered to 2020-12 and stored once.
//!
//! - [`keyword`] says what may stand under each keyword and what becomes of it;
//! - [`collector`] follows references and decides which schemas the artifact has;
//! - [`lowering`] writes one schema, keyword by keyword; [`values`] those that hold no schema, by their [`rule`]s;
//! - [`purpose`] says what a schema is for, a request or a response; [`manner`] how it is read therefore, and [`marked`]
//!   which properties only one side sends;
//! - [`numeric`] writes formats of numbers as bounds, which are exact because [`decimal`] is;
//! - [`pattern`] tries every regular expression;
//! - [`scope`] resolves `$dynamicRef`; [`discriminator`] rewrites mappings;
//! - [`text`] and [`table`] hold what was written and merge what is the same.

mod collector;
mod decimal;
mod dialect;
mod discriminator;
mod keyword;
mod lowering;
mod manner;
mod marked;
mod numeric;
mod pattern;
mod purpose;
mod rule;
mod scope;
mod table;
mod text;
mod values;

pub(crate) use collector::Collector;
pub(crate) use dialect::check_dialect;
pub(crate) use purpose::{Purpose, Purposes};
pub(crate) use table::Table;
