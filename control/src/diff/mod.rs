//! What changed between two artifacts, for those who call the API and for its security.
//!
//! Pure: two models in, a [`Diff`] out. What cannot touch a request or a response is not compared: summaries, tags,
//! descriptions, the source documents, provenance. What cannot be classed is said to be for [`Severity::Review`],
//! never passed over.

mod body;
mod operation;
mod pairing;
mod parameter;
mod policy;
mod response;
mod schema;
mod security;
mod upstream;

use artifact_format::model::{Artifact, Operation, SchemaId};
use serde::Serialize;
use thiserror::Error;

use pairing::Pairing;
use schema::{Direction, Graph, Table};

/// Everything that changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The changes: of the artifact as a whole first, then operation by operation in the order of the newer one.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Change {
    /// What it is a change of.
    pub subject: Subject,
    /// Which part of it.
    pub kind: Kind,
    /// What it means for those who call the API.
    pub severity: Severity,
    /// What protects less than before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weakens: Option<Guard>,
    /// What changed, in words.
    pub text: String,
}

/// What a change is a change of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ChangeSubject)]
pub enum Subject {
    /// The artifact as a whole.
    Artifact,
    /// An upstream.
    Upstream {
        /// Its name.
        name: String,
    },
    /// An operation.
    Operation {
        /// Its method.
        method: String,
        /// Where it is served: the first of its routes, of the newer artifact where it is in both.
        path: String,
        /// Its id.
        id: String,
    },
}

/// Which part of a subject changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChangeKind)]
pub enum Kind {
    /// Something is there that was not.
    Added,
    /// Something was there that is not.
    Removed,
    /// `info`: title and version.
    Api,
    /// Where an operation is served.
    Route,
    /// On which listeners an operation is served.
    Listener,
    /// A name or a mark, such as `deprecated`.
    Metadata,
    /// A parameter.
    Parameter,
    /// The request body.
    Body,
    /// A response.
    Response,
    /// Who may call.
    Security,
    /// Bounds on requests.
    Limits,
    /// How strictly requests are validated.
    Validation,
    /// Any other policy.
    Policy,
    /// Where requests go.
    Upstream,
}

/// What a change means for those who call the API. The worst sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChangeSeverity)]
pub enum Severity {
    /// A call that worked may fail, or its answer may surprise.
    Breaking,
    /// It cannot be told: someone must look.
    Review,
    /// Every call that worked works.
    Compatible,
}

/// What protects an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChangeGuard)]
pub enum Guard {
    /// Someone may call who might not.
    Authentication,
    /// More or larger requests pass.
    Limits,
    /// Requests pass that were refused for breaking the contract.
    Validation,
}

/// Why two artifacts cannot be compared.
#[derive(Debug, Error)]
pub enum Error {
    /// A schema in an artifact is not JSON: no compiler of ours wrote it.
    #[error("schema {id} of the {side} artifact is not JSON: {source}")]
    Schema {
        /// `older` or `newer`.
        side: &'static str,
        /// Its position.
        id: usize,
        /// Why not.
        source: serde_json::Error,
    },
}

/// Compares two artifacts.
///
/// # Errors
/// A schema that is not JSON.
pub fn compare(old: &Artifact, new: &Artifact) -> Result<Diff, Error> {
    let (old_schemas, new_schemas) = (Table::parse(&old.schemas, "older")?, Table::parse(&new.schemas, "newer")?);
    let schemas = Graph::new(&old_schemas, &new_schemas);
    let mut comparison = Comparison { old, new, schemas, changes: Changes::of(Subject::Artifact) };
    let mut changes = apis(old, new);
    changes.extend(upstream::compare(old, new));
    let pairing = Pairing::of(old, new);
    for (operation, earlier) in &pairing.new {
        match earlier {
            Some(earlier) => changes.extend(comparison.operation(earlier, operation)),
            None => changes.push(added(operation)),
        }
    }
    changes.extend(pairing.removed.iter().map(|operation| removed(operation)));
    Ok(Diff { changes })
}

impl Diff {
    /// Whether nothing changed that matters.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many changes are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.changes.iter().filter(|change| change.severity == severity).count()
    }

    /// The changes that weaken a guard.
    pub fn weakened(&self, guard: Guard) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.weakens == Some(guard))
    }
}

/// Both models, and what is already known of their schemas.
struct Comparison<'a> {
    old: &'a Artifact,
    new: &'a Artifact,
    schemas: Graph<'a>,
    /// Of the operation that is being compared.
    changes: Changes,
}

impl Comparison<'_> {
    /// Compares two schemas and says where, by `what`, each difference is.
    fn schema(&mut self, what: &What<'_>, old: Option<SchemaId>, new: Option<SchemaId>) {
        for difference in self.schemas.compare(old, new, what.direction) {
            let place = if difference.at.is_empty() { String::new() } else { format!(", `{}`", difference.at) };
            self.changes.push(what.kind, difference.severity, format!("{}{place}: {}", what.name, difference.text));
        }
    }
}

/// What a schema is the schema of.
struct What<'a> {
    name: &'a str,
    kind: Kind,
    direction: Direction,
}

/// The changes of one subject.
struct Changes {
    subject: Subject,
    list: Vec<Change>,
}

impl Changes {
    fn of(subject: Subject) -> Self {
        Self { subject, list: Vec::new() }
    }

    fn push(&mut self, kind: Kind, severity: Severity, text: impl Into<String>) {
        self.list.push(Change { subject: self.subject.clone(), kind, severity, weakens: None, text: text.into() });
    }

    fn weaken(&mut self, kind: Kind, guard: Guard, text: impl Into<String>) {
        let (subject, severity) = (self.subject.clone(), Severity::Compatible);
        self.list.push(Change { subject, kind, severity, weakens: Some(guard), text: text.into() });
    }
}

impl Subject {
    fn of(operation: &Operation) -> Self {
        let path = operation.routes.first().map_or(&operation.path, |route| &route.template);
        Self::Operation { method: operation.method.to_string(), path: path.to_string(), id: operation.id.clone() }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Artifact => f.write_str("the artifact"),
            Self::Upstream { name } => write!(f, "upstream {name}"),
            Self::Operation { method, path, .. } => write!(f, "{method} {path}"),
        }
    }
}

fn added(operation: &Operation) -> Change {
    let (subject, text) = (Subject::of(operation), "operation added".to_owned());
    Change { subject, kind: Kind::Added, severity: Severity::Compatible, weakens: None, text }
}

fn removed(operation: &Operation) -> Change {
    let (subject, text) = (Subject::of(operation), "operation removed".to_owned());
    Change { subject, kind: Kind::Removed, severity: Severity::Breaking, weakens: None, text }
}

fn apis(old: &Artifact, new: &Artifact) -> Vec<Change> {
    let mut changes = Changes::of(Subject::Artifact);
    if old.project != new.project {
        let text = format!("project changed from `{}` to `{}`", old.project, new.project);
        changes.push(Kind::Metadata, Severity::Review, text);
    }
    for api in &new.routes.apis {
        let shown = |api: &artifact_format::model::Api| format!("{} {}", api.title, api.version);
        match old.routes.apis.iter().find(|earlier| earlier.spec == api.spec) {
            Some(earlier) if shown(earlier) != shown(api) => {
                let text = format!("API changed from `{}` to `{}`", shown(earlier), shown(api));
                changes.push(Kind::Api, Severity::Compatible, text);
            }
            Some(_) | None => {}
        }
    }
    changes.list
}

#[cfg(test)]
mod tests;
