//! `apikey`: how data planes show which project they serve.

use std::time::Duration;

use serde_json::{Value, json};

use super::asking::{AskingArgs, Columns, LimitArgs, YesArgs};
use super::token::expiry;
use super::{Context, Error, Outcome};
use crate::client::{Body, ProjectArgs};
use crate::domain::access::Scope;
use crate::domain::name::Name;

/// The arguments of `apikey`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make an API key for a project's data planes. Its secret is shown this once, on stdout.
    Create(CreateArgs),
    /// List a project's API keys, with those that have expired or were revoked.
    List {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Revoke an API key, at once.
    Revoke {
        /// Its id, or its name.
        api_key: String,
        #[command(flatten)]
        yes: YesArgs,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// What it is called, for people.
    name: Name,
    /// What it allows. Repeatable, or several with commas between them. Without it, `data-planes:connect` and
    /// `artifacts:read`.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<Scope>,
    /// For how long it is good, such as `90d`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires_in: Option<Duration>,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

const COLUMNS: Columns = &[
    ("NAME", "/name"),
    ("ID", "/id"),
    ("BEGINS", "/prefix"),
    ("SCOPES", "/scopes"),
    ("LAST USED", "/last_used_at"),
    ("EXPIRES", "/expires_at"),
    ("REVOKED", "/revoked_at"),
];

const CREATED: Columns = &[
    ("name", "/api_key/name"),
    ("id", "/api_key/id"),
    ("scopes", "/api_key/scopes"),
    ("expires", "/api_key/expires_at"),
    ("secret", "/secret"),
    ("command", "/command"),
];

/// Runs `apikey`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.verb {
        Verb::Create(args) => {
            let session = args.asking.open(context)?;
            let url = session.client.at(["projects", session.project(&args.project)?.must("/id")?, "api-keys"]);
            let issued = session.client.post(url, Body::Json(&args.order()?))?;
            let issued = issued.with_server(session.client.server());
            context.console.note("the secret is shown this once: keep it now, for gateways in the file data-plane.key");
            args.asking.show(&issued, CREATED, context.console)?;
        }
        Verb::List { limit, project, asking } => {
            let session = asking.open(context)?;
            let url = session.client.at(["projects", session.project(project)?.must("/id")?, "api-keys"]);
            asking.show_all(&session.client.list(&url, limit.number())?, COLUMNS, context.console)?;
        }
        Verb::Revoke { api_key, yes, project, asking } => {
            let session = asking.open(context)?;
            let client = &session.client;
            let project = session.project(project)?;
            let all = ["projects", project.must("/id")?, "api-keys"];
            let one = client.at(all.iter().copied().chain([api_key.as_str()]));
            let key = client.find("API key", api_key, (&one, &client.at(all)))?;
            let name = key.must("/name")?;
            yes.confirm(&format!("revoke API key {name}, which is refused from then on"), context.console)?;
            client.delete(client.at(all.iter().copied().chain([key.must("/id")?])), None)?;
            context.console.note(format_args!("revoked API key {name}"));
        }
    }
    Ok(Outcome::Done)
}

impl CreateArgs {
    fn order(&self) -> Result<Value, Error> {
        let mut body = json!({ "name": self.name });
        if !self.scopes.is_empty() {
            body["scopes"] = json!(self.scopes);
        }
        if let Some(time) = self.expires_in {
            body["expires_at"] = expiry(time)?;
        }
        Ok(body)
    }
}
