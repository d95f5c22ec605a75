//! `portcullis-control`: read the command line and the environment, run one command, say how it ended.

use std::process::ExitCode;

use clap::Parser;
use control::cli::Cli;
use control::command::Context;
use control::config::Config;
use control::exit;
use control::output::Console;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = Config::from_environment();
    let console = Console::new(config.color, cli.verbosity());
    match cli.command.run(&Context { config, console }) {
        Ok(outcome) => exit::of_outcome(outcome),
        Err(error) => {
            console.say(format_args!("error: {error}"));
            exit::of_error(&error)
        }
    }
}
