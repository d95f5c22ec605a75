//! Documents into the model of an artifact.
//!
//! The structure check has reported what breaks the specification's grammar; here a value that cannot be read is
//! passed over, and [`unreadable`] sees to it that no such value goes unreported.

mod api;
mod body;
mod numbering;
mod operation;
mod parameters;
mod path_item;
mod security;
mod servers;
mod side;
pub(crate) mod target;
mod upstreams;

use artifact_format::model::{ApiId, Artifact, Listener, Policies, Routes, Spec, Specs, Upstreams, Validation};

use api::ApiContext;
use operation::Tables;

use crate::diagnostic::{Code, Place, Sink};
use crate::document::{Documents, Node};
use crate::extension::{self, Extensions};
use crate::input::Options;
use crate::schema::Purposes;

/// A model, and where each of its operations is declared.
pub(crate) struct Lowered {
    pub(crate) artifact: Artifact,
    /// By position of the operation.
    pub(crate) places: Vec<Place>,
}

/// Lowers every entry document into one artifact. It is worth nothing if an error was noted, here or before.
pub(crate) fn lower(documents: &Documents, options: &Options, sink: &mut Sink) -> Lowered {
    let mut tables = Tables::new(documents, options);
    let mut routes = Routes::default();
    let mut places = Vec::new();
    for (position, root) in documents.entries().enumerate() {
        let id = ApiId(u32::try_from(position).unwrap_or(u32::MAX));
        routes.apis.push(api::api(&root));
        check_dialect(&root, sink);
        let extension = tables.extensions.of_document(&root, sink);
        let api = ApiContext { id, root, extension };
        tables.look_at_upstreams(&api, sink);
        let operations = tables.operations(&api, sink);
        if operations.is_empty() && !sink.has_errors() {
            sink.warning(
                Code::NoOperations,
                &api.root,
                "there is no operation under `paths`: nothing of this document is served",
            )
            .hint("webhooks and callbacks are requests that the API makes: they never become routes");
        }
        for (operation, place) in operations {
            routes.operations.push(operation);
            places.push(place);
        }
        look_at_schemes(&api, &mut tables.extensions, sink);
    }
    for root in documents.entries() {
        let schemas = root.get("components").and_then(|components| components.get("schemas"));
        let schemas = schemas.map(|schemas| map(&schemas, sink));
        let schemas = schemas.iter().flat_map(Node::entries).map(|(_, schema)| schema);
        let extension = tables.extensions.of_document(&root, sink);
        let purposes = Purposes::new(&Validation::default(), extension::patterns(extension.as_ref()));
        tables.schemas.look_at_unused(schemas, purposes.response, sink);
    }
    extension::report_misplaced(documents, &tables.extensions, sink);
    Lowered { artifact: artifact(documents, options, (routes, tables), sink), places }
}

/// A scheme that nobody requires has a say in nothing, but its extension is to be right.
fn look_at_schemes<'d>(api: &ApiContext<'d>, extensions: &mut Extensions<'d>, sink: &mut Sink) {
    for (_, scheme) in api.security_schemes(sink).iter().flat_map(Node::entries) {
        // One that leads nowhere is reported with the structure.
        if let Ok(scheme) = scheme.resolved() {
            extensions.of_scheme(&scheme, sink);
        }
    }
}

fn check_dialect(root: &Node<'_>, sink: &mut Sink) {
    if let Some(dialect) = root.get("jsonSchemaDialect")
        && let Some(text) = dialect.str()
    {
        crate::schema::check_dialect(text, &dialect, sink);
    }
}

fn artifact(
    documents: &Documents,
    options: &Options,
    (routes, tables): (Routes, Tables<'_, '_>),
    sink: &mut Sink,
) -> Artifact {
    let table = tables.schemas.finish(sink);
    let mut routes = routes;
    routes.operations.iter_mut().for_each(|operation| numbering::renumber(operation, &table));
    routes.listeners = tables.listeners.into_values().map(|name| Listener { name }).collect();
    Artifact {
        project: options.project.clone(),
        compiler: concat!("portcullis-control/", env!("CARGO_PKG_VERSION")).to_owned(),
        provenance: options.provenance.clone(),
        routes,
        schemas: table.schemas,
        policies: Policies { schemes: tables.schemes.in_use, sets: tables.policies.into_values().collect() },
        upstreams: Upstreams { upstreams: tables.upstreams.upstreams },
        specs: specs(documents),
    }
}

/// Every file that was read, by path.
fn specs(documents: &Documents) -> Specs {
    let spec = |source: &crate::document::Source| Spec {
        path: source.path().to_owned(),
        role: source.role(),
        format: source.format(),
        text: source.text().to_owned(),
    };
    let mut specs: Vec<Spec> = documents.sources().map(spec).collect();
    specs.sort_by(|one, other| one.path.cmp(&other.path));
    Specs { specs }
}

/// A map, or what it refers to. No specification has maps that are all reference, but descriptions split into files
/// do.
pub(crate) fn map<'d>(written: &Node<'d>, sink: &mut Sink) -> Node<'d> {
    if written.reference().is_none() || written.value().as_object().is_none_or(|members| members.len() > 1) {
        return written.clone();
    }
    written.resolved().unwrap_or_else(|error| {
        unreadable(written, &error.to_string(), sink);
        written.clone()
    })
}

/// Notes a value that cannot be read, unless an error was noted already: most of the time the structure check has
/// said so with more precision.
fn unreadable(node: &Node<'_>, why: &str, sink: &mut Sink) {
    if !sink.has_errors() {
        sink.error(Code::Unreadable, node, why);
    }
}
