//! `project`: what a server's specs, builds, artifacts and keys belong to.

use std::path::PathBuf;

use clap::ValueEnum as _;
use serde_json::{Map, Value, json};

use super::asking::{AskingArgs, Columns, LimitArgs, YesArgs};
use super::{Context, Error, Outcome};
use crate::client::{self, Body, Thing};
use crate::compilation::Security;
use crate::documents::is_stdin;
use crate::domain::name::Name;
use crate::file;

/// The largest file of settings, in bytes.
const SETTINGS_MAX_BYTES: u64 = 1 << 20;

/// The arguments of `project`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a project. Its first signing key is made with it.
    Create(CreateArgs),
    /// List the projects within reach.
    List {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Show a project.
    Get {
        /// Its name or its id.
        project: String,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Change a project: what is not said stays.
    Update(UpdateArgs),
    /// Delete a project, with its specs, builds, artifacts, keys and deployments.
    Delete {
        /// Its name or its id.
        project: String,
        #[command(flatten)]
        yes: YesArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Its name, unique in its team: what its artifacts say they are for.
    name: Name,
    /// For people.
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// The id of the team that will own it. Without it, the token's.
    #[arg(long, value_name = "ID")]
    team: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

#[derive(Debug, clap::Args)]
struct UpdateArgs {
    /// Its name or its id.
    project: String,
    /// Another name: artifacts that are built from then on say it.
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    /// Another description.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

/// How specs are compiled.
#[derive(Debug, clap::Args)]
struct SettingsArgs {
    /// A JSON file with the settings, whole: `upstream`, `security` and `environments`; `-` reads it from stdin.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Where every request goes, whatever the documents say.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// What becomes of security requirements.
    #[arg(long, value_enum, value_name = "MODE")]
    security: Option<Security>,
}

const COLUMNS: Columns =
    &[("NAME", "/name"), ("ID", "/id"), ("DESCRIPTION", "/description"), ("UPDATED", "/updated_at")];

const ROWS: Columns = &[
    ("name", "/name"),
    ("id", "/id"),
    ("team", "/team"),
    ("description", "/description"),
    ("upstream", "/settings/upstream"),
    ("security", "/settings/security"),
    ("environments", "/settings/environments"),
    ("version", "/version"),
    ("created", "/created_at"),
    ("updated", "/updated_at"),
];

/// Runs `project`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.verb {
        Verb::Create(args) => create(args, context)?,
        Verb::List { limit, asking } => {
            let client = asking.open(context)?.client;
            asking.show_all(&client.list(&client.at(["projects"]), limit.number())?, COLUMNS, context.console)?;
        }
        Verb::Get { project, asking } => {
            let project = asking.open(context)?.client.project(project)?;
            asking.show(&project, ROWS, context.console)?;
        }
        Verb::Update(args) => update(args, context)?,
        Verb::Delete { project, yes, asking } => {
            let client = asking.open(context)?.client;
            let project = client.project(project)?;
            let name = project.must("/name")?;
            yes.confirm(&format!("delete project {name}, with everything in it"), context.console)?;
            client.delete(client.at(["projects", project.must("/id")?]), project.etag.as_deref())?;
            context.console.note(format_args!("deleted project {name}"));
        }
    }
    Ok(Outcome::Done)
}

fn create(args: &CreateArgs, context: &Context) -> Result<(), Error> {
    let client = args.asking.open(context)?.client;
    let mut body = json!({ "name": args.name, "description": args.description });
    if let Some(team) = &args.team {
        body["team"] = json!(team);
    }
    if let Some(settings) = args.settings.over(None)? {
        body["settings"] = settings;
    }
    let project = client.post(client.at(["projects"]), Body::Json(&body))?;
    args.asking.show(&project, ROWS, context.console)
}

fn update(args: &UpdateArgs, context: &Context) -> Result<(), Error> {
    let client = args.asking.open(context)?.client;
    let project = client.project(&args.project)?;
    let mut change = Map::new();
    change.extend(args.name.iter().map(|name| ("name".to_owned(), json!(name))));
    change.extend(args.description.iter().map(|text| ("description".to_owned(), json!(text))));
    let current = project.get("/settings").cloned().unwrap_or_default();
    let settings = args.settings.over(Some(&project))?.map(|wanted| difference(&current, &wanted));
    change.extend(settings.map(|settings| ("settings".to_owned(), settings)));
    let url = client.at(["projects", project.must("/id")?]);
    let project = client.patch(url, &Value::Object(change), project.etag.as_deref())?;
    args.asking.show(&project, ROWS, context.console)
}

/// What makes one object of another (RFC 7396): what is absent stays, so what is to go is `null`.
fn difference(old: &Value, new: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return new.clone() };
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let kept = new.iter().map(|(key, value)| {
        let change = old.get(key).map_or_else(|| value.clone(), |old| difference(old, value));
        (key.clone(), change)
    });
    Value::Object(gone.chain(kept).collect())
}

impl SettingsArgs {
    /// The settings that are meant: those of the file, else those there are, with what the flags say. `None` where
    /// nothing is said.
    fn over(&self, project: Option<&Thing>) -> Result<Option<Value>, Error> {
        if self.settings.is_none() && self.upstream.is_none() && self.security.is_none() {
            return Ok(None);
        }
        let mut settings = match &self.settings {
            Some(path) => {
                let read = if is_stdin(path) {
                    file::read_at_most(std::io::stdin().lock(), SETTINGS_MAX_BYTES)
                        .map_err(|source| file::Error::reading(path, source))?
                        .ok_or(file::Error::TooLarge { path: path.clone(), max_bytes: SETTINGS_MAX_BYTES })?
                } else {
                    file::read(path, SETTINGS_MAX_BYTES)?
                };
                let failed = |source| client::Error::Settings { path: path.clone(), source };
                serde_json::from_slice(&read).map_err(failed)?
            }
            None => project.and_then(|project| project.get("/settings").cloned()).unwrap_or_else(|| json!({})),
        };
        if let Value::Object(members) = &mut settings {
            members.extend(self.upstream.iter().map(|url| ("upstream".to_owned(), json!(url))));
            let mode = self.security.and_then(|mode| mode.to_possible_value());
            members.extend(mode.map(|mode| ("security".to_owned(), json!(mode.get_name()))));
        }
        Ok(Some(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_the_whole_file() {
        let old = json!({ "upstream": "http://a", "environments": { "x": { "overlays": ["a"] }, "y": {} } });
        let new = json!({ "security": "off", "environments": { "x": { "overlays": ["b"] } } });
        let change = json!({
            "upstream": null, "security": "off", "environments": { "x": { "overlays": ["b"] }, "y": null },
        });
        assert_eq!(difference(&old, &new), change);
    }
}
