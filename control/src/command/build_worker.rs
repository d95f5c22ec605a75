//! `build-worker`: the far end of a build, which only the server starts.

use std::time::Duration;

use super::{Context, Error, Outcome};
use crate::build::child::{self, Confinement};

/// The arguments of `build-worker`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How much address space it may take, in bytes.
    #[arg(long, value_name = "BYTES")]
    memory_bytes: u64,
    /// How long it may compute, in seconds, on all cores together.
    #[arg(long, value_name = "SECONDS")]
    cpu_seconds: u64,
}

/// Confines this process, then compiles one job.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let cpu = Duration::from_secs(args.cpu_seconds);
    Confinement { memory_bytes: args.memory_bytes, cpu }.confine()?;
    let outcome = child::work(child::job()?)?;
    context.console.data(&outcome)?;
    Ok(Outcome::Done)
}
