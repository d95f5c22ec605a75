//! `verify`: would a data plane that believes these keys load this artifact?

use std::path::PathBuf;

use serde::Serialize;

use super::{Context, Error, Outcome};
use crate::artifact::ArtifactFile;
use crate::key::TrustArgs;
use crate::output::{Format, Show, Table};

/// The arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The artifact; `-` reads it from stdin.
    #[arg(value_name = "FILE")]
    artifact: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// How to print the result.
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

#[derive(Debug, Serialize)]
struct Verification {
    digest: String,
    signed_by: Vec<String>,
    project: String,
}

impl Show for Verification {
    fn to_text(&self) -> String {
        let mut table = Table::of_properties();
        table.row(["verified", &self.digest]);
        table.row(["signed by", &self.signed_by.join(", ")]);
        table.row(["project", &self.project]);
        table.to_string()
    }
}

/// Checks every byte: the signatures, every section, and that the whole of it decodes.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let artifact = ArtifactFile::read(&args.artifact)?;
    let verified = artifact.open(&args.trust.trust(&context.config)?)?;
    artifact.decode(&verified)?;
    let verification = Verification {
        digest: artifact.digest().to_string(),
        signed_by: verified.signed_by().iter().map(ToString::to_string).collect(),
        project: verified.manifest().project.clone(),
    };
    context.console.show(&verification, args.output)?;
    Ok(Outcome::Done)
}
