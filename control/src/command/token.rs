//! `token`: who may ask a server, and for what.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::asking::{AskingArgs, Columns, LimitArgs, YesArgs};
use super::{Context, Error, Outcome};
use crate::client::{self, Body};
use crate::domain::access::Scope;
use crate::domain::name::Name;

/// The arguments of `token`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a token. Its secret is shown this once, on stdout.
    Create(CreateArgs),
    /// List tokens, with those that have expired or were revoked.
    List {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Revoke a token, at once.
    Revoke {
        /// Its id, or its name.
        token: String,
        #[command(flatten)]
        yes: YesArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// What it is called, for people.
    name: Name,
    /// What it can be at most.
    #[arg(long, value_enum, value_name = "ROLE", default_value = "viewer")]
    role: Role,
    /// What it allows, such as `specs:write`. Repeatable, or several with commas between them. Without it, all that its
    /// role has and the token that makes it.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<Scope>,
    /// The id of the team that it is for. Without it, the own one's.
    #[arg(long, value_name = "ID")]
    team: Option<String>,
    /// For how long it is good, such as `90d`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires_in: Option<Duration>,
    #[command(flatten)]
    asking: AskingArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Everything within reach.
    Admin,
    /// Everything but tokens, signing keys and the audit log.
    Editor,
    /// Looks, and changes nothing.
    Viewer,
}

const COLUMNS: Columns = &[
    ("NAME", "/name"),
    ("ID", "/id"),
    ("ROLE", "/role"),
    ("BEGINS", "/prefix"),
    ("LAST USED", "/last_used_at"),
    ("EXPIRES", "/expires_at"),
    ("REVOKED", "/revoked_at"),
];

const CREATED: Columns = &[
    ("name", "/token/name"),
    ("id", "/token/id"),
    ("role", "/token/role"),
    ("scopes", "/token/scopes"),
    ("expires", "/token/expires_at"),
    ("secret", "/secret"),
];

/// Runs `token`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.verb {
        Verb::Create(args) => {
            let client = args.asking.open(context)?.client;
            let issued = client.post(client.at(["tokens"]), Body::Json(&args.order()?))?;
            context.console.note("the secret is shown this once: keep it now");
            args.asking.show(&issued, CREATED, context.console)?;
        }
        Verb::List { limit, asking } => {
            let client = asking.open(context)?.client;
            asking.show_all(&client.list(&client.at(["tokens"]), limit.number())?, COLUMNS, context.console)?;
        }
        Verb::Revoke { token, yes, asking } => {
            let client = asking.open(context)?.client;
            let token = client.find("token", token, (&client.at(["tokens", token]), &client.at(["tokens"])))?;
            let name = token.must("/name")?;
            yes.confirm(&format!("revoke token {name}, which is refused from then on"), context.console)?;
            client.delete(client.at(["tokens", token.must("/id")?]), None)?;
            context.console.note(format_args!("revoked token {name}"));
        }
    }
    Ok(Outcome::Done)
}

impl CreateArgs {
    fn order(&self) -> Result<Value, Error> {
        let role = self.role.to_possible_value().map(|role| role.get_name().to_owned());
        let mut body = json!({ "name": self.name, "role": role });
        if !self.scopes.is_empty() {
            body["scopes"] = json!(self.scopes);
        }
        if let Some(team) = &self.team {
            body["team"] = json!(team);
        }
        if let Some(time) = self.expires_in {
            body["expires_at"] = expiry(time)?;
        }
        Ok(body)
    }
}

/// The time in so long.
pub(super) fn expiry(time: Duration) -> Result<Value, Error> {
    let at = jiff::Timestamp::now().checked_add(time).map_err(|_| client::Error::Time)?;
    Ok(json!(at.to_string()))
}
