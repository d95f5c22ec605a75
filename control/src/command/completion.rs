//! `completion`: a script for the shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Context, Error, Outcome};
use crate::cli::Cli;

/// The arguments of `completion`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    context.console.data(&script)?;
    Ok(Outcome::Done)
}
