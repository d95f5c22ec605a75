//! `master-key`: what private keys are sealed under.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use super::database::DatabaseArgs;
use super::operator;
use super::{Context, Error, Outcome};
use crate::app;
use crate::custody::{self, Rotated};
use crate::key::{KeySource, MasterKey};
use crate::output::{Format, Show, Table};
use crate::store::DatabaseStore;

/// The arguments of `master-key`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replace the master key: seal every private key in the database anew, all of them or none.
    ///
    /// Stop the control planes of this database first. One that runs on neither signs nor makes keys until it is started
    /// again with the new master key. Where this is cut short, it is finished by running it again.
    Rotate(Rotation),
}

#[derive(Debug, clap::Args)]
struct Rotation {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The master key until now: `env://NAME` or `file:///path`. Without it, `master.key` in the data folder.
    #[arg(long, env = "PORTCULLIS_CONTROL_MASTER_KEY", value_name = "REFERENCE", requires = "new_master_key")]
    master_key: Option<KeySource>,
    /// The master key from now on: `env://NAME` or `file:///path`, 32 bytes in base64. Without it, a new one is made in the
    /// data folder.
    #[arg(long, env = "PORTCULLIS_CONTROL_NEW_MASTER_KEY", value_name = "REFERENCE")]
    new_master_key: Option<KeySource>,
    /// How to print what was done.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, Serialize)]
struct Report {
    old_master_key: String,
    new_master_key: String,
    secrets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_master_key_file: Option<PathBuf>,
}

impl Show for Report {
    fn to_text(&self) -> String {
        let mut table = Table::of_properties();
        table.row(["old master key", &self.old_master_key]);
        table.row(["new master key", &self.new_master_key]);
        table.row(["secrets sealed anew", &self.secrets.to_string()]);
        if let Some(file) = &self.old_master_key_file {
            table.row(["old one kept in", &file.display().to_string()]);
        }
        table.to_string()
    }
}

/// Runs `master-key`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let Command::Rotate(rotation) = &args.command;
    let folder = rotation.database.data_dir.clone();
    let folder = folder.or_else(|| context.config.data_folder.clone()).ok_or(Error::NoDataFolder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(app::Error::System)?;
    let report = runtime.block_on(rotate(rotation, &folder, context))?;
    context.console.show(&report, rotation.format)?;
    if report.old_master_key_file.is_some() {
        context.console.note(format_args!("delete the old master key when no backup needs it any more"));
    }
    Ok(Outcome::Done)
}

async fn rotate(rotation: &Rotation, folder: &Path, context: &Context) -> Result<Report, Error> {
    let config = &context.config;
    let old = app::master_key_of(folder, rotation.master_key.as_ref(), config)?;
    let new = match &rotation.new_master_key {
        Some(source) => MasterKey::resolve(source, config)?,
        None => MasterKey::successor_in(folder, config)?,
    };
    let url = rotation.database.url()?;
    let database = app::open_database(folder, url.as_ref().map(|url| url.reveal().as_str())).await?;
    let store = DatabaseStore::new(database.clone());
    let rotated = custody::rotate_master_key(&store, &operator::act(), (&old, &new)).await.map_err(app::Error::from)?;
    database.close().await;
    let secrets = match rotated {
        Rotated::Now { secrets } => secrets,
        Rotated::Before => 0,
        Rotated::Other { sealed_by } => return Err(app::Error::OtherMasterKey { sealed_by, given: old.id() }.into()),
    };
    let old_master_key_file = match &rotation.new_master_key {
        // Only now: until here, the file opens what is in the database.
        None => Some(old.succeeded_in(folder)?),
        Some(_) => None,
    };
    Ok(Report {
        old_master_key: old.id().to_string(),
        new_master_key: new.id().to_string(),
        secrets,
        old_master_key_file,
    })
}
