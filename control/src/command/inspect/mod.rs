//! `inspect`: what an artifact says and where it came from.

mod extract;
mod report;

use std::path::PathBuf;

use super::{Context, Error, Outcome};
use crate::artifact::{ArtifactFile, Verdict};
use crate::key::TrustArgs;
use crate::output::{Format, counted};

/// The arguments of `inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The artifact, signed or not; `-` reads it from stdin.
    #[arg(value_name = "FILE")]
    artifact: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// List the operations.
    #[arg(long)]
    operations: bool,
    /// List the documents it was compiled from.
    #[arg(long)]
    specs: bool,
    /// Write the documents it was compiled from into a new folder.
    #[arg(long, value_name = "FOLDER")]
    extract: Option<PathBuf>,
    /// How to print what it says.
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// Shows an artifact, trusted or not. One that is not sound is refused all the same.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let artifact = ArtifactFile::read(&args.artifact)?;
    let (verified, verdict) = artifact.open_to_show(&args.trust.trust(&context.config)?)?;
    let model = artifact.decode(&verified)?;
    if let Verdict::Untrusted(why) = &verdict {
        context.console.note(format_args!("warning: do not rely on what follows: {why}"));
    }
    if let Some(folder) = &args.extract {
        extract::extract(&model.specs, folder)?;
        let documents = counted(model.specs.specs.len(), "document");
        context.console.note(format_args!("wrote {documents} into {}", folder.display()));
    }
    let mut report = report::Report::new(&artifact, &verified, &verdict, &model);
    if args.operations {
        report = report.with_operations(&model);
    }
    if args.specs {
        report = report.with_specs(&model);
    }
    context.console.show(&report, args.output)?;
    Ok(Outcome::Done)
}
