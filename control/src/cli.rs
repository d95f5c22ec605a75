//! The command line.

use clap::{Parser, Subcommand};

use crate::command::{
    self, Context, Outcome, apikey, artifact, audit, backup, build, build_worker, check, compile, completion, context,
    data_plane, deploy, deployment, dev, diff, init, inspect, keygen, login, man, master_key, openapi, project,
    restore, schema, serve, sign, signing_key, spec, token, verify,
};
use crate::output::Verbosity;

/// Compiles OpenAPI documents into signed artifacts, and looks after them.
///
/// An artifact is one file that holds everything a gateway needs to serve an API. `compile` makes one,
/// `portcullis serve --artifact FILE` serves it.
#[derive(Debug, Parser)]
#[command(name = "portcullis-control", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say nothing on stderr but errors and diagnostics.
    #[arg(long, short, global = true)]
    quiet: bool,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a small project to start from.
    Init(init::Args),
    /// Compile on every save, and serve what compiles.
    Dev(dev::Args),
    /// Compile OpenAPI documents into a signed artifact.
    Compile(compile::Args),
    /// Say what is wrong with OpenAPI documents, and write nothing.
    Validate(compile::ValidateArgs),
    /// Say which examples and defaults of OpenAPI documents break the documents' own schemas.
    ///
    /// Judged as a gateway would: what clients send as requests, what the API sends as responses.
    Check(check::Args),
    /// Show what changed between two artifacts, for clients and for security.
    Diff(diff::Args),
    /// Make an Ed25519 signing key.
    Keygen(keygen::Args),
    /// Add a signature to an artifact.
    Sign(sign::Args),
    /// Check that an artifact is whole and that trusted keys signed it.
    Verify(verify::Args),
    /// Show what an artifact says and where it came from.
    Inspect(inspect::Args),
    /// Run the control plane's server.
    Serve(Box<serve::Args>),
    /// Remember a server and a token for the commands that follow.
    Login(login::Args),
    /// List, choose and forget the servers that were logged in to.
    Context(context::Args),
    /// Make, list, show, change and delete projects.
    Project(project::Args),
    /// Upload, list, show and delete an API's documents.
    Spec(spec::Args),
    /// Have the server compile a spec into an artifact.
    Build(build::Args),
    /// List, show, download, upload and compare a project's artifacts.
    Artifact(artifact::Args),
    /// Say which artifact a project's data planes are to serve, and how it gets there.
    Deploy(deploy::Args),
    /// Take back what was deployed: data planes serve again what they served before.
    Rollback(deploy::RollbackArgs),
    /// List, show and steer a project's deployments.
    Deployment(deployment::Args),
    /// List, show, label and remove the data planes that serve a project.
    DataPlane(data_plane::Args),
    /// List the keys that a project's data planes believe, and add one.
    SigningKey(signing_key::Args),
    /// Make, list and revoke access tokens.
    Token(token::Args),
    /// Make, list and revoke API keys of data planes.
    Apikey(apikey::Args),
    /// Show what was done on a server, and what was refused.
    Audit(audit::Args),
    /// Look after the key that the server's private keys are sealed under.
    MasterKey(master_key::Args),
    /// Write everything that a control plane keeps into one file, while it runs or not.
    ///
    /// Takes the state of one moment, on SQLite and PostgreSQL. Without `--with-secrets`, private keys, tokens and API
    /// keys stay out.
    Backup(backup::Args),
    /// Fill an empty database and store of artifacts with a backup, of whichever kind they are.
    ///
    /// All of the backup is checked before anything is written, and all of it is restored, or nothing.
    Restore(restore::Args),
    /// Print the JSON Schema of `x-portcullis`.
    Schema(schema::Args),
    /// Print the OpenAPI document of the server's own REST API.
    Openapi(openapi::Args),
    /// Print a script that completes this program's commands in a shell.
    Completion(completion::Args),
    /// Write the manual pages into a folder.
    Man(man::Args),
    /// Compile one job of the server: read from stdin, answered on stdout, under limits of its own.
    #[command(hide = true)]
    BuildWorker(build_worker::Args),
}

impl Cli {
    /// How much the user wants to hear.
    pub fn verbosity(&self) -> Verbosity {
        if self.quiet { Verbosity::Quiet } else { Verbosity::Normal }
    }
}

impl Command {
    /// Does it.
    pub fn run(&self, context: &Context) -> Result<Outcome, command::Error> {
        match self {
            Self::Init(args) => init::run(args, context),
            Self::Dev(args) => dev::run(args, context),
            Self::Compile(args) => compile::run(args, context),
            Self::Validate(args) => compile::validate(args, context),
            Self::Check(args) => check::run(args, context),
            Self::Diff(args) => diff::run(args, context),
            Self::Keygen(args) => keygen::run(args, context),
            Self::Sign(args) => sign::run(args, context),
            Self::Verify(args) => verify::run(args, context),
            Self::Inspect(args) => inspect::run(args, context),
            Self::Serve(args) => serve::run(args, context),
            Self::Login(args) => login::run(args, context),
            Self::Context(args) => context::run(args, context),
            Self::Project(args) => project::run(args, context),
            Self::Spec(args) => spec::run(args, context),
            Self::Build(args) => build::run(args, context),
            Self::Artifact(args) => artifact::run(args, context),
            Self::Deploy(args) => deploy::run(args, context),
            Self::Rollback(args) => deploy::rollback(args, context),
            Self::Deployment(args) => deployment::run(args, context),
            Self::DataPlane(args) => data_plane::run(args, context),
            Self::SigningKey(args) => signing_key::run(args, context),
            Self::Token(args) => token::run(args, context),
            Self::Apikey(args) => apikey::run(args, context),
            Self::Audit(args) => audit::run(args, context),
            Self::MasterKey(args) => master_key::run(args, context),
            Self::Backup(args) => backup::run(args, context),
            Self::Restore(args) => restore::run(args, context),
            Self::Schema(args) => schema::run(args, context),
            Self::Openapi(args) => openapi::run(args, context),
            Self::Completion(args) => completion::run(args, context),
            Self::Man(args) => man::run(args, context),
            Self::BuildWorker(args) => build_worker::run(args, context),
        }
    }
}
