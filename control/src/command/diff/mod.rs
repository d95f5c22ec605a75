//! `diff`: what a new artifact, or a new document, does to clients and to security.

mod report;

pub(in crate::command) use report::Report;

use std::path::{Path, PathBuf};

use artifact_format::container;
use artifact_format::model::{Artifact, Provenance};

use super::diagnostics::{self, DiagnosticFormat};
use super::{Context, Error, Outcome};
use crate::artifact::{self, ArtifactFile, Verdict};
use crate::compilation::{Compilation, DocumentArgs, LoweringArgs, Request};
use crate::key::TrustArgs;
use crate::output::Format;
use crate::{diff, documents};

/// The arguments of `diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An artifact, or an OpenAPI document that is compiled for the comparison; `-` reads it from stdin.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// Another one, to be compared with it.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Exit with 2 where there is a difference, with 0 where there is none.
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    lowering: LoweringArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// How to print the differences.
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// Compares two artifacts by what they mean.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    if [&args.old, &args.new].iter().all(|path| documents::is_stdin(path)) {
        return Err(documents::Error::StdinRepeated { count: 2 }.into());
    }
    let (old, new) = (load(&args.old, args, context)?, load(&args.new, args, context)?);
    let diff = diff::compare(&old, &new)?;
    context.console.show(&Report::new(&diff), args.output)?;
    if args.detailed_exitcode && !diff.is_empty() { Ok(Outcome::Different) } else { Ok(Outcome::Done) }
}

/// Reads an artifact, trusted or not: it is shown, not served. What is no artifact is compiled.
fn load(path: &Path, args: &Args, context: &Context) -> Result<Artifact, Error> {
    let file = ArtifactFile::read(path)?;
    match file.open_to_show(&args.trust.trust(&context.config)?) {
        Ok((verified, verdict)) => {
            if let Verdict::Untrusted(why) = verdict {
                context.console.note(format_args!("warning: {}: {why}", path.display()));
            }
            Ok(file.decode(&verified)?)
        }
        Err(artifact::Error::Refused { source: container::Error::NotAnArtifact, .. }) => {
            compile(path, file.bytes(), (args, context))
        }
        Err(error) => Err(error.into()),
    }
}

/// Compiles a document, whose text is needed where it came from stdin.
fn compile(path: &Path, text: &[u8], (args, context): (&Args, &Context)) -> Result<Artifact, Error> {
    let documents = DocumentArgs { specs: vec![path.to_owned()], overlays: Vec::new(), root: None };
    let request = Request { documents, lowering: args.lowering.clone(), provenance: Provenance::default() };
    let Compilation { artifact, diagnostics, .. } = request.compile_with(Some(text))?;
    diagnostics::show(&diagnostics, DiagnosticFormat::Text, context.console)?;
    artifact.ok_or(Error::DoesNotCompile { errors: diagnostics.errors(), warnings: diagnostics.warnings() })
}
