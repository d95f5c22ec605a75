//! `deployment`: how deployments go on, and how they are steered.

use std::time::Duration;

use serde_json::json;

use super::asking::{AskingArgs, Columns, LimitArgs};
use super::{Context, Error, Outcome};
use crate::client::waiting::AWAY;
use crate::client::{self, Body, Client, ProjectArgs, Seen, Thing, Waiting};
use crate::output::{Console, printable};

/// The arguments of `deployment`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List a project's deployments, those that failed included.
    List {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Show a deployment, or wait until it has ended.
    Get {
        #[command(flatten)]
        which: WhichArgs,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Show what happened to a deployment.
    Events {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        which: WhichArgs,
    },
    /// Show what became of a deployment on each data plane.
    History {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        which: WhichArgs,
    },
    /// Let a deployment go no further. Whom it has reached goes on serving it.
    Pause(WhichArgs),
    /// Let a deployment go on that was paused.
    Resume(WhichArgs),
    /// Let the next wave begin, whatever the gates say.
    Promote {
        #[command(flatten)]
        which: WhichArgs,
        /// The last wave, which is everyone, instead of the next.
        #[arg(long)]
        everyone: bool,
    },
    /// End a deployment: whom it had reached goes back to what it served before.
    Abort(WhichArgs),
    /// Let pipelines deploy over what was rolled back.
    Unpin {
        /// Which data planes, by their labels. Without it, all.
        #[arg(long, value_name = "SELECTOR", default_value = "")]
        selector: String,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
}

/// Which state of a deployment is steered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// The one that was read: it does not go on twice.
    WhatWasRead,
    /// Whatever it is in: it is to stop.
    Whatever,
}

/// Which deployment.
#[derive(Debug, clap::Args)]
struct WhichArgs {
    /// Its id, or its number in its project.
    deployment: String,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

/// Whether to wait until a deployment has ended.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct WaitArgs {
    /// Wait until it has ended, one way or another. Exits with 8 if it failed or was taken back.
    #[arg(long)]
    wait: bool,
    /// How long to wait. A deployment that takes longer goes on; exits with 9.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "30m", requires = "wait")]
    timeout: Duration,
}

/// How long it may take to ask how far it is within a wave, which is only said.
const PROGRESS_MAX: Duration = Duration::from_secs(2);

/// What a table shows of a deployment.
pub(super) const ROWS: Columns = &[
    ("id", "/id"),
    ("number", "/serial"),
    ("kind", "/kind"),
    ("artifact", "/artifact"),
    ("selector", "/selector"),
    ("state", "/state"),
    ("reason", "/reason/detail"),
    ("wave", "/wave"),
    ("waves", "/waves"),
    ("strategy", "/strategy"),
    ("gates", "/gates"),
    ("takes back", "/takes_back"),
    ("message", "/message"),
    ("author", "/author"),
    ("started by", "/started_by"),
    ("created", "/created_at"),
    ("scheduled", "/scheduled_for"),
    ("started", "/started_at"),
    ("finished", "/finished_at"),
];

const COLUMNS: Columns = &[
    ("NUMBER", "/serial"),
    ("KIND", "/kind"),
    ("STATE", "/state"),
    ("WAVE", "/wave"),
    ("ARTIFACT", "/artifact"),
    ("SELECTOR", "/selector"),
    ("AUTHOR", "/author"),
    ("CREATED", "/created_at"),
    ("ID", "/id"),
];

const EVENTS: Columns = &[
    ("AT", "/at"),
    ("EVENT", "/kind"),
    ("STATE", "/state"),
    ("WAVE", "/wave"),
    ("BY", "/actor"),
    ("REASON", "/reason/detail"),
];

const HISTORY: Columns = &[
    ("AT", "/at"),
    ("DATA PLANE", "/data_plane_name"),
    ("OUTCOME", "/outcome"),
    ("CODE", "/code"),
    ("DETAIL", "/detail"),
];

/// Runs `deployment`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.verb {
        Verb::List { limit, project, asking } => {
            let session = asking.open(context)?;
            let project = session.project(project)?;
            let all = session.client.at(["projects", project.must("/id")?, "deployments"]);
            asking.show_all(&session.client.list(&all, limit.number())?, COLUMNS, context.console)?;
        }
        Verb::Get { which, wait } => {
            let (client, deployment) = which.open(context)?;
            let (deployment, verdict) = wait.follow(&client, deployment, context.console)?;
            which.asking.show(&deployment, ROWS, context.console)?;
            verdict?;
        }
        Verb::Events { limit, which } => which.list(context, (*limit, "events", EVENTS))?,
        Verb::History { limit, which } => which.list(context, (*limit, "history", HISTORY))?,
        Verb::Pause(which) => which.steer(context, ("pause", About::Whatever), Body::Empty)?,
        Verb::Resume(which) => which.steer(context, ("resume", About::WhatWasRead), Body::Empty)?,
        Verb::Promote { which, everyone } => {
            let body = json!({ "to": if *everyone { "everyone" } else { "next" } });
            which.steer(context, ("promote", About::WhatWasRead), Body::Json(&body))?;
        }
        Verb::Abort(which) => which.steer(context, ("abort", About::Whatever), Body::Empty)?,
        Verb::Unpin { selector, project, asking } => {
            let session = asking.open(context)?;
            let project = session.project(project)?;
            let mut url = session.client.at(["projects", project.must("/id")?, "pins"]);
            url.query_pairs_mut().append_pair("selector", selector);
            session.client.delete(url, None)?;
            context.console.note("pipelines may deploy again");
        }
    }
    Ok(Outcome::Done)
}

impl WhichArgs {
    fn open(&self, context: &Context) -> Result<(Client, Thing), Error> {
        let session = self.asking.open(context)?;
        let deployment = if self.deployment.parse::<uuid::Uuid>().is_ok() {
            session.client.get(session.client.at(["deployments", self.deployment.as_str()]))?
        } else {
            let project = session.project(&self.project)?;
            find(&session.client, &project, &self.deployment)?
        };
        Ok((session.client, deployment))
    }

    fn list(&self, context: &Context, (limit, what, columns): (LimitArgs, &str, Columns)) -> Result<(), Error> {
        let (client, deployment) = self.open(context)?;
        let all = client.at(["deployments", deployment.must("/id")?, what]);
        self.asking.show_all(&client.list(&all, limit.number())?, columns, context.console)
    }

    fn steer(&self, context: &Context, (how, about): (&str, About), body: Body<'_>) -> Result<(), Error> {
        let (client, mut deployment) = self.open(context)?;
        let one = client.at(["deployments", deployment.must("/id")?]);
        if about == About::WhatWasRead && deployment.etag.is_none() {
            // A list says no state.
            deployment = client.get(one)?;
        }
        let etag = deployment.etag.as_deref().filter(|_| about == About::WhatWasRead);
        let url = client.at(["deployments", deployment.must("/id")?, how]);
        self.asking.show(&client.post_about(url, body, etag)?, ROWS, context.console)
    }
}

/// The deployment of a project that has this number or id.
pub(super) fn find(client: &Client, project: &Thing, named: &str) -> Result<Thing, Error> {
    if named.parse::<uuid::Uuid>().is_ok() {
        return Ok(client.get(client.at(["deployments", named]))?);
    }
    let all = client.list(&client.at(["projects", project.must("/id")?, "deployments"]), None)?;
    let found = all.items.into_iter().find(|deployment| deployment.shown("/serial") == named);
    Ok(found.ok_or_else(|| client::Error::NoSuch { noun: "deployment", name: named.to_owned() })?)
}

impl WaitArgs {
    /// Waits for a deployment, where that is asked for. What it has come to is an error, where it is none that anybody
    /// wished for.
    pub(super) fn follow(
        self,
        client: &Client,
        deployment: Thing,
        console: Console,
    ) -> Result<(Thing, Result<(), client::Error>), Error> {
        if !self.wait {
            return Ok((deployment, Ok(())));
        }
        let deployment = self.until_it_ends(client, deployment, console)?;
        let verdict = verdict(&deployment)?;
        Ok((deployment, verdict))
    }

    /// Looks again and again, and says what is new. A control plane that is away meanwhile is waited for, too.
    fn until_it_ends(self, client: &Client, mut deployment: Thing, console: Console) -> Result<Thing, Error> {
        let id = deployment.must("/id")?.to_owned();
        let mut waiting = Waiting::new(client.at(["deployments", id.as_str()]), self.timeout);
        let (mut said, mut is_here) = (String::new(), true);
        while !has_ended(&deployment)? {
            let text = if is_here { progress(client, &deployment)? } else { AWAY.to_owned() };
            if text != said {
                console.note(printable(&text));
                said = text;
            }
            match waiting.look(client)? {
                Seen::Is(seen) => (deployment, is_here) = (seen, true),
                Seen::Away => is_here = false,
                Seen::TooLate => {
                    let state = deployment.must("/state")?.to_owned();
                    return Err(client::Error::StillDeploying { deployment: id, state, waited: self.timeout }.into());
                }
            }
        }
        Ok(deployment)
    }
}

/// Whether waiting makes no difference any more: it has ended, or it was halted.
fn has_ended(deployment: &Thing) -> Result<bool, client::Error> {
    Ok(match deployment.must("/state")? {
        "scheduled" | "in_progress" => false,
        // Somebody will say how it goes on.
        "paused" => !matches!(deployment.text("/reason/code"), Some("by_hand" | "promotion_awaited" | "unjudged")),
        _ => true,
    })
}

/// How far it is, in a line.
fn progress(client: &Client, deployment: &Thing) -> Result<String, Error> {
    let (number, state) = (deployment.shown("/serial"), deployment.must("/state")?);
    match state {
        "scheduled" => return Ok(format!("deployment {number} has not started")),
        "paused" => return Ok(format!("deployment {number} is paused: {}", deployment.shown("/reason/detail"))),
        _ => {}
    }
    let whole = format!("deployment {number}, wave {} of {}", deployment.shown("/wave"), deployment.shown("/waves"));
    // A regional control plane may know the deployment, and not this.
    let url = client.at(["deployments", deployment.must("/id")?, "progress"]);
    let Ok(Some(progress)) = client.look(url, PROGRESS_MAX) else { return Ok(whole) };
    Ok(format!(
        "{whole}: {} of {} data planes that are online serve it",
        progress.shown("/serving"),
        progress.shown("/online")
    ))
}

fn verdict(deployment: &Thing) -> Result<Result<(), client::Error>, client::Error> {
    let state = deployment.must("/state")?;
    if state == "succeeded" {
        return Ok(Ok(()));
    }
    Ok(Err(client::Error::DeploymentFailed {
        number: deployment.shown("/serial"),
        state: state.to_owned(),
        reason: deployment.shown("/reason/detail"),
    }))
}
