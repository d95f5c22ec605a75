//! `dev`: edit, save, and it is served.

use std::path::PathBuf;

use artifact_format::model::{Artifact, Provenance};
use compiler::diagnostic::Diagnostics;

use super::compile;
use super::diagnostics::{self, DiagnosticFormat};
use super::{Context, Error, Outcome};
use crate::compilation::{Built, DocumentArgs, LoweringArgs, Request};
use crate::dev::{self, Addresses, Listener, Session};
use crate::output::{Console, counted};

/// The arguments of `dev`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    documents: DocumentArgs,
    #[command(flatten)]
    lowering: LoweringArgs,
    /// Where the gateway listens for requests.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Where the gateway listens for questions about itself.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9901")]
    admin: String,
    /// The gateway's program. Without it, the `portcullis` beside this program, else the one on the PATH.
    #[arg(long, value_name = "PATH")]
    gateway: Option<PathBuf>,
}

/// Watches, compiles and serves until Ctrl-C or SIGTERM.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let program = dev::find_gateway(args.gateway.as_deref(), &context.config)?;
    let request = Request {
        documents: args.documents.clone(),
        lowering: args.lowering.clone(),
        provenance: Provenance::default(),
    };
    let addresses = Addresses { listen: args.listen.clone(), admin: args.admin.clone() };
    let session = Session { request, config: &context.config, program, addresses };
    context.console.note(format_args!("serving on {} what compiles; Ctrl-C ends it", args.listen));
    dev::run(&session, &mut Narrator { console: context.console })?;
    Ok(Outcome::Done)
}

/// Tells the user what happens.
struct Narrator {
    console: Console,
}

impl Listener for Narrator {
    fn compiled(&mut self, artifact: Option<&Artifact>, diagnostics: &Diagnostics) {
        // Text goes to stderr, where nothing can fail that anybody could be told of.
        let _ = diagnostics::show(diagnostics, DiagnosticFormat::Text, self.console);
        match artifact {
            Some(artifact) => self.console.note(compile::summary(artifact)),
            None => self.console.say(format_args!(
                "does not compile: {}; the last good artifact, if any, goes on being served",
                counted(diagnostics.errors(), "error")
            )),
        }
    }

    fn placed(&mut self, built: &Built) {
        let digest = built.digest.to_string();
        self.console.note(format_args!("the gateway loads {}", digest.get(..12).unwrap_or(&digest)));
    }

    fn failed(&mut self, error: &dev::Error) {
        self.console.say(format_args!("error: {error}; the last good artifact, if any, goes on being served"));
    }

    fn gateway_ended(&mut self, how: &str) {
        self.console.say(how);
    }
}
