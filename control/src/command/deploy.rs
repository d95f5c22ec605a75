//! `deploy`: which artifact a project's data planes are to serve.

use serde_json::json;

use super::asking::{AskingArgs, Columns};
use super::{Context, Error, Outcome};
use crate::client::{Body, ProjectArgs};

/// The arguments of `deploy`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The artifact's digest, or how it begins.
    digest: String,
    /// Which of the project's data planes, by their labels, such as `env=prod,tier!=edge`. Without it, all.
    #[arg(long, value_name = "SELECTOR", default_value = "")]
    selector: String,
    /// Why, for people.
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    message: String,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

const ROWS: Columns = &[
    ("id", "/id"),
    ("serial", "/serial"),
    ("artifact", "/artifact"),
    ("selector", "/selector"),
    ("message", "/message"),
    ("author", "/author"),
    ("created", "/created_at"),
];

/// Says what is to be served from now on.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let session = args.asking.open(context)?;
    let project = session.project(&args.project)?;
    let artifact = session.client.artifact_digest(&project, &args.digest)?;
    let body = json!({ "artifact": artifact, "selector": args.selector, "message": args.message });
    let url = session.client.at(["projects", project.must("/id")?, "deploy"]);
    let deployment = session.client.post(url, Body::Json(&body))?;
    args.asking.show(&deployment, ROWS, context.console)?;
    Ok(Outcome::Done)
}
