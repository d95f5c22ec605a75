//! `restore`: a control plane from one file.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::operator;
use super::places::Places;
use super::{Context, Error, Outcome};
use crate::app;
use crate::backup;
use crate::backup::restore::{Checked, Refounded, Target, check, restore};
use crate::custody::{Keys, References};
use crate::documents::is_stdin;
use crate::domain::digest::Digest;
use crate::domain::id::ProjectId;
use crate::file;
use crate::key::Passphrase;
use crate::output::{Format, Show, Table, printable};
use crate::store::DatabaseStore;

/// The arguments of `restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    places: Places,
    /// The backup; `-` for stdin, which is kept in a temporary file while it is read.
    #[arg(long, short, value_name = "FILE")]
    input: PathBuf,
    /// The file that holds the passphrase, in one line. Without it, `PORTCULLIS_CONTROL_PASSPHRASE` or the file that
    /// `PORTCULLIS_CONTROL_PASSPHRASE_FILE` names.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Say whether the backup is sound and the passphrase the right one, and restore nothing.
    #[arg(long)]
    dry_run: bool,
    /// How to print what was done.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, Serialize)]
struct Report {
    restored: bool,
    created_at: Timestamp,
    program: String,
    schema: i64,
    secrets: bool,
    rows: u64,
    artifacts: u64,
    new_signing_keys: Vec<NewKey>,
}

/// A project that has a new signing key, and a new trust root with it.
#[derive(Debug, Serialize)]
struct NewKey {
    project: ProjectId,
    name: String,
    key_id: Digest,
}

impl Report {
    fn new(checked: &Checked, restored: Option<Vec<Refounded>>) -> Self {
        let is_restored = restored.is_some();
        let new = restored.unwrap_or_default().into_iter();
        let new = new.map(|Refounded { project, name, key_id }| NewKey { project, name, key_id });
        Self {
            restored: is_restored,
            created_at: checked.header.created_at,
            program: checked.header.program.clone(),
            schema: checked.header.schema,
            secrets: checked.header.secrets.is_some(),
            rows: checked.manifest.rows(),
            artifacts: checked.manifest.artifacts.count,
            new_signing_keys: new.collect(),
        }
    }
}

impl Show for Report {
    fn to_text(&self) -> String {
        let mut table = Table::of_properties();
        table.row(["restored", if self.restored { "everything" } else { "nothing: the backup is sound" }]);
        table.row(["state of", &self.created_at.to_string()]);
        table.row(["written by", &printable(&self.program)]);
        table.row(["secrets", if self.secrets { "under the passphrase" } else { "none" }]);
        table.row(["rows", &self.rows.to_string()]);
        table.row(["artifacts", &self.artifacts.to_string()]);
        for key in &self.new_signing_keys {
            table.row(["new signing key", &format!("{} of project {}", key.key_id, key.name)]);
        }
        table.to_string()
    }
}

/// Runs `restore`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let input = open(args)?;
    let passphrase = Passphrase::find(args.passphrase_file.as_deref(), &context.config).map_err(backup::Error::from)?;
    let progress = context.console.progress("checking the backup");
    let checked = check(&input, passphrase.as_ref())?;
    drop(progress);
    if args.dry_run {
        context.console.show(&Report::new(&checked, None), args.format)?;
        return Ok(Outcome::Done);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(app::Error::System)?;
    let progress = context.console.progress("restoring");
    let refounded = runtime.block_on(Box::pin(put_back(args, context, (&input, &checked))))?;
    drop(progress);
    let report = Report::new(&checked, Some(refounded));
    context.console.show(&report, args.format)?;
    say_what_is_missing(&report, context);
    Ok(Outcome::Done)
}

async fn put_back(
    args: &Args,
    context: &Context,
    (input, checked): (&File, &Checked),
) -> Result<Vec<Refounded>, Error> {
    let database = args.places.database(context).await?;
    let artifacts = args.places.artifacts(context)?;
    let master = args.places.master_key(context)?;
    let store = DatabaseStore::new(database.clone());
    let references = References { allowed: Vec::new(), config: context.config.clone() };
    let keys = Keys::new(Arc::new(store.clone()), master, references);
    let act = operator::act();
    let target = Target { act: &act, store: &store, artifacts: &artifacts, keys: &keys };
    let refounded = restore(input, checked, &target).await;
    database.close().await;
    Ok(refounded?)
}

/// What whoever restores a backup without secrets has to do.
fn say_what_is_missing(report: &Report, context: &Context) {
    if report.secrets {
        return;
    }
    let note = |text: &str| context.console.note(text);
    note("the backup holds no secrets: there is no token and no API key, and `serve` prints a token when it starts");
    if !report.new_signing_keys.is_empty() {
        note(
            "projects whose private keys were not in the backup have new ones, and a new trust root: give it to their \
             gateways, which do not follow the old one to it",
        );
    }
}

/// The file, or a copy of stdin: it is read twice.
fn open(args: &Args) -> Result<File, Error> {
    if !is_stdin(&args.input) {
        file::check_readable(&args.input)?;
        return Ok(File::open(&args.input).map_err(|error| file::Error::reading(&args.input, error))?);
    }
    let mut copy = tempfile::tempfile().map_err(backup::Error::Read)?;
    io::copy(&mut io::stdin().lock(), &mut copy).map_err(backup::Error::Read)?;
    Ok(copy)
}
