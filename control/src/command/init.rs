//! `init`: a project to start from.

use std::path::PathBuf;

use super::{Context, Error, Outcome};
use crate::init;

/// The arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's name: the folder that is made.
    #[arg(value_name = "NAME")]
    folder: PathBuf,
}

/// Writes the project.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let files = init::init(&args.folder)?;
    let folder = args.folder.display();
    context.console.note(format_args!("wrote {} into {folder}", files.join(", ")));
    context.console.note(format_args!("next: cd {folder} && portcullis-control dev --spec openapi.yaml"));
    Ok(Outcome::Done)
}
