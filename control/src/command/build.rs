//! `build`: a spec compiled into an artifact, on a server.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::asking::{AskingArgs, Columns};
use super::{Context, Error, Outcome};
use crate::client::waiting::AWAY;
use crate::client::{self, Body, Client, ProjectArgs, Seen, Thing, Waiting};
use crate::domain::name::Name;
use crate::output::{Console, printable};

/// The arguments of `build`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec to build: its name or its id.
    #[arg(long, value_name = "SPEC", required_unless_present = "id")]
    spec: Option<String>,
    /// A build that was started already, by its id: show it, or wait for it.
    #[arg(long, value_name = "BUILD", conflicts_with_all = ["spec", "revision", "environment", "commit", "source"])]
    id: Option<String>,
    /// The number of the revision to build. Without it, the newest.
    #[arg(long, value_name = "NUMBER")]
    revision: Option<u64>,
    /// One of the project's environments: its overlays, upstream and security are taken.
    #[arg(long, value_name = "NAME")]
    environment: Option<Name>,
    /// The commit of the documents, to be kept in the artifact.
    #[arg(long = "provenance-commit", env = "PORTCULLIS_CONTROL_PROVENANCE_COMMIT", value_name = "SHA")]
    commit: Option<String>,
    /// Where the documents come from, to be kept in the artifact: a repository, a pipeline.
    #[arg(long = "provenance-source", env = "PORTCULLIS_CONTROL_PROVENANCE_SOURCE", value_name = "TEXT")]
    source: Option<String>,
    /// Wait until it has ended, and show what is wrong with the documents if anything is.
    #[arg(long)]
    wait: bool,
    /// How long to wait. A build that takes longer goes on.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "10m")]
    timeout: Duration,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

const ROWS: Columns = &[
    ("id", "/id"),
    ("spec", "/spec"),
    ("revision", "/revision"),
    ("environment", "/environment"),
    ("state", "/state"),
    ("errors", "/errors"),
    ("warnings", "/warnings"),
    ("failure", "/failure"),
    ("artifact", "/artifact"),
    ("author", "/author"),
    ("created", "/created_at"),
    ("finished", "/finished_at"),
];

/// Starts a build, or looks at one, and waits for it where that is asked for.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let session = args.asking.open(context)?;
    let client = &session.client;
    let build = match (&args.id, &args.spec) {
        (Some(id), _) => client.get(client.at(["builds", id]))?,
        (None, spec) => {
            let spec = session.spec(&args.project, spec.as_deref().unwrap_or_default())?;
            client.post(client.at(["specs", spec.must("/id")?, "compile"]), Body::Json(&args.order()))?
        }
    };
    if !args.wait {
        args.asking.show(&build, ROWS, context.console)?;
        return Ok(Outcome::Done);
    }
    let build = wait(client, build, args.timeout, context.console)?;
    say(client, &build, context.console)?;
    args.asking.show(&build, ROWS, context.console)?;
    verdict(&build)?;
    Ok(Outcome::Done)
}

impl Args {
    fn order(&self) -> Value {
        let said = [
            ("revision", self.revision.map(|number| json!(number))),
            ("environment", self.environment.as_ref().map(|name| json!(name))),
            ("commit", self.commit.as_ref().map(|text| json!(text))),
            ("source", self.source.as_ref().map(|text| json!(text))),
        ];
        let said = said.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?)));
        Value::Object(said.collect::<Map<_, _>>())
    }
}

/// Looks again and again, until the build has ended. A control plane that is away meanwhile is waited for, too.
fn wait(client: &Client, mut build: Thing, timeout: Duration, console: Console) -> Result<Thing, Error> {
    let id = build.must("/id")?.to_owned();
    let mut waiting = Waiting::new(client.at(["builds", id.as_str()]), timeout);
    let mut progress = Some(console.progress("building"));
    while !matches!(build.must("/state")?, "succeeded" | "failed" | "cancelled") {
        match waiting.look(client)? {
            Seen::Is(seen) => {
                build = seen;
                progress.get_or_insert_with(|| console.progress("building"));
            }
            Seen::Away => {
                // Said once, where the progress was.
                if progress.take().is_some() {
                    console.note(AWAY);
                }
            }
            Seen::TooLate => {
                let state = build.must("/state")?.to_owned();
                return Err(client::Error::TimedOut { build: id, state, waited: timeout }.into());
            }
        }
    }
    drop(progress);
    Ok(build)
}

/// Says what the compiler said: as it would have here.
fn say(client: &Client, build: &Thing, console: Console) -> Result<(), Error> {
    let log = client.text(client.at(["builds", build.must("/id")?, "log"]))?;
    for line in log.trim_end().lines() {
        console.say(printable(line));
    }
    Ok(())
}

fn verdict(build: &Thing) -> Result<(), client::Error> {
    let id = || build.must("/id").map(str::to_owned);
    match build.must("/state")? {
        "succeeded" => Ok(()),
        "cancelled" => Err(client::Error::BuildCancelled { build: id()? }),
        _ => Err(match build.text("/failure") {
            Some(reason) => client::Error::BuildFailed { build: id()?, reason: reason.to_owned() },
            None => client::Error::DoesNotCompile { build: id()? },
        }),
    }
}
