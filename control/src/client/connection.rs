//! Which server, whose token, which project: what a flag says, else the environment, else the context, else the default.

use std::path::PathBuf;

use clap::Args;
use reqwest::Url;
use zeroize::Zeroizing;

use super::context::{Book, Saved};
use super::token::Place;
use super::{Client, Error, Thing};
use crate::config::Config;
use crate::domain::name::Name;

/// Where a server listens that was told nothing.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:9090";

/// Which server, and who asks it.
#[derive(Debug, Clone, Args)]
pub struct ConnectionArgs {
    /// The context to take server, token and project from, instead of the one in use.
    #[arg(long, env = "PORTCULLIS_CONTROL_CONTEXT", value_name = "NAME")]
    pub context: Option<Name>,
    /// The server's URL. Without it and without a context, `http://127.0.0.1:9090`.
    #[arg(long, env = "PORTCULLIS_CONTROL_URL", value_name = "URL")]
    pub server: Option<String>,
    /// A file that holds the token; `-` reads it from stdin. Without it, what `PORTCULLIS_CONTROL_TOKEN` holds, or the
    /// file that `PORTCULLIS_CONTROL_TOKEN_FILE` names, else the context's, which goes to no other server than its own.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates of authorities to believe beside the system's, in PEM.
    #[arg(long, env = "PORTCULLIS_CONTROL_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Which project.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// The project: its name or its id. Without it, the context's.
    #[arg(long, env = "PORTCULLIS_CONTROL_PROJECT", value_name = "PROJECT")]
    pub project: Option<String>,
}

/// A server, ready to be asked, and the project that is meant where nobody says.
#[derive(Debug)]
pub struct Session {
    /// The server.
    pub client: Client,
    project: Option<String>,
}

/// What the flags, the environment and the context come to.
#[derive(Debug, PartialEq, Eq)]
struct Chosen {
    server: Url,
    token: Place,
    project: Option<String>,
    ca_file: Option<PathBuf>,
}

impl Session {
    /// Finds out whom to ask as whom. Nothing is sent yet.
    pub fn open(args: &ConnectionArgs, config: &Config) -> Result<Self, Error> {
        let book = match Book::open(config) {
            Ok(book) => Some(book),
            // Without a home there are no contexts, which is no error unless one is asked for.
            Err(super::context::Error::NoFolder) if args.context.is_none() => None,
            Err(error) => return Err(error.into()),
        };
        let saved = match &book {
            Some(book) => book.chosen(args.context.as_ref())?.map(|(_, saved)| saved),
            None => None,
        };
        let given = match &args.token_file {
            Some(path) => Some(Place::of_file(path)?),
            None => Place::of_environment(config)?,
        };
        let chosen = choose(args, given, saved)?;
        let token: Zeroizing<String> = chosen.token.read(config)?;
        let client = Client::new(chosen.server, &token, chosen.ca_file.as_deref())?;
        Ok(Self { client, project: chosen.project })
    }

    /// The project that is meant.
    ///
    /// # Errors
    /// Nobody says, or there is no such project.
    pub fn project(&self, args: &ProjectArgs) -> Result<Thing, Error> {
        let named = args.project.as_ref().or(self.project.as_ref()).ok_or(Error::NoProject)?;
        self.client.project(named)
    }
}

/// A context's token, project and authorities are for its own server: with another one, they are not meant.
fn choose(args: &ConnectionArgs, given: Option<Place>, saved: Option<&Saved>) -> Result<Chosen, Error> {
    let own = saved.map(|saved| server_url(&saved.server)).transpose()?;
    let server = match (&args.server, &own) {
        (Some(named), _) => server_url(named)?,
        (None, Some(own)) => own.clone(),
        (None, None) => server_url(DEFAULT_SERVER)?,
    };
    let saved = saved.filter(|_| own.as_ref() == Some(&server));
    let token = match (given, saved) {
        (Some(place), _) => place,
        (None, Some(saved)) => Place::parse(&saved.token)?,
        (None, None) => return Err(Error::NoToken { server: server.to_string() }),
    };
    Ok(Chosen {
        token,
        project: saved.and_then(|saved| saved.project.clone()),
        ca_file: args.ca_file.clone().or_else(|| saved.and_then(|saved| saved.ca_file.clone())),
        server,
    })
}

/// Reads the URL of a server: `http` or `https`, with a path at most.
pub fn server_url(text: &str) -> Result<Url, Error> {
    let wrong = || Error::Url { url: without_password(text) };
    let mut url: Url = text.parse().map_err(|_| wrong())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !is_plain || url.fragment().is_some() || !url.has_host() {
        return Err(wrong());
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// A URL that is repeated must not give away what stands before its `@`.
fn without_password(text: &str) -> String {
    text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, rest)| format!("…@{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(server: Option<&str>) -> ConnectionArgs {
        ConnectionArgs { context: None, server: server.map(str::to_owned), token_file: None, ca_file: None }
    }

    fn saved() -> Saved {
        Saved {
            server: "https://one.example".into(),
            token: "env://ONE".into(),
            project: Some("shop".into()),
            ca_file: Some("one.pem".into()),
        }
    }

    #[test]
    fn a_flag_then_the_context_then_the_default() {
        let place = || Some(Place::Variable("GIVEN".into()));
        let chosen = choose(&args(None), None, Some(&saved())).unwrap();
        assert_eq!((chosen.server.as_str(), chosen.project.as_deref()), ("https://one.example/", Some("shop")));
        assert_eq!(choose(&args(None), place(), Some(&saved())).unwrap().token, place().unwrap());
        let default = choose(&args(None), place(), None).unwrap();
        assert_eq!(default.server.as_str(), "http://127.0.0.1:9090/");
        assert!(matches!(choose(&args(None), None, None), Err(Error::NoToken { .. })));
    }

    #[test]
    fn a_contexts_token_goes_to_its_own_server_only() {
        let elsewhere = choose(&args(Some("https://two.example")), None, Some(&saved()));
        assert!(matches!(elsewhere, Err(Error::NoToken { .. })), "{elsewhere:?}");
        let given = choose(&args(Some("https://two.example")), Some(Place::Stdin), Some(&saved())).unwrap();
        assert_eq!((given.project, given.ca_file), (None, None));
        let same = choose(&args(Some("https://one.example/")), None, Some(&saved())).unwrap();
        assert_eq!(same.token, Place::Variable("ONE".into()));
    }

    #[test]
    fn a_server_has_a_plain_url() {
        assert_eq!(server_url("https://a.example/gate").unwrap().as_str(), "https://a.example/gate/");
        for wrong in ["", "a.example", "ftp://a", "https://", "http://a/?x=1", "http://a/#b"] {
            assert!(server_url(wrong).is_err(), "{wrong}");
        }
        let error = server_url("https://me:hidden@a.example").unwrap_err().to_string();
        assert!(!error.contains("hidden"), "{error}");
    }
}
