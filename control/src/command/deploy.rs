//! `deploy`: which artifact a project's data planes are to serve, and how it gets there. `rollback`: the way back.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::asking::AskingArgs;
use super::deployment::{ROWS, WaitArgs, find};
use super::{Context, Error, Outcome};
use crate::client::{self, Body, ProjectArgs, Session, Thing};
use crate::domain::rollout::{Share, ShareText};

/// The arguments of `deploy`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Args {
    /// The artifact's digest, or how it begins.
    #[arg(group = "what")]
    artifact: Option<String>,
    /// What this build made, by its id.
    #[arg(long, value_name = "BUILD", group = "what")]
    build: Option<String>,
    /// The project's newest artifact.
    #[arg(long, group = "what")]
    newest: bool,
    /// Which of the project's data planes, by their labels, such as `env=prod,tier!=edge`. Without it, all.
    #[arg(long, value_name = "SELECTOR", default_value = "")]
    selector: String,
    #[command(flatten)]
    manner: MannerArgs,
    /// When to start, as in `2026-01-31T04:00:00Z`. Without it, now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// A pipeline asks: what was rolled back, and is pinned, is not deployed over.
    #[arg(long)]
    ci: bool,
    /// Take away the pins that rollbacks left on any of these data planes.
    #[arg(long, conflicts_with = "ci")]
    unpin: bool,
    /// Why, for people.
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    message: String,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

/// In which steps, and what must hold.
#[derive(Debug, clap::Args)]
struct MannerArgs {
    /// To so many data planes first, such as `1` or `10%`, then to all.
    #[arg(long, value_name = "SIZE", conflicts_with = "waves")]
    canary: Option<Share>,
    /// To so many data planes, then so many, such as `1,10%,50%`, then to all.
    #[arg(long, value_name = "SIZES", value_delimiter = ',')]
    waves: Vec<Share>,
    /// Who lets the next wave begin.
    #[arg(long, value_enum, value_name = "WHO", default_value = "automatic")]
    promotion: PromotionArg,
    /// How many data planes may refuse it. Without it, none.
    #[arg(long = "gate-max-rejections", value_name = "N")]
    max_rejections: Option<u32>,
    /// Which share of a wave's requests may end with a status of 500 and above, such as `1%` or `0.01`. Without it, any.
    #[arg(long = "gate-max-error-rate", value_name = "SHARE", value_parser = share)]
    max_error_rate: Option<f64>,
    /// How long the 99th percentile of a wave's requests may take, such as `250ms`. Without it, as long as it takes.
    #[arg(long = "gate-max-p99", value_name = "TIME", value_parser = humantime::parse_duration)]
    max_p99: Option<Duration>,
    /// From how many requests of a wave on both are judged. Without it, 100.
    #[arg(long = "gate-min-requests", value_name = "N")]
    min_requests: Option<u32>,
    /// What follows where they are fewer: the wave waits for more, and in the end for somebody, or goes on. Without it, `wait`.
    #[arg(long = "gate-on-unjudged", value_enum, value_name = "WHAT")]
    on_unjudged: Option<OnUnjudgedArg>,
    /// How long a wave is held to the gates once all its data planes serve. Without it, a minute where there is another wave,
    /// or a gate on requests.
    #[arg(long = "gate-bake", value_name = "TIME", value_parser = humantime::parse_duration)]
    bake: Option<Duration>,
    /// How long a wave may take until then. Without it, 15 minutes.
    #[arg(long = "gate-wave-time", value_name = "TIME", value_parser = humantime::parse_duration)]
    wave_time: Option<Duration>,
    /// What follows when that does not hold.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "rollback")]
    on_failure: OnFailureArg,
}

/// Who lets the next wave begin.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum PromotionArg {
    /// The gates.
    Automatic,
    /// Somebody, with `deployment promote`.
    Manual,
}

/// What follows where a wave has answered too few requests to be judged.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OnUnjudgedArg {
    /// It waits for more, and when its time is up for `deployment promote`.
    Wait,
    /// It goes on once it has served for long enough.
    Continue,
}

/// What follows when a gate is breached.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OnFailureArg {
    /// Whom it has reached goes back at once.
    Rollback,
    /// It goes no further, and somebody decides.
    Pause,
}

/// The arguments of `rollback`.
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    /// To what: an artifact's digest or how it begins, or the number or id of a deployment. Without it, to what was there
    /// before.
    #[arg(long, value_name = "WHAT")]
    to: Option<String>,
    /// Which data planes: the selector of the deployment that is taken back. Without it, that of the last one.
    #[arg(long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Why, for people.
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    message: String,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

/// Says what is to be served from now on, and waits for it where that is asked for.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let session = args.asking.open(context)?;
    let project = session.project(&args.project)?;
    let artifact = args.artifact(&session, &project)?;
    let mut body = json!({
        "artifact": artifact,
        "selector": args.selector,
        "strategy": args.manner.strategy(),
        "promotion": match args.manner.promotion {
            PromotionArg::Automatic => "automatic",
            PromotionArg::Manual => "manual",
        },
        "gates": args.manner.gates(),
        "on_failure": match args.manner.on_failure {
            OnFailureArg::Rollback => "rollback",
            OnFailureArg::Pause => "pause",
        },
        "started_by": if args.ci { "ci" } else { "manual" },
        "unpin": args.unpin,
        "message": args.message,
    });
    if let Some(at) = args.at {
        body["scheduled_for"] = json!(at);
    }
    let url = session.client.at(["projects", project.must("/id")?, "deploy"]);
    let deployment = session.client.post(url, Body::Json(&body))?;
    conclude((&session, &args.wait), (deployment, &args.asking), context)
}

/// Takes back what was deployed, and waits for it where that is asked for.
pub fn rollback(args: &RollbackArgs, context: &Context) -> Result<Outcome, Error> {
    let session = args.asking.open(context)?;
    let project = session.project(&args.project)?;
    let mut body = Map::new();
    body.insert("message".to_owned(), json!(args.message));
    body.extend(args.selector.iter().map(|selector| ("selector".to_owned(), json!(selector))));
    if let Some(to) = &args.to {
        let (member, value) = target(&session, &project, to)?;
        body.insert(member.to_owned(), json!(value));
    }
    let url = session.client.at(["projects", project.must("/id")?, "rollback"]);
    let deployment = session.client.post(url, Body::Json(&Value::Object(body)))?;
    conclude((&session, &args.wait), (deployment, &args.asking), context)
}

fn conclude(
    (session, wait): (&Session, &WaitArgs),
    (deployment, asking): (Thing, &AskingArgs),
    context: &Context,
) -> Result<Outcome, Error> {
    let (deployment, verdict) = wait.follow(&session.client, deployment, context.console)?;
    asking.show(&deployment, ROWS, context.console)?;
    verdict?;
    Ok(Outcome::Done)
}

/// What is meant: a deployment by its number or id, or an artifact by how its digest begins.
fn target(session: &Session, project: &Thing, to: &str) -> Result<(&'static str, String), Error> {
    // A digest may begin with digits, too; nobody counts to a million.
    let is_deployment = to.parse::<uuid::Uuid>().is_ok() || (to.len() <= 6 && to.parse::<u32>().is_ok());
    if is_deployment {
        return Ok(("deployment", find(&session.client, project, to)?.must("/id")?.to_owned()));
    }
    Ok(("artifact", session.client.artifact_digest(project, to)?))
}

impl Args {
    fn artifact(&self, session: &Session, project: &Thing) -> Result<String, Error> {
        let client = &session.client;
        if let Some(digest) = &self.artifact {
            return Ok(client.artifact_digest(project, digest)?);
        }
        if let Some(id) = &self.build {
            let build = client.get(client.at(["builds", id]))?;
            let digest = build.text("/artifact").map(str::to_owned);
            let state = build.must("/state")?.to_owned();
            return Ok(digest.ok_or_else(|| client::Error::NoArtifact { build: id.clone(), state })?);
        }
        let newest = client.list(&client.at(["projects", project.must("/id")?, "artifacts"]), Some(1))?;
        let newest = newest.items.first().ok_or(client::Error::NothingBuilt)?;
        Ok(newest.must("/digest")?.to_owned())
    }
}

impl MannerArgs {
    fn strategy(&self) -> Value {
        match (self.canary, self.waves.as_slice()) {
            (Some(size), _) => json!({ "kind": "canary", "size": ShareText::from(size) }),
            (None, []) => json!({ "kind": "all_at_once" }),
            (None, sizes) => {
                let sizes: Vec<ShareText> = sizes.iter().copied().map(ShareText::from).collect();
                json!({ "kind": "waves", "sizes": sizes })
            }
        }
    }

    fn gates(&self) -> Value {
        let said = [
            ("max_rejections", self.max_rejections.map(|number| json!(number))),
            ("max_error_rate", self.max_error_rate.map(|share| json!(share))),
            ("max_p99_ms", self.max_p99.map(|time| json!(time.as_secs_f64() * 1000.0))),
            ("min_requests", self.min_requests.map(|number| json!(number))),
            ("on_unjudged", self.on_unjudged.map(|what| json!(what.as_str()))),
            ("bake_seconds", self.bake.map(|time| json!(whole_seconds(time)))),
            ("wave_seconds_max", self.wave_time.map(|time| json!(whole_seconds(time)))),
        ];
        let said = said.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?)));
        Value::Object(said.collect::<Map<_, _>>())
    }
}

impl OnUnjudgedArg {
    fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Continue => "continue",
        }
    }
}

/// No less than was asked for.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// A share of requests.
fn share(text: &str) -> Result<f64, &'static str> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    let share = share.ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("not a share of requests: give one from 0 to 1, or from 0% to 100%")
}
