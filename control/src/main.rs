//! `portcullis-control`: read the command line and the environment, run one command, say how it ended.

use std::process::ExitCode;

use clap::Parser;
use control::cli::Cli;
use control::command::Context;
use control::config::Config;
use control::exit;
use control::output::Console;

// Ten thousand connections come and go for months. musl's own keeps what they leave, and the gateway's takes 32 MiB of
// address space for each thread, which a confined build on many cores does not have.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
