//! Operations (OpenAPI 3.2.0 section 4.10), and the tables that they share.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use artifact_format::model::{
    ApiId, ListenerId, Operation, PathTemplate, PolicyId, PolicySet, Route, TemplateError, UpstreamBinding,
    UpstreamPath,
};

use super::api::ApiContext;
use super::holder::Holder;
use super::numbering::Numbered;
use super::path_item::{Declared, PathItem};
use super::security::{Schemes, Surroundings};
use super::servers::Servers;
use super::side::Side;
use super::upstreams::UpstreamTable;
use super::{body, parameters, target, unreadable};
use crate::diagnostic::{Code, Place, Sink};
use crate::document::{Documents, Identity, Node};
use crate::extension::{self, BasePath, Choice, Extensions, Inherited, Released};
use crate::input::Options;
use crate::schema::{Collector, Purposes};

/// What operations refer to, in the making.
pub(super) struct Tables<'d, 'o> {
    options: &'o Options,
    pub(super) schemas: Collector<'d>,
    pub(super) holders: Vec<Holder<'d>>,
    pub(super) extensions: Extensions<'d>,
    pub(super) schemes: Schemes,
    pub(super) upstreams: UpstreamTable,
    pub(super) listeners: Numbered<String>,
    pub(super) policies: Numbered<PolicySet>,
    released: Released,
    /// The extensions whose `upstream` was looked at, and for which document.
    choices: HashSet<(Identity, ApiId)>,
    servers: HashMap<Identity, Rc<Servers<'d>>>,
}

/// A path, its path item and its document.
struct Path<'p, 'd> {
    template: PathTemplate,
    key: &'d str,
    item: PathItem<'d>,
    api: &'p ApiContext<'d>,
}

/// What holds for an operation, from the nearest place that says it.
struct Holding<'d> {
    settings: Inherited<'d>,
    servers: Rc<Servers<'d>>,
}

impl<'d, 'o> Tables<'d, 'o> {
    pub(super) fn new(documents: &'d Documents, options: &'o Options) -> Self {
        Self {
            options,
            schemas: Collector::new(documents),
            holders: Vec::new(),
            extensions: Extensions::default(),
            schemes: Schemes::new(options.security),
            upstreams: UpstreamTable::default(),
            listeners: Numbered::default(),
            policies: Numbered::default(),
            released: Released::default(),
            choices: HashSet::new(),
            servers: HashMap::new(),
        }
    }

    /// Every operation of a document, in the document's order, and where it is declared.
    pub(super) fn operations(&mut self, api: &ApiContext<'d>, sink: &mut Sink) -> Vec<(Operation, Place)> {
        let mut operations = Vec::new();
        let mut ids = HashSet::new();
        for (key, entry) in api.root.get("paths").iter().flat_map(Node::entries) {
            if key.starts_with("x-") {
                continue;
            }
            let Some(template) = template(key, &entry, sink) else { continue };
            let path = Path { template, key, item: PathItem::read(&entry, sink), api };
            for declared in path.item.operations(sink) {
                let id = id(&declared, &path, &mut ids);
                let place = declared.entry.key_place();
                operations.push((self.operation((id, declared), &path, sink), place));
            }
        }
        operations
    }

    fn operation(&mut self, (id, declared): (String, Declared<'d>), path: &Path<'_, 'd>, sink: &mut Sink) -> Operation {
        let Declared { method, entry, node, pointer } = declared;
        let api = path.api;
        let holding = self.holding(&node, path, sink);
        let policy = extension::policy_set(&holding.settings, &mut self.released, sink);
        let purposes = Purposes::new(&policy.validation, api.patterns());
        let mut requests = Side {
            schemas: &mut self.schemas,
            purpose: purposes.request,
            holders: &mut self.holders,
            sink: &mut *sink,
        };
        let declared = parameters::parameters(&node, &path.item, &mut requests);
        let request_body = body::request_body(&node, &mut requests);
        let responses = body::responses(&node, &mut Side { purpose: purposes.response, ..requests });
        parameters::check_path(&path.template, &declared, &entry, sink);
        let around =
            &mut Surroundings { extensions: &mut self.extensions, released: &mut self.released, sink: &mut *sink };
        let security = self.schemes.security(&node, api, around);
        let upstream = match policy.mock {
            Some(_) => None,
            None => self.binding(&holding, path, sink),
        };
        let listeners = extension::listeners(&holding.settings).into_iter();
        Operation {
            id,
            api: api.id,
            method,
            path: path.template.clone(),
            routes: holding.servers.base_paths.iter().map(|base| route(base, &path.template)).collect(),
            listeners: listeners.map(|name| ListenerId(self.listeners.number(name))).collect(),
            parameters: declared.into_iter().map(|declared| declared.parameter).collect(),
            request_body,
            responses,
            security,
            upstream,
            policy: PolicyId(self.policies.number(policy)),
            tags: node
                .get("tags")
                .iter()
                .flat_map(Node::items)
                .filter_map(|tag| tag.str().map(str::to_owned))
                .collect(),
            summary: node.get("summary").and_then(|summary| summary.str().map(str::to_owned)),
            deprecated: node.get("deprecated").and_then(|deprecated| deprecated.bool()).unwrap_or(false),
            pointer,
        }
    }

    /// Looks at what the document's extension says of upstreams, used or not.
    pub(super) fn look_at_upstreams(&mut self, api: &ApiContext<'d>, sink: &mut Sink) {
        let extension = api.extension.as_ref();
        self.upstreams.define(extension, (&mut self.released, &mut *sink));
        extension.into_iter().for_each(|extension| self.look_at_upstream(extension, api, sink));
    }

    /// Looks at the `upstream` of one extension, once for every document that it holds for.
    fn look_at_upstream(&mut self, extension: &Node<'d>, api: &ApiContext<'d>, sink: &mut Sink) {
        let is_new = self.choices.insert((extension.identity(), api.id));
        if let Some(choice) = extension::chosen(&Inherited::new([extension.clone()])).filter(|_| is_new) {
            UpstreamTable::check(&choice, api.extension.as_ref(), sink);
        }
    }

    fn holding(&mut self, node: &Node<'d>, path: &Path<'_, 'd>, sink: &mut Sink) -> Holding<'d> {
        let nearer = std::iter::once(node).chain(&path.item.levels);
        let nearer: Vec<_> = nearer.filter_map(|level| self.extensions.of_operation(level, sink)).collect();
        nearer.iter().for_each(|extension| self.look_at_upstream(extension, path.api, sink));
        let settings = Inherited::new(nearer.into_iter().chain(path.api.extension.clone()));
        Holding { settings, servers: self.servers(node, path, sink) }
    }

    /// The nearest `servers`: of the operation, the path item, the document. An empty list says nothing.
    fn servers(&mut self, node: &Node<'d>, path: &Path<'_, 'd>, sink: &mut Sink) -> Rc<Servers<'d>> {
        let says_something = |servers: &Node<'d>| servers.value().as_array().is_some_and(|servers| !servers.is_empty());
        let candidates = [node.get("servers"), path.item.get("servers"), path.api.root.get("servers")];
        let Some(nearest) = candidates.into_iter().flatten().find(says_something) else {
            return Rc::new(Servers::absent());
        };
        let read = self.servers.entry(nearest.identity());
        Rc::clone(read.or_insert_with(|| Rc::new(Servers::read(&nearest, sink))))
    }

    fn binding(&mut self, holding: &Holding<'d>, path: &Path<'_, 'd>, sink: &mut Sink) -> Option<UpstreamBinding> {
        let Holding { settings, servers } = holding;
        let api = path.api;
        let tell = (&mut self.released, &mut *sink);
        let upstream = if let Some(url) = &self.options.upstream {
            self.upstreams.url(url, &Place::value(tell.1.settings().place("upstream"), ""), tell)
        } else if let Some(chosen) = extension::chosen(settings) {
            match chosen {
                Choice::Named(name) => self.upstreams.named(&name, api.extension.as_ref(), tell.1),
                // One that is none was reported where it was looked at.
                Choice::Url(url) if target::parse(url.str()?).is_err() => None,
                Choice::Url(url) => self.upstreams.url(url.str()?, &url.place(), tell),
            }
        } else if let Some((url, server)) = &servers.origin {
            self.upstreams.url(url, &server.get("url")?.place(), tell)
        } else {
            // What is at fault may have said it.
            let extension_at_fault = api.extension.is_none() && api.root.get(extension::KEY).is_some();
            if !extension_at_fault && !servers.base_paths.is_empty() {
                no_upstream(api, sink);
            }
            None
        };
        let path = upstream_path(settings, path, sink);
        Some(UpstreamBinding { upstream: upstream?, path })
    }
}

/// The template that a path key is. Real descriptions tell variants of an operation apart by a fragment, which no
/// request carries: those are left out, with a warning.
fn template(key: &str, entry: &Node<'_>, sink: &mut Sink) -> Option<PathTemplate> {
    // Reported with the structure.
    if !key.starts_with('/') {
        return None;
    }
    match key.parse() {
        Ok(template) => return Some(template),
        Err(TemplateError::QueryOrFragment { character }) => {
            let part = if character == '#' {
                "a fragment, which is never sent"
            } else {
                "a query, which is not matched by paths"
            };
            let message = format!("the path `{key}` has {part}: its operations are not served");
            let bare = key.split(character).next().unwrap_or_default();
            sink.warning(Code::PathNeverRequested, entry.key_place(), message)
                .hint(format!("describe them in the operations of `{bare}`, which get the requests"));
        }
        Err(error) => {
            let message = format!("the path `{key}` cannot be served: {error}");
            sink.error(Code::PathTemplate, entry.key_place(), message);
        }
    }
    None
}

/// `operationId`, else `METHOD /path`; so too for every use but the first of a path item that several paths share. Numbered where somebody else is
/// called so.
fn id(declared: &Declared<'_>, path: &Path<'_, '_>, taken: &mut HashSet<String>) -> String {
    let own = declared.node.get("operationId").and_then(|id| id.str().map(str::to_owned));
    let fallback = format!("{} {}", declared.method, path.key);
    let numbered = (2_u32..).map(|number| format!("{fallback} ({number})"));
    let mut candidates = own.into_iter().chain([fallback.clone()]).chain(numbered);
    let id = candidates.find(|id| !taken.contains(id)).unwrap_or_else(|| fallback.clone());
    taken.insert(id.clone());
    id
}

fn route(base: &PathTemplate, path: &PathTemplate) -> Route {
    let template = path.under(base);
    let base_segments = template.segments.len() - path.segments.len();
    Route { template, base_segments: u32::try_from(base_segments).unwrap_or(u32::MAX) }
}

fn no_upstream(api: &ApiContext<'_>, sink: &mut Sink) {
    let place = api.root.get("servers").unwrap_or_else(|| api.root.clone());
    let upstream = sink.settings().with("upstream", "http://HOST:PORT");
    sink.error(Code::NoUpstream, &place, "nothing says where requests go: `servers` has no absolute URL").hint(
        format!(
            "compile with {upstream}, or add to the document: `x-portcullis: {{ upstream: \"http://HOST:PORT\" }}`"
        ),
    );
}

fn upstream_path(settings: &Inherited<'_>, path: &Path<'_, '_>, sink: &mut Sink) -> UpstreamPath {
    let kept = match extension::base_path(settings) {
        BasePath::Keep => UpstreamPath::AsReceived,
        BasePath::Strip => UpstreamPath::WithoutBase,
    };
    let Some(node) = extension::upstream_path(settings) else { return kept };
    let Some(text) = node.str() else {
        unreadable(&node, "a path must be a string", sink);
        return kept;
    };
    match text.parse::<PathTemplate>() {
        Ok(template) => {
            for variable in template.variables().filter(|name| !path.template.variables().any(|known| known == *name)) {
                let message = format!("`{{{variable}}}` does not stand in the path `{}`", path.key);
                sink.error(Code::UpstreamPath, &node, message)
                    .hint("only the operation's own path parameters are known");
            }
            UpstreamPath::Template(template)
        }
        Err(error) => {
            sink.error(Code::PathTemplate, &node, format!("the path `{text}` cannot be asked for: {error}"));
            kept
        }
    }
}
