//! `spec`: an API's documents on a server, with their revisions.

use std::path::PathBuf;

use super::asking::{AskingArgs, Columns, LimitArgs, YesArgs};
use super::{Context, Error, Outcome};
use crate::client::pack::{self, Pack};
use crate::client::{self, Body, Client, ProjectArgs, Thing};
use crate::domain::name::Name;
use crate::output::counted;

/// The arguments of `spec`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Upload documents: a new spec, or a new revision of the one that has the name.
    ///
    /// Files take along every file that a `$ref` leads to. Documents that are the same as the newest revision make none.
    Push(PushArgs),
    /// List a project's specs.
    List {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Show a spec.
    Get {
        /// Its name or its id.
        spec: String,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Delete a spec, with its revisions and builds.
    Delete {
        /// Its name or its id.
        spec: String,
        #[command(flatten)]
        yes: YesArgs,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
}

#[derive(Debug, clap::Args)]
struct PushArgs {
    /// OpenAPI documents, and overlays that come along; or one folder; or `-`, which reads a document from stdin.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// What the spec is called. Without it, the title of the API, made into a name.
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    /// Why, for people.
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    message: String,
    /// The only folder that is read, in which paths begin. Without it, the folder that holds every file.
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// Of a folder, the path in it of an OpenAPI document. Repeatable. Without it, the only one with a field `openapi`.
    #[arg(long = "entry", value_name = "PATH")]
    entries: Vec<String>,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

const COLUMNS: Columns = &[
    ("NAME", "/name"),
    ("ID", "/id"),
    ("REVISION", "/head/number"),
    ("AUTHOR", "/head/author"),
    ("UPDATED", "/updated_at"),
];

const ROWS: Columns = &[
    ("name", "/name"),
    ("id", "/id"),
    ("project", "/project"),
    ("description", "/description"),
    ("revision", "/head/number"),
    ("entries", "/head/entries"),
    ("digest", "/head/digest"),
    ("message", "/head/message"),
    ("author", "/head/author"),
    ("created", "/created_at"),
    ("updated", "/updated_at"),
];

/// Runs `spec`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.verb {
        Verb::Push(args) => push(args, context)?,
        Verb::List { limit, project, asking } => {
            let session = asking.open(context)?;
            let url = session.client.at(["projects", session.project(project)?.must("/id")?, "specs"]);
            asking.show_all(&session.client.list(&url, limit.number())?, COLUMNS, context.console)?;
        }
        Verb::Get { spec, project, asking } => {
            let session = asking.open(context)?;
            asking.show(&session.spec(project, spec)?, ROWS, context.console)?;
        }
        Verb::Delete { spec, yes, project, asking } => {
            let session = asking.open(context)?;
            let spec = session.spec(project, spec)?;
            let name = spec.must("/name")?;
            yes.confirm(&format!("delete spec {name}, with its revisions and builds"), context.console)?;
            session.client.delete(session.client.at(["specs", spec.must("/id")?]), spec.etag.as_deref())?;
            context.console.note(format_args!("deleted spec {name}"));
        }
    }
    Ok(Outcome::Done)
}

fn push(args: &PushArgs, context: &Context) -> Result<(), Error> {
    let pack = pack::pack(&args.paths, args.root.as_deref(), &args.entries).map_err(client::Error::from)?;
    let name = match &args.name {
        Some(name) => name.to_string(),
        None => pack.name.clone().ok_or(client::Error::NoName)?,
    };
    let session = args.asking.open(context)?;
    let client = &session.client;
    let project = session.project(&args.project)?;
    let progress = context.console.progress("uploading");
    let spec = match client.spec_named(&project, &name)? {
        None => create(client, &project, (&name, &args.message), &pack)?,
        Some(spec) => revise(client, &spec, &args.message, &pack)?,
    };
    drop(progress);
    let number = spec.shown("/head/number");
    context.console.note(format_args!("{name}: revision {number} of {}", counted(pack.files.len(), "file")));
    args.asking.show(&spec, ROWS, context.console)
}

fn create(client: &Client, project: &Thing, (name, message): (&str, &str), pack: &Pack) -> Result<Thing, Error> {
    let mut url = client.at(["projects", project.must("/id")?, "specs"]);
    url.query_pairs_mut().append_pair("name", name).append_pair("message", message);
    url.query_pairs_mut().extend_pairs(pack.entries.iter().map(|entry| ("entry", entry)));
    Ok(client.post(url, Body::Bytes("application/zip", &pack.archive))?)
}

/// Adds a revision, and reads the spec that has it.
fn revise(client: &Client, spec: &Thing, message: &str, pack: &Pack) -> Result<Thing, Error> {
    let id = spec.must("/id")?;
    let mut url = client.at(["specs", id, "revisions"]);
    url.query_pairs_mut().append_pair("message", message);
    url.query_pairs_mut().extend_pairs(pack.entries.iter().map(|entry| ("entry", entry)));
    client.post(url, Body::Bytes("application/zip", &pack.archive))?;
    Ok(client.get(client.at(["specs", id]))?)
}
