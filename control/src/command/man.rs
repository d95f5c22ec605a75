//! `man`: the manual pages.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::CommandFactory as _;

use super::{Context, Error, Outcome};
use crate::cli::Cli;
use crate::file;

/// The arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder, made where it does not exist.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Writes one page for the program and one for each command.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    write_pages(&args.folder).map_err(|source| file::Error::Io {
        path: args.folder.clone(),
        action: "write manual pages into",
        source,
    })?;
    context.console.note(format_args!("wrote the manual pages into {}", args.folder.display()));
    Ok(Outcome::Done)
}

fn write_pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
}
