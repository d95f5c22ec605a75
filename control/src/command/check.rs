//! `check`: do the documents' own examples satisfy their schemas?

use super::diagnostics::{self, DiagnosticArgs};
use super::{Context, Error, Outcome};
use crate::compilation::DocumentArgs;
use crate::output::counted;

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    documents: DocumentArgs,
    #[command(flatten)]
    diagnostics: DiagnosticArgs,
}

/// Says which examples and defaults break their schemas.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let progress = context.console.progress("checking");
    let found = args.documents.check()?;
    drop(progress);
    diagnostics::show(&found, args.diagnostics.format, context.console)?;
    if found.errors() > 0 {
        return Err(Error::DoesNotCompile { errors: found.errors(), warnings: found.warnings() });
    }
    args.diagnostics.denies(&found)?;
    context.console.note(format_args!("checked, {}", counted(found.warnings(), "warning")));
    Ok(Outcome::Done)
}
