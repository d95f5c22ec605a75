//! `backup`: a control plane in one file.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::operator;
use super::places::Places;
use super::{Context, Error, Outcome};
use crate::app;
use crate::backup::take::{Source, take};
use crate::backup::{self, Header, Manifest};
use crate::documents::is_stdin as is_stream;
use crate::domain::store::Backups as _;
use crate::file::{Access, Clash, Pending};
use crate::key::{MasterKey, Passphrase};
use crate::output::{Format, Show, Table};
use crate::store::DatabaseStore;

/// The arguments of `backup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    places: Places,
    /// The file to write; `-` for stdout.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if there is one.
    #[arg(long)]
    force: bool,
    /// Take private keys along, and what tokens and API keys are recognised by: sealed under a passphrase.
    #[arg(long)]
    with_secrets: bool,
    /// The file that holds the passphrase, in one line. Without it, `PORTCULLIS_CONTROL_PASSPHRASE` or the file that
    /// `PORTCULLIS_CONTROL_PASSPHRASE_FILE` names.
    #[arg(long, value_name = "FILE", requires = "with_secrets")]
    passphrase_file: Option<PathBuf>,
    /// How to print what was done.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    created_at: Timestamp,
    schema: i64,
    secrets: bool,
    rows: u64,
    artifacts: u64,
    artifact_bytes: u64,
}

impl Report {
    fn new(file: Option<PathBuf>, header: &Header, manifest: &Manifest) -> Self {
        Self {
            file,
            created_at: header.created_at,
            schema: header.schema,
            secrets: header.secrets.is_some(),
            rows: manifest.rows(),
            artifacts: manifest.artifacts.count,
            artifact_bytes: manifest.artifacts.bytes,
        }
    }
}

impl Report {
    /// What the audit log says of it.
    fn detail(&self) -> serde_json::Value {
        let Self { secrets, rows, artifacts, .. } = self;
        serde_json::json!({ "secrets": secrets, "rows": rows, "artifacts": artifacts })
    }
}

impl Show for Report {
    fn to_text(&self) -> String {
        let mut table = Table::of_properties();
        if let Some(file) = &self.file {
            table.row(["backup", &file.display().to_string()]);
        }
        table.row(["state of", &self.created_at.to_string()]);
        table.row(["secrets", if self.secrets { "under the passphrase" } else { "none" }]);
        table.row(["rows", &self.rows.to_string()]);
        table.row(["artifacts", &format!("{} ({} bytes)", self.artifacts, self.artifact_bytes)]);
        table.to_string()
    }
}

/// Runs `backup`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(app::Error::System)?;
    let report = runtime.block_on(Box::pin(back_up(args, context)))?;
    if is_stream(&args.output) {
        // Stdout is the backup itself.
        context.console.note(report.to_text());
    } else {
        context.console.show(&report, args.format)?;
    }
    Ok(Outcome::Done)
}

async fn back_up(args: &Args, context: &Context) -> Result<Report, Error> {
    let passphrase = if args.with_secrets { Some(passphrase(args, context)?) } else { None };
    let database = args.places.existing_database(context).await?;
    let store = DatabaseStore::new(database.clone());
    let report = write(args, context, (&store, passphrase.as_ref())).await;
    database.close().await;
    report
}

async fn write(
    args: &Args,
    context: &Context,
    (store, passphrase): (&DatabaseStore, Option<&Passphrase>),
) -> Result<Report, Error> {
    let artifacts = args.places.artifacts(context)?;
    let master = match passphrase {
        Some(_) => Some(master_key(args, context, store).await?),
        None => None,
    };
    let act = operator::act();
    let source = Source { act: &act, store, artifacts: &artifacts, secrets: master.as_ref().zip(passphrase) };
    let _progress = context.console.progress("taking a backup");
    if is_stream(&args.output) {
        let (_, header, manifest) = take(&source, context.console.stream()?).await?;
        let report = Report::new(None, &header, &manifest);
        store.backup_is_whole(&act, report.detail()).await.map_err(backup::Error::from)?;
        return Ok(report);
    }
    let clash = if args.force { Clash::Replace } else { Clash::Refuse };
    let file = Pending::begin(&args.output, Access::Private, clash)?;
    let (file, header, manifest) = take(&source, file).await?;
    file.finish(clash)?;
    let report = Report::new(Some(args.output.clone()), &header, &manifest);
    store.backup_is_whole(&act, report.detail()).await.map_err(backup::Error::from)?;
    Ok(report)
}

fn passphrase(args: &Args, context: &Context) -> Result<Passphrase, backup::Error> {
    let found = Passphrase::find(args.passphrase_file.as_deref(), &context.config)?;
    let passphrase = found.ok_or(backup::Error::NoPassphrase)?;
    passphrase.check_strength()?;
    Ok(passphrase)
}

/// The master key, if it is the one that everything is sealed under. None is made: a new one opens nothing.
async fn master_key(args: &Args, context: &Context, store: &DatabaseStore) -> Result<MasterKey, Error> {
    let master = args.places.existing_master_key(context)?;
    let given = master.id();
    match store.sealed_by().await.map_err(app::Error::from)? {
        Some(sealed_by) if sealed_by != given => Err(app::Error::OtherMasterKey { sealed_by, given }.into()),
        Some(_) | None => Ok(master),
    }
}
