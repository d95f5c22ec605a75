//! `compile` and `validate`: documents into an artifact, or into diagnostics.

use std::path::{Path, PathBuf};

use artifact_format::model::Artifact;

use super::diagnostics::{self, DiagnosticArgs};
use super::{Context, Error, Outcome};
use crate::compilation::{
    Built, Compilation, DocumentArgs, LoweringArgs, ProvenanceArgs, Request, Signer, SigningArgs,
};
use crate::documents::Reads;
use crate::file::{self, Access};
use crate::key::Age;
use crate::output::{Console, counted};

/// The arguments of `compile`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    documents: DocumentArgs,
    #[command(flatten)]
    lowering: LoweringArgs,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    provenance: ProvenanceArgs,
    #[command(flatten)]
    diagnostics: DiagnosticArgs,
    /// Where to write the artifact; `-` for stdout. One that is there stays until the new one is whole.
    #[arg(long, short, value_name = "FILE", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
    /// Do everything but write the artifact: a signing key that is named must be there. No development key is made either.
    #[arg(long)]
    dry_run: bool,
}

/// The arguments of `validate`.
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    documents: DocumentArgs,
    #[command(flatten)]
    lowering: LoweringArgs,
    #[command(flatten)]
    diagnostics: DiagnosticArgs,
}

/// Compiles, signs, and puts the artifact in its place in one step.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let provenance = args.provenance.provenance(&context.config)?;
    let request = Request { documents: args.documents.clone(), lowering: args.lowering.clone(), provenance };
    let (artifact, reads) = checked(&request, args.diagnostics, context.console)?;
    if let Some(output) = &args.output {
        let holds_key = args.signing.source()?.is_some_and(|source| source.is_in(output));
        if holds_key || reads.contain(output) {
            return Err(file::Error::Input { path: output.clone() }.into());
        }
    }
    let Some(output) = args.output.as_deref().filter(|_| !args.dry_run) else {
        args.signing.rehearse(&artifact, &context.config)?;
        context.console.note(format_args!("{}; nothing was written", summary(&artifact)));
        return Ok(Outcome::Done);
    };
    let built = args.signing.build(&artifact, &context.config)?;
    if output == Path::new("-") {
        context.console.data(&built.bytes)?;
    } else {
        file::replace(output, &built.bytes, Access::Shared)?;
    }
    context.console.note(format_args!("{} into {}", summary(&artifact), output.display()));
    report(&built, context.console);
    Ok(Outcome::Done)
}

/// Compiles, and keeps nothing.
pub fn validate(args: &ValidateArgs, context: &Context) -> Result<Outcome, Error> {
    let provenance = ProvenanceArgs::default().provenance(&context.config)?;
    let request = Request { documents: args.documents.clone(), lowering: args.lowering.clone(), provenance };
    let (artifact, _) = checked(&request, args.diagnostics, context.console)?;
    SigningArgs::default().rehearse(&artifact, &context.config)?;
    context.console.note(format_args!("{}; nothing was written", summary(&artifact)));
    Ok(Outcome::Done)
}

/// Compiles and shows the diagnostics.
fn checked(request: &Request, args: DiagnosticArgs, console: Console) -> Result<(Artifact, Reads), Error> {
    let progress = console.progress("compiling");
    let Compilation { artifact, diagnostics, reads } = request.compile()?;
    drop(progress);
    diagnostics::show(&diagnostics, args.format, console)?;
    match artifact {
        Some(artifact) => args.denies(&diagnostics).map(|()| (artifact, reads)),
        None => Err(Error::DoesNotCompile { errors: diagnostics.errors(), warnings: diagnostics.warnings() }),
    }
}

/// What was compiled, in a line.
pub(super) fn summary(artifact: &Artifact) -> String {
    let operations = counted(artifact.routes.operations.len(), "operation");
    let upstreams = counted(artifact.upstreams.upstreams.len(), "upstream");
    format!("compiled {operations} and {upstreams}")
}

/// Says what the artifact is called and who signed it.
fn report(built: &Built, console: Console) {
    let digest = built.digest.to_string();
    let short = digest.get(..12).unwrap_or(&digest);
    match &built.signer {
        Signer::Nobody => console.note(format_args!("digest {short}, NOT signed: serving it takes --allow-unsigned")),
        Signer::Key(key) => console.note(format_args!("digest {short}, signed by key {key}")),
        Signer::Development { key, path, age } => {
            if *age == Age::New {
                console.note(format_args!(
                    "made a development key, which this machine trusts from now on: {}\n\
                     in production, sign with a key of your own: --signing-key FILE|env://NAME",
                    path.display()
                ));
            }
            console.note(format_args!("digest {short}, signed by development key {key}"));
        }
    }
}
