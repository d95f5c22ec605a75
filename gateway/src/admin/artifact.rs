//! `/artifact`: what is being served, from whom, and what it says.

use artifact_format::model::{Operation, Provenance};
use serde::Serialize;

use crate::snapshot::{Origin, Snapshot};

#[derive(Serialize)]
struct Description<'s> {
    sha256: String,
    project: &'s str,
    compiler: &'s str,
    minimum_gateway: &'s str,
    signed_by: Vec<String>,
    provenance: &'s Provenance,
    operations: Vec<OperationDescription<'s>>,
}

#[derive(Serialize)]
struct OperationDescription<'s> {
    id: &'s str,
    method: &'s str,
    routes: Vec<String>,
    listeners: Vec<&'s str>,
    upstream: Option<&'s str>,
    deprecated: bool,
}

/// None where nothing was deployed yet.
pub(super) fn describe(snapshot: &Snapshot) -> Option<Result<String, serde_json::Error>> {
    let Origin { digest, manifest, signed_by } = snapshot.origin.as_ref()?;
    let description = Description {
        sha256: digest.to_string(),
        project: &manifest.project,
        compiler: &manifest.compiler,
        minimum_gateway: &manifest.minimum_gateway,
        signed_by: signed_by.iter().map(ToString::to_string).collect(),
        provenance: &manifest.provenance,
        operations: snapshot.operations().iter().map(|operation| describe_operation(snapshot, operation)).collect(),
    };
    Some(serde_json::to_string_pretty(&description))
}

fn describe_operation<'s>(snapshot: &'s Snapshot, operation: &'s Operation) -> OperationDescription<'s> {
    let upstream = operation.upstream.as_ref().map(|binding| &snapshot.upstreams[binding.upstream.index()]);
    OperationDescription {
        id: &operation.id,
        method: operation.method.as_str(),
        routes: operation.routes.iter().map(|route| route.template.to_string()).collect(),
        listeners: operation.listeners.iter().map(|id| snapshot.routes.listeners[id.index()].name.as_str()).collect(),
        upstream: upstream.map(|upstream| upstream.name.as_str()),
        deprecated: operation.deprecated,
    }
}
