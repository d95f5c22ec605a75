//! `signing-key`: whose signatures a project's data planes believe.

use std::path::PathBuf;

use serde_json::json;

use super::asking::{AskingArgs, Columns, LimitArgs};
use super::{Context, Error, Outcome};
use crate::client::{Body, ProjectArgs};
use crate::domain::name::Name;
use crate::key;

/// The arguments of `signing-key`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List a project's signing keys, with their public halves.
    List {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Believe what a key signs whose private half is elsewhere, such as in a pipeline.
    Trust {
        /// The public key: a PEM file, or 32 bytes in base64.
        #[arg(value_name = "FILE|BASE64")]
        public_key: PathBuf,
        /// What it is called, for people. Without it, the first digits of its id.
        #[arg(long, value_name = "NAME")]
        name: Option<Name>,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
}

const COLUMNS: Columns = &[
    ("NAME", "/name"),
    ("STATE", "/state"),
    ("KIND", "/kind"),
    ("PUBLIC KEY", "/public_key"),
    ("CREATED", "/created_at"),
];

const ROWS: Columns = &[
    ("name", "/name"),
    ("id", "/id"),
    ("state", "/state"),
    ("kind", "/kind"),
    ("key id", "/key_id"),
    ("public key", "/public_key"),
    ("created", "/created_at"),
];

/// Runs `signing-key`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.verb {
        Verb::List { limit, project, asking } => {
            let session = asking.open(context)?;
            let url = session.client.at(["projects", session.project(project)?.must("/id")?, "signing-keys"]);
            asking.show_all(&session.client.list(&url, limit.number())?, COLUMNS, context.console)?;
        }
        Verb::Trust { public_key, name, project, asking } => {
            let public = key::public_key(&public_key.to_string_lossy())?;
            let session = asking.open(context)?;
            let mut body = json!({ "kind": "public", "public_key": public.to_base64() });
            if let Some(name) = name {
                body["name"] = json!(name);
            }
            let url = session.client.at(["projects", session.project(project)?.must("/id")?, "signing-keys"]);
            asking.show(&session.client.post(url, Body::Json(&body))?, ROWS, context.console)?;
        }
    }
    Ok(Outcome::Done)
}
