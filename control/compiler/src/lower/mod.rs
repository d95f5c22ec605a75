//! Documents into the model of an artifact.
//!
//! The structure check has reported what breaks the specification's grammar; here a value that cannot be read is
//! passed over, and [`unreadable`] sees to it that no such value goes unreported.

mod api;
mod body;
mod holder;
mod numbering;
mod operation;
mod parameters;
mod path_item;
mod security;
mod servers;
mod side;
pub(crate) mod target;
mod upstreams;

use artifact_format::model::{ApiId, Artifact, Listener, Policies, Routes, Spec, Specs, Upstreams};

use api::ApiContext;
pub(crate) use holder::{Holder, Written};
use operation::Tables;

use crate::diagnostic::{Code, Place, Sink};
use crate::document::{Documents, Node};
use crate::extension::{self, Extensions, Inherited};
use crate::input::Options;
use crate::schema::Purposes;

/// A model, and where its parts are declared.
pub(crate) struct Lowered<'d> {
    pub(crate) artifact: Artifact,
    /// By position of the operation.
    pub(crate) places: Vec<Place>,
    /// By position of the schema.
    pub(crate) schemas: Vec<Node<'d>>,
    /// Everything that has a schema, as often as it is used.
    pub(crate) holders: Vec<Holder<'d>>,
}

/// Lowers every entry document into one artifact. It is worth nothing if an error was noted, here or before.
pub(crate) fn lower<'d>(documents: &'d Documents, options: &Options, sink: &mut Sink) -> Lowered<'d> {
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
        tables.schemas.look_at_unused(schemas, purposes_of_document(&root).response, sink);
    }
    extension::report_misplaced(documents, &tables.extensions, sink);
    finished(Lowering { documents, options, routes, places, tables }, sink)
}

/// What schemas of a document are read for that no operation has.
pub(crate) fn purposes_of_document(root: &Node<'_>) -> Purposes {
    // Its extension is looked at in its place.
    let extension = Extensions::default().of_document(root, &mut Sink::new());
    let settings = Inherited::new(extension.clone());
    Purposes::new(&extension::validation(&settings), extension::patterns(extension.as_ref()))
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

/// What [`finished`] puts together.
struct Lowering<'d, 'o> {
    documents: &'d Documents,
    options: &'o Options,
    routes: Routes,
    places: Vec<Place>,
    tables: Tables<'d, 'o>,
}

fn finished<'d>(lowering: Lowering<'d, '_>, sink: &mut Sink) -> Lowered<'d> {
    let Lowering { documents, options, mut routes, places, tables } = lowering;
    let (table, schemas) = tables.schemas.finish(sink);
    routes.operations.iter_mut().for_each(|operation| numbering::renumber(operation, &table));
    let mut holders = tables.holders;
    holders.iter_mut().for_each(|holder| holder.schema = table.id(holder.schema));
    routes.listeners = tables.listeners.into_values().map(|name| Listener { name }).collect();
    let artifact = Artifact {
        project: options.project.clone(),
        compiler: concat!("portcullis-control/", env!("CARGO_PKG_VERSION")).to_owned(),
        provenance: options.provenance.clone(),
        routes,
        schemas: table.schemas,
        policies: Policies { schemes: tables.schemes.in_use, sets: tables.policies.into_values().collect() },
        upstreams: Upstreams { upstreams: tables.upstreams.upstreams },
        specs: specs(documents),
    };
    Lowered { artifact, places, schemas, holders }
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
