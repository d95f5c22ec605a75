//! Parameters of an operation: path, query, header and cookie (OpenAPI 3.2.0 section 4.12).
//!
//! - [`pairs`] finds what of a query or of cookies belongs to which parameter, in one pass;
//! - [`style`] and [`deep`] take a value apart; nothing is decoded before;
//! - [`header`] finds header fields, of responses as well;
//! - [`default`] writes what a request may be completed with;
//! - [`declared`] judges one parameter: its texts are read as its schema's [shape](crate::shape) says.

pub(crate) mod declared;
pub(crate) mod deep;
mod default;
mod header;
mod pairs;
pub(crate) mod style;

pub use default::Missing;
pub use header::Headers;

use std::borrow::Cow;

use artifact_format::model::{Location, Operation, ParameterEncoding, SchemaId, UnknownQuery};
use http::HeaderMap;
use http::header::COOKIE;
use thiserror::Error;

use crate::json::Tree;
use crate::percent::{Escapes, decode};
use crate::schema::Validators;
use crate::shape::Shapes;
use crate::{Part, Place, Report};
use declared::Declared;
use header::joined;
use pairs::{Found, Occurrence, Pairs};

/// The parameters of an operation, ready to be judged.
#[derive(Debug)]
pub struct Parameters {
    /// With the position of its variable in the path.
    path: Vec<(usize, Declared)>,
    query: Pairs,
    /// The query as a whole.
    querystring: Option<Declared>,
    headers: Headers,
    cookies: Pairs,
    unknown: UnknownQuery,
}

/// What of a query is nobody's parameter.
#[derive(Debug, Clone, Copy)]
pub struct Others<'o> {
    /// What is done about it.
    pub unknown: UnknownQuery,
    /// The names of query parameters that carry credentials: they are never unknown.
    pub credentials: &'o [&'o str],
}

/// The head of a request.
#[derive(Debug, Clone, Copy)]
pub struct Head<'r> {
    /// The texts of the variables of [`Operation::path`], from left to right: percent-encoded, though escapes of
    /// unreserved characters may be decoded.
    pub path: &'r [&'r str],
    /// What follows the `?`, if there is one.
    pub query: Option<&'r str>,
    /// The header fields.
    pub headers: &'r HeaderMap,
}

/// Room to judge in, reused from one request to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    tree: Tree,
    occurrences: Vec<Occurrence>,
}

/// Why parameters cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// [`Parameters::schemas`] was not among the roots.
    #[error("the schema {} of the parameter {parameter} has no validator", schema.0)]
    NotBuilt {
        /// Its name.
        parameter: String,
        /// Its schema.
        schema: SchemaId,
    },
    /// No request can have such a header field (RFC 9110 section 5.1).
    #[error("{name:?} cannot be the name of a header field")]
    HeaderName {
        /// The name.
        name: String,
    },
    /// A path parameter that does not stand in the path.
    #[error("the path has no variable {name:?}")]
    NotInPath {
        /// The name.
        name: String,
    },
}

/// Whether a parameter with a `content` of this media type (OpenAPI 3.2.0 section 4.12.2.2) is held to its schema:
/// JSON, text and forms are. Any other must be there if it is required, and is passed on as it is.
pub fn is_judged(media_type: &str) -> bool {
    declared::Form::of_media_type(media_type) != declared::Form::Opaque
}

/// Names that a client made up are cut off here in a report, in bytes.
const UNKNOWN_NAME_MAX: usize = 100;

impl Parameters {
    /// The schemas that need a validator.
    pub fn schemas(operation: &Operation) -> impl Iterator<Item = SchemaId> {
        operation.parameters.iter().filter_map(|parameter| match &parameter.encoding {
            ParameterEncoding::Style { schema, .. } | ParameterEncoding::Content { schema, .. } => *schema,
        })
    }

    /// Prepares to judge the parameters of an operation.
    pub fn new(
        operation: &Operation,
        others: Others<'_>,
        shapes: &mut Shapes<'_>,
        validators: &Validators,
    ) -> Result<Self, Error> {
        let (mut path, mut query, mut querystring) = (Vec::new(), Vec::new(), None);
        let (mut headers, mut cookies) = (Vec::new(), Vec::new());
        for parameter in &operation.parameters {
            let declared = Declared::new(parameter, shapes, validators)?;
            match parameter.location {
                Location::Path => {
                    let position = operation.path.variables().position(|variable| variable == parameter.name);
                    let missing = || Error::NotInPath { name: parameter.name.clone() };
                    path.push((position.ok_or_else(missing)?, declared));
                }
                Location::Query => query.push(declared),
                Location::Querystring => querystring = Some(declared),
                Location::Header => headers.push(declared),
                Location::Cookie => cookies.push(declared),
            }
        }
        Ok(Self {
            path,
            query: Pairs::new(query, others.credentials),
            querystring,
            headers: Headers::of(headers)?,
            cookies: Pairs::new(cookies, &[]),
            unknown: others.unknown,
        })
    }

    /// Judges the head of a request. What is wrong is added to the report.
    pub fn judge(&self, head: &Head<'_>, scratch: &mut Scratch, report: &mut Report) {
        for (position, declared) in &self.path {
            match head.path.get(*position) {
                Some(text) => declared.judge_text(text, &mut scratch.tree, report),
                None => declared.judge_absent(report),
            }
        }
        self.judge_query(head.query.unwrap_or_default(), scratch, report);
        self.headers.judge(head.headers, scratch, report);
        if !self.cookies.declared.is_empty() {
            self.judge_cookies(head.headers, scratch, report);
        }
    }

    /// The defaults of everything that a request may have and does not, in the order of the description. Meant for
    /// requests that have been judged, and only where defaults are to be put in.
    pub fn missing_defaults(&self, head: &Head<'_>, scratch: &mut Scratch) -> Vec<Missing<'_>> {
        let mut missing = Vec::new();
        let query = head.query.unwrap_or_default();
        if self.querystring.is_none() {
            scratch.occurrences.clear();
            self.query.find_in_query(query, &mut scratch.occurrences, |_| {});
            missing.extend(self.query.missing(&scratch.occurrences));
        }
        missing.extend(self.headers.missing(head.headers));
        if let Ok(cookies) = joined(head.headers, &COOKIE, "; ") {
            scratch.occurrences.clear();
            self.cookies.find_in_cookies(cookies.as_deref().unwrap_or_default(), &mut scratch.occurrences);
            missing.extend(self.cookies.missing(&scratch.occurrences));
        }
        missing
    }

    fn judge_query(&self, query: &str, scratch: &mut Scratch, report: &mut Report) {
        match &self.querystring {
            Some(declared) if query.is_empty() => declared.judge_absent(report),
            Some(declared) => declared.judge_text(query, &mut scratch.tree, report),
            None => {
                scratch.occurrences.clear();
                self.query.find_in_query(query, &mut scratch.occurrences, |name| match self.unknown {
                    UnknownQuery::Pass => {}
                    UnknownQuery::Refuse => refuse_unknown(name, report),
                });
                let found = Found { source: query, occurrences: &scratch.occurrences };
                self.query.judge(found, &mut scratch.tree, report);
            }
        }
    }

    fn judge_cookies(&self, headers: &HeaderMap, scratch: &mut Scratch, report: &mut Report) {
        match joined(headers, &COOKIE, "; ") {
            Ok(cookies) => {
                scratch.occurrences.clear();
                let cookies = cookies.as_deref().unwrap_or_default();
                self.cookies.find_in_cookies(cookies, &mut scratch.occurrences);
                let found = Found { source: cookies, occurrences: &scratch.occurrences };
                self.cookies.judge(found, &mut scratch.tree, report);
            }
            Err(fault) => report.say(Place::whole(Part::Cookie), fault.keyword(), &fault.to_string()),
        }
    }
}

fn refuse_unknown(name: &str, report: &mut Report) {
    let name = decode(name, Escapes::Form).unwrap_or(Cow::Borrowed(name));
    let place = Place::named(Part::Query, &name[..name.floor_char_boundary(UNKNOWN_NAME_MAX)]);
    report.say(place, "additionalProperties", "is not a parameter of this operation");
}
