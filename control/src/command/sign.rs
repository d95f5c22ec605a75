//! `sign`: one more signature.

use std::path::PathBuf;

use super::{Context, Error, Outcome};
use crate::artifact::ArtifactFile;
use crate::documents;
use crate::file::{self, Access};
use crate::key::{self, KeySource};

/// The arguments of `sign`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The artifact; `-` reads it from stdin. The signatures it has stay.
    #[arg(value_name = "FILE")]
    artifact: PathBuf,
    /// The key to sign with: a PEM file, `file:///path`, or `env://NAME`.
    // Parsed later: clap would repeat a key that was given by mistake.
    #[arg(
        long,
        env = "PORTCULLIS_CONTROL_SIGNING_KEY",
        hide_env_values = true,
        value_name = "FILE|env://NAME",
        allow_hyphen_values = true
    )]
    signing_key: String,
    /// Where to write the signed artifact. Without it, the artifact is replaced; one from stdin goes to
    /// stdout, as with `-`.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Adds a signature. The artifact is checked to be sound first, not whom it is from.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let source: KeySource = args.signing_key.parse().map_err(key::Error::from)?;
    let key = source.resolve(&context.config)?;
    let output = args.output.as_ref().unwrap_or(&args.artifact);
    if source.is_in(output) {
        return Err(file::Error::Input { path: output.clone() }.into());
    }
    let artifact = ArtifactFile::read(&args.artifact)?;
    let signed = artifact.signed(&key)?;
    if documents::is_stdin(output) {
        context.console.data(&signed)?;
    } else {
        file::replace(output, &signed, Access::Shared)?;
    }
    context.console.note(format_args!("signed {} with key {}", output.display(), key.public().id()));
    Ok(Outcome::Done)
}
