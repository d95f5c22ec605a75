//! `login`: remember a server and a token, once the server has said that the token is good.

use std::path::PathBuf;

use super::{Context, Error, Outcome};
use crate::client::connection::{DEFAULT_SERVER, server_url};
use crate::client::context::{Book, Saved};
use crate::client::token::Place;
use crate::client::{self, Client, Thing};
use crate::domain::name::Name;
use crate::output::printable;

/// The arguments of `login`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server's URL.
    #[arg(long, env = "PORTCULLIS_CONTROL_URL", value_name = "URL", default_value = DEFAULT_SERVER)]
    server: String,
    /// A file that holds the token; `-` reads it from stdin. Without it, what `PORTCULLIS_CONTROL_TOKEN` holds, or the
    /// file that `PORTCULLIS_CONTROL_TOKEN_FILE` names. It is kept in a file that is yours alone.
    #[arg(long, value_name = "FILE", conflicts_with = "token_from")]
    token_file: Option<PathBuf>,
    /// Where the token is to be looked for each time, instead of keeping it: `env://NAME` or `file:///path`.
    #[arg(long, value_name = "REFERENCE")]
    token_from: Option<String>,
    /// The project that is meant from then on where nobody says: its name or its id.
    #[arg(long, env = "PORTCULLIS_CONTROL_PROJECT", value_name = "PROJECT")]
    project: Option<String>,
    /// What the context is called. One that has the name is replaced.
    #[arg(long, env = "PORTCULLIS_CONTROL_CONTEXT", value_name = "NAME", default_value = "default")]
    context: Name,
    /// Certificates of authorities to believe beside the system's, in PEM.
    #[arg(long, env = "PORTCULLIS_CONTROL_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Asks the server who the token is, and remembers both.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let server = server_url(&args.server)?;
    let place = match (&args.token_file, &args.token_from) {
        (Some(path), _) => Place::of_file(path),
        (None, Some(reference)) => Place::parse(reference),
        (None, None) => {
            Place::of_environment(&context.config).and_then(|place| place.ok_or(client::token::Error::NotGiven))
        }
    };
    let token = place.and_then(|place| place.read(&context.config)).map_err(client::Error::from)?;
    let client = Client::new(server.clone(), &token, args.ca_file.as_deref())?;
    let own = whoami(&client)?;
    if let Some(project) = &args.project {
        client.project(project)?;
    }

    let mut book = Book::open(&context.config)?;
    let reference = match &args.token_from {
        Some(reference) => reference.clone(),
        None => book.keep_token(&args.context, &token)?,
    };
    let ca_file = args.ca_file.as_deref().map(std::path::absolute).transpose();
    let ca_file = ca_file.map_err(|source| crate::file::Error::reading(&PathBuf::from("."), source))?;
    let saved = Saved { server: server.to_string(), token: reference, project: args.project.clone(), ca_file };
    book.add(args.context.clone(), saved)?;
    if server.scheme() == "http" && !is_loopback(server.host_str().unwrap_or_default()) {
        context.console.note("warning: without TLS, everyone between here and the server can read the token");
    }
    let who = own.map_or_else(String::new, |own| format!(" as {} ({})", own.shown("/name"), own.shown("/role")));
    context.console.note(format_args!("logged in to {server}{}; context {}", printable(&who), args.context));
    Ok(Outcome::Done)
}

/// Who the token is; `None` where the server knows the token and cannot say.
fn whoami(client: &Client) -> Result<Option<Thing>, client::Error> {
    match client.get(client.at(["tokens", "self"])) {
        Err(client::Error::Refused(problem)) if problem.status == 404 => {
            client.list(&client.at(["projects"]), Some(1)).map(|_| None)
        }
        own => own.map(Some),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
