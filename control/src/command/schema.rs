//! `schema`: the JSON Schema of `x-portcullis`.

use super::{Context, Error, Outcome};
use crate::output;

/// The arguments of `schema`: none.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the schema, which is JSON whatever the reader is.
pub fn run(_: &Args, context: &Context) -> Result<Outcome, Error> {
    let schema = serde_json::to_string_pretty(&compiler::extension_schema()).map_err(output::Error::from)?;
    context.console.data(format!("{schema}\n").as_bytes())?;
    Ok(Outcome::Done)
}
