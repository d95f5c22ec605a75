//! `data-plane`: who serves a project's traffic, and how they are.

use serde_json::{Map, Value, json};

use super::asking::{AskingArgs, Columns, LimitArgs, YesArgs};
use super::{Context, Error, Outcome};
use crate::client::{Body, Client, ProjectArgs, Thing};
use crate::domain::label::{Key, Value as LabelValue};

/// The arguments of `data-plane`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the data planes that serve a project.
    List {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Count a project's data planes: how they are, and what they serve.
    Summary {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Show a data plane and its processes.
    Get(WhichArgs),
    /// Set labels of a data plane by hand: they count more than what it says of itself.
    Label {
        #[command(flatten)]
        which: WhichArgs,
        /// `KEY=VALUE` to set a label, `KEY-` to leave it to the data plane again.
        #[arg(required = true, value_name = "LABEL", value_parser = Change::parse)]
        changes: Vec<Change>,
    },
    /// Have a data plane connect anew. Its traffic does not notice.
    Disconnect(WhichArgs),
    /// Remove a data plane. One that is connected is parted with, and comes back if its key is still good.
    Delete {
        #[command(flatten)]
        which: WhichArgs,
        #[command(flatten)]
        yes: YesArgs,
    },
}

/// Which data plane.
#[derive(Debug, clap::Args)]
struct WhichArgs {
    /// Its name, or its id.
    data_plane: String,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

/// What becomes of a label.
#[derive(Debug, Clone)]
enum Change {
    Set(Key, LabelValue),
    Leave(Key),
}

impl Change {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |error: crate::domain::label::LabelError| error.to_string();
        if let Some(key) = text.strip_suffix('-').filter(|key| !key.contains('=')) {
            return Ok(Self::Leave(key.parse().map_err(wrong)?));
        }
        let (key, value) = text.split_once('=').ok_or("give KEY=VALUE, or KEY- to take it away")?;
        Ok(Self::Set(key.parse().map_err(wrong)?, value.parse().map_err(wrong)?))
    }
}

const COLUMNS: Columns = &[
    ("NAME", "/name"),
    ("STATUS", "/status"),
    ("ARTIFACT", "/artifact"),
    ("LABELS", "/labels"),
    ("LAST SEEN", "/last_seen"),
    ("ID", "/id"),
];

const ROWS: Columns = &[
    ("name", "/name"),
    ("id", "/id"),
    ("kind", "/kind"),
    ("status", "/status"),
    ("artifact", "/artifact"),
    ("labels", "/labels"),
    ("set by hand", "/set_labels"),
    ("gateway host", "/gateway_host"),
    ("connected", "/connected_at"),
    ("last seen", "/last_seen"),
    ("processes", "/instances"),
];

const SUMMARY: Columns = &[
    ("data planes", "/data_planes"),
    ("online", "/online"),
    ("deploying", "/deploying"),
    ("offline", "/offline"),
    ("connected processes", "/connected_instances"),
    ("drifting processes", "/drifting_instances"),
    ("processes with alarms", "/alarmed_instances"),
    ("artifacts", "/artifacts"),
];

/// Runs `data-plane`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.verb {
        Verb::List { limit, project, asking } => {
            let session = asking.open(context)?;
            let all = session.client.at(["projects", session.project(project)?.must("/id")?, "data-planes"]);
            asking.show_all(&session.client.list(&all, limit.number())?, COLUMNS, context.console)?;
        }
        Verb::Summary { project, asking } => {
            let session = asking.open(context)?;
            let url = session.client.at(["projects", session.project(project)?.must("/id")?, "fleet"]);
            asking.show(&session.client.get(url)?, SUMMARY, context.console)?;
        }
        Verb::Get(which) => {
            let (_, plane) = which.open(context)?;
            which.asking.show(&plane, ROWS, context.console)?;
        }
        Verb::Label { which, changes } => {
            let (client, plane) = which.open(context)?;
            let url = client.at(["teams", plane.must("/team")?, "dataplanes", plane.must("/id")?]);
            let body = json!({ "labels": labels(&plane, changes) });
            which.asking.show(&client.patch(url, &body, plane.etag.as_deref())?, ROWS, context.console)?;
        }
        Verb::Disconnect(which) => {
            let (client, plane) = which.open(context)?;
            let at = ["projects", plane.must("/project")?, "data-planes", plane.must("/id")?, "disconnect"];
            client.post(client.at(at), Body::Empty)?;
            context.console.note(format_args!("{} connects anew", plane.must("/name")?));
        }
        Verb::Delete { which, yes } => {
            let (client, plane) = which.open(context)?;
            let name = plane.must("/name")?;
            yes.confirm(&format!("remove data plane {name}"), context.console)?;
            client.delete(client.at(["projects", plane.must("/project")?, "data-planes", plane.must("/id")?]), None)?;
            context.console.note(format_args!("removed data plane {name}"));
        }
    }
    Ok(Outcome::Done)
}

/// The labels that are set by hand, after these changes.
fn labels(plane: &Thing, changes: &[Change]) -> Map<String, Value> {
    let mut labels = plane.get("/set_labels").and_then(Value::as_object).cloned().unwrap_or_default();
    for change in changes {
        match change {
            Change::Set(key, value) => drop(labels.insert(key.as_str().to_owned(), json!(value))),
            Change::Leave(key) => drop(labels.remove(key.as_str())),
        }
    }
    labels
}

impl WhichArgs {
    fn open(&self, context: &Context) -> Result<(Client, Thing), Error> {
        let session = self.asking.open(context)?;
        let project = session.project(&self.project)?;
        let all = ["projects", project.must("/id")?, "data-planes"];
        let client = session.client;
        let one = client.at(all.iter().copied().chain([self.data_plane.as_str()]));
        let plane = client.find("data plane", &self.data_plane, (&one, &client.at(all)))?;
        Ok((client, plane))
    }
}
