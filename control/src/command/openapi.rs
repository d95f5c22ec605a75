//! `openapi`: the document of the server's own API.

use super::{Context, Error, Outcome};
use crate::api::router;
use crate::output;

/// The arguments of `openapi`: none.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the document, which is JSON whatever the reader is.
pub fn run(_: &Args, context: &Context) -> Result<Outcome, Error> {
    let document = serde_json::to_string_pretty(&router::document()).map_err(output::Error::from)?;
    context.console.data(format!("{document}\n").as_bytes())?;
    Ok(Outcome::Done)
}
