//! Whether the examples and defaults of a description satisfy its own schemas.
//!
//! Judged as a gateway would judge them: examples of parameters and request bodies as what clients send, those of
//! responses and headers as what the API sends. A schema's own examples may be either.

use std::collections::HashSet;

use artifact_format::model::SchemaId;
use contract::json::{Limits, Tree};
use contract::schema::{Validator, Validators};
use contract::{Detail, Part, Report, Violation, pointer};

use crate::diagnostic::{Code, Severity, Sink};
use crate::document::{Documents, Identity, Node, Version};
use crate::enforcement;
use crate::lower::{self, Holder, Lowered};
use crate::reference;
use crate::schema::{Collector, Purposes};
use crate::structure::Fault;
use crate::structure::grammar::{Object, Shape};
use crate::structure::tables;
use crate::structure::walk::{Observer, Seen, Target, Walk, is_schema, version};

/// Reports every example and default that breaks its schema, as warnings.
///
/// Only what compiles is looked at: the schemas are not what their author meant otherwise.
pub(crate) fn check(documents: &Documents, lowered: &Lowered<'_>, sink: &mut Sink) {
    if sink.has_errors() {
        return;
    }
    let mut samples = Samples::new(documents);
    lowered.holders.iter().for_each(|holder| samples.take_of_holder(holder));
    let mut seen = Seen::new();
    for root in documents.entries() {
        let mut schemas = Schemas::default();
        Walk::new(&mut schemas, &mut seen).from(root.clone(), Shape::Object(&tables::OPENAPI), Severity::Error);
        let purposes = lower::purposes_of_document(&root);
        schemas.found.iter().for_each(|schema| samples.take_of_schema(schema, purposes));
    }
    samples.judge(sink);
}

/// A value that a description gives, and what it is to satisfy.
struct Sample<'d> {
    value: Node<'d>,
    kind: Kind,
    schema: Node<'d>,
    /// One of these is enough.
    ids: Vec<SchemaId>,
}

/// What a description calls a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Example,
    Default,
}

/// The values of a description, with a table of the schemas that they need.
struct Samples<'d> {
    collector: Collector<'d>,
    /// What the collector finds: known already, but for schemas that nobody uses.
    faults: Sink,
    kept: Vec<Sample<'d>>,
    taken: HashSet<(Identity, Vec<SchemaId>)>,
}

impl<'d> Samples<'d> {
    fn new(documents: &'d Documents) -> Self {
        let (kept, taken) = (Vec::new(), HashSet::new());
        Self { collector: Collector::new(documents), faults: Sink::new(), kept, taken }
    }

    fn take_of_holder(&mut self, holder: &Holder<'d>) {
        let values = values_of_holder(holder);
        let Some(schema) = holder.node.get("schema").filter(|_| !values.is_empty()) else { return };
        let id = self.collector.schema(&schema, holder.purpose, &mut self.faults);
        for value in values {
            self.take(Sample { value, kind: Kind::Example, schema: schema.clone(), ids: Vec::from_iter(id) });
        }
    }

    /// `example`, `examples` and `default` of a schema (JSON Schema 2020-12 validation, section 9).
    fn take_of_schema(&mut self, schema: &Node<'d>, purposes: Purposes) {
        let is_old = version(schema) == Version::V3_0;
        if is_old && schema.reference().is_some() {
            return;
        }
        let list = schema.get("examples").filter(|_| !is_old);
        let examples = schema.get("example").into_iter().chain(list.iter().flat_map(Node::items));
        let values = examples.map(|value| (value, Kind::Example));
        let values: Vec<_> = values.chain(schema.get("default").map(|value| (value, Kind::Default))).collect();
        if values.is_empty() {
            return;
        }
        let purposes = [purposes.request, purposes.response].into_iter();
        let ids: Vec<SchemaId> =
            purposes.filter_map(|purpose| self.collector.schema(schema, purpose, &mut self.faults)).collect();
        for (value, kind) in values {
            self.take(Sample { value, kind, schema: schema.clone(), ids: ids.clone() });
        }
    }

    fn take(&mut self, sample: Sample<'d>) {
        if self.taken.insert((sample.value.identity(), sample.ids.clone())) {
            self.kept.push(sample);
        }
    }

    fn judge(mut self, sink: &mut Sink) {
        let (table, _) = self.collector.finish(&mut self.faults);
        sink.take_as_warnings(self.faults);
        let mut roots = Vec::new();
        for sample in &mut self.kept {
            sample.ids.iter_mut().for_each(|id| *id = table.id(*id));
            roots.extend(&sample.ids);
        }
        roots.sort_unstable();
        roots.dedup();
        let validators = enforcement::build(&table.schemas, &roots).or_else(|errors| {
            // A schema that no operation uses may be one that cannot be enforced, which was reported.
            roots.retain(|root| errors.iter().all(|error| error.schema != *root));
            enforcement::build(&table.schemas, &roots)
        });
        let validators = validators.unwrap_or_default();
        let mut tree = Tree::default();
        self.kept.iter().for_each(|sample| sample.judge(&validators, &mut tree, sink));
    }
}

impl Sample<'_> {
    fn judge(&self, validators: &Validators, tree: &mut Tree, sink: &mut Sink) {
        let text = self.value.value().to_string();
        let Ok(value) = tree.read(&text, &Limits::DEFAULT) else { return };
        let judges: Vec<&Validator> = self.ids.iter().filter_map(|id| validators.get(*id)).map(AsRef::as_ref).collect();
        let Some(first) = judges.first().filter(|_| !judges.iter().any(|judge| judge.is_valid(value))) else { return };
        let mut report = Report::new(Detail::Brief);
        first.explain(value, &contract::Place::whole(Part::Body), &mut report);
        report.violations().iter().for_each(|violation| self.report(violation, sink));
    }

    fn report(&self, violation: &Violation, sink: &mut Sink) {
        let (code, name) = match self.kind {
            Kind::Example => (Code::ExampleMismatch, "example"),
            Kind::Default => (Code::DefaultMismatch, "default"),
        };
        let at = &violation.place.pointer;
        let (place, message) = match self.value.descend(at) {
            Some(part) if at.is_empty() => (part, format!("this {name} {}", violation.message)),
            Some(part) => (part, format!("in this {name}, this {}", violation.message)),
            // What is missing has no place of its own.
            None => {
                let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
                let missing = pointer::tokens(at).last().unwrap_or_default();
                let place = self.value.descend(parent).unwrap_or_else(|| self.value.clone());
                (place, format!("in this {name}, `{missing}` {}", violation.message))
            }
        };
        sink.warning(code, &place, format!("{message} (`{}`)", violation.keyword))
            .related(&self.schema, "it is held to this schema");
    }
}

/// The examples of a parameter, a header or a media type (OpenAPI 3.2.0 section 4.19).
fn values_of_holder<'d>(holder: &Holder<'d>) -> Vec<Node<'d>> {
    let is_plain = holder.written.is_plain();
    // For what JSON has no words for, "use a string value to contain the example, escaping where necessary".
    let looks_as_it_is = |value: &Node<'d>| is_plain || value.str().is_none();
    let own = holder.node.get("example").filter(looks_as_it_is);
    let objects = holder.node.get("examples").map(|map| lower::map(&map, &mut Sink::new()));
    let objects = objects.iter().flat_map(Node::entries).filter_map(|(_, example)| example.resolved().ok());
    let of_object =
        |example: Node<'d>| example.get("dataValue").or_else(|| example.get("value").filter(looks_as_it_is));
    own.into_iter().chain(objects.filter_map(of_object)).collect()
}

/// Every Schema Object of a document.
#[derive(Default)]
struct Schemas<'d> {
    found: Vec<Node<'d>>,
}

impl<'d> Observer<'d> for &mut Schemas<'d> {
    fn fault(&mut self, _: &Node<'d>, _: Fault, _: Severity) {}

    fn reference(&mut self, from: &Node<'d>, reference: &'d str, _: Target) -> Option<Node<'d>> {
        reference::resolve(from, reference).ok()
    }

    fn schema(&mut self, _: &Node<'d>) {}

    fn object(&mut self, node: &Node<'d>, object: &'static Object, _: Severity) {
        if is_schema(object) {
            self.found.push(node.clone());
        }
    }
}
