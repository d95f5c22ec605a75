//! `servers` (OpenAPI 3.2.0 section 4.6): at which base paths an operation is served, and where its requests would go.

use artifact_format::model::{PathTemplate, TemplateError};
use fluent_uri::{Uri, UriRef};
use thiserror::Error;

use super::map;
use crate::diagnostic::nearest;
use crate::diagnostic::{Code, Sink};
use crate::document::Node;

/// What one `servers` field says.
#[derive(Debug, Clone)]
pub(super) struct Servers<'d> {
    /// Distinct, at least one unless a fault was reported.
    pub(super) base_paths: Vec<PathTemplate>,
    /// The first absolute URL, and the server it is of.
    pub(super) origin: Option<(String, Node<'d>)>,
}

/// More base paths than this for one operation are a mistake, or an attack on the compiler.
const BASE_PATHS_MAX: usize = 64;

impl<'d> Servers<'d> {
    /// Where there are no `servers`: the root, relative to wherever the document is.
    pub(super) fn absent() -> Self {
        Self { base_paths: "/".parse().into_iter().collect(), origin: None }
    }

    /// Reads a `servers` field. What it does not understand is reported; it is an error if nothing else is left.
    pub(super) fn read(servers: &Node<'d>, sink: &mut Sink) -> Self {
        let mut read = Self { base_paths: Vec::new(), origin: None };
        let mut faults = Vec::new();
        for server in servers.items() {
            for url in urls(&server, sink) {
                match ServerUrl::parse(&url) {
                    Ok(parsed) => read.add(parsed, &server),
                    Err(reason) => faults.push((server.clone(), format!("`{url}` cannot be served: {reason}"))),
                }
            }
            if read.base_paths.len() > BASE_PATHS_MAX {
                too_many(servers, sink);
                break;
            }
        }
        for (server, message) in faults {
            let place = server.get("url").unwrap_or(server);
            let diagnostic = match read.base_paths.as_slice() {
                [] => sink.error(Code::ServerUrl, &place, message),
                _ => sink.warning(Code::ServerUrl, &place, format!("{message}; this server is left out")),
            };
            diagnostic.hint("a server is an absolute URL such as `https://api.example/v1`, or a path such as `/v1`");
        }
        read
    }

    fn add(&mut self, url: ServerUrl, server: &Node<'d>) {
        if !self.base_paths.contains(&url.base_path) {
            self.base_paths.push(url.base_path);
        }
        if self.origin.is_none() {
            self.origin = url.origin.map(|origin| (origin, server.clone()));
        }
    }
}

fn too_many(place: &Node<'_>, sink: &mut Sink) {
    sink.error(Code::TooManyBasePaths, place, format!("there are more than {BASE_PATHS_MAX} base paths")).hint(
        "every value of an `enum` of a variable in a server's path is a base path: drop the `enum` to serve the default only",
    );
}

/// Why a server's URL cannot be served.
#[derive(Debug, Error)]
enum Error {
    #[error("it is not a URL ({0})")]
    NotAUrl(#[from] fluent_uri::ParseError),
    #[error("it has a query or fragment")]
    QueryOrFragment,
    #[error("`{scheme}:` is not the scheme of a server")]
    Scheme { scheme: String },
    #[error("it names a host and no scheme: write `http:` or `https:` before the `//`")]
    NoScheme,
    #[error("it is relative to nothing")]
    Unresolvable,
    #[error("its path is none: {0}")]
    Path(#[from] TemplateError),
}

/// What relative URLs are relative to: wherever the document is, of which only the root is known.
const ANYWHERE: &str = "http://anywhere.invalid";

/// A server's URL once its variables are filled in.
struct ServerUrl {
    /// Scheme and authority of an absolute one.
    origin: Option<String>,
    base_path: PathTemplate,
}

impl ServerUrl {
    fn parse(text: &str) -> Result<Self, Error> {
        let (origin, path) = match text.split_once("://") {
            // What it is only matters to those who go there.
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
                (Some(format!("{scheme}://{authority}")), path)
            }
            None => (None, text),
        };
        // Behind an authority `//v1` is a path; alone it would be an authority.
        let behind_authority = origin.as_ref().map(|_| format!("{ANYWHERE}{path}"));
        let reference = UriRef::parse(behind_authority.as_deref().unwrap_or(path))?;
        if reference.has_query() || reference.has_fragment() {
            return Err(Error::QueryOrFragment);
        }
        if origin.is_none() {
            if let Some(scheme) = reference.scheme() {
                return Err(Error::Scheme { scheme: scheme.to_string() });
            }
            if reference.has_authority() {
                return Err(Error::NoScheme);
            }
        }
        let anywhere = Uri::parse(ANYWHERE).map_err(|_| Error::Unresolvable)?;
        let url = reference.resolve_against(&anywhere).map_err(|_| Error::Unresolvable)?;
        let path = url.path().as_str();
        let base_path = if path.is_empty() { "/" } else { path }.parse()?;
        Ok(Self { origin, base_path })
    }
}

/// The URLs that one server means: one for every combination of the variables that stand in its path and have an
/// `enum`; of the others, the default.
fn urls(server: &Node<'_>, sink: &mut Sink) -> Vec<String> {
    let Some(url) = server.get("url") else { return Vec::new() };
    let template = url.str().unwrap_or_default();
    let path_at = template.find("://").map_or(0, |at| {
        let authority = at + "://".len();
        template[authority..].find('/').map_or(template.len(), |slash| authority + slash)
    });
    let mut urls = vec![String::new()];
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(length) = rest[open..].find('}') else {
            sink.error(Code::ServerUrl, &url, format!("`{template}` has a `{{` without a `}}`"));
            return Vec::new();
        };
        let at = template.len() - rest.len() + open;
        let name = &rest[open + 1..open + length];
        let Some(values) = values(server, &url, name, sink) else { return Vec::new() };
        let values = if at >= path_at { values.all } else { vec![values.default] };
        if urls.len().saturating_mul(values.len()) > BASE_PATHS_MAX {
            too_many(server, sink);
            return Vec::new();
        }
        let literal = &rest[..open];
        urls = urls.iter().flat_map(|url| values.iter().map(move |value| format!("{url}{literal}{value}"))).collect();
        rest = &rest[open + length + 1..];
    }
    urls.iter_mut().for_each(|url| url.push_str(rest));
    urls
}

struct Values<'d> {
    default: &'d str,
    /// The default first.
    all: Vec<&'d str>,
}

fn values<'d>(server: &Node<'d>, url: &Node<'d>, name: &str, sink: &mut Sink) -> Option<Values<'d>> {
    let variables = server.get("variables").map(|written| map(&written, sink));
    let Some(variable) = variables.as_ref().and_then(|variables| variables.get(name)) else {
        let diagnostic = sink.error(Code::ServerVariable, url, format!("the variable `{name}` is not defined"));
        let known = variables.iter().flat_map(Node::entries).map(|(name, _)| name);
        match nearest(name, known) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic.hint(format!("add `{name}` with a `default` to the server's `variables`")),
        };
        return None;
    };
    let default = variable.get("default")?;
    let text = default.str()?;
    let mut all = vec![text];
    if let Some(allowed) = variable.get("enum") {
        if !allowed.items().any(|value| value.str() == Some(text)) {
            let message = format!("the default `{text}` of `{name}` is not one of its `enum`");
            sink.error(Code::ServerVariable, &default, message).hint("add it to the `enum`, or choose another default");
        }
        all.extend(allowed.items().filter_map(|value| value.str()).filter(|value| *value != text));
    }
    Some(Values { default: text, all })
}
