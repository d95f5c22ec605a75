//! What `inspect` shows. These are wire types: their fields are what scripts rely on.

use std::time::{Duration, UNIX_EPOCH};

use artifact_format::container::{SectionEntry, Verified};
use artifact_format::model::{Artifact, Operation, Provenance, Requirement, Spec, SpecFormat, SpecRole};
use artifact_format::signature::KeyId;
use serde::Serialize;

use crate::artifact::{ArtifactFile, Verdict};
use crate::output::{Show, Table};

#[derive(Debug, Serialize)]
pub(super) struct Report {
    file: String,
    digest: String,
    bytes: usize,
    trusted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    untrusted_because: Option<String>,
    signatures: Vec<SignatureRow>,
    project: String,
    compiler: String,
    minimum_gateway: String,
    provenance: ProvenanceRow,
    apis: Vec<ApiRow>,
    counts: Counts,
    sections: Vec<SectionRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<Vec<OperationRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    specs: Option<Vec<SpecRow>>,
}

#[derive(Debug, Serialize)]
struct SignatureRow {
    key_id: String,
    trusted: bool,
}

#[derive(Debug, Serialize)]
struct ProvenanceRow {
    commit: Option<String>,
    source: Option<String>,
    built_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct ApiRow {
    title: String,
    version: String,
    openapi: String,
    spec: String,
}

#[derive(Debug, Serialize)]
struct Counts {
    operations: usize,
    schemas: usize,
    upstreams: usize,
    listeners: usize,
    specs: usize,
}

#[derive(Debug, Serialize)]
struct SectionRow {
    id: String,
    revision: u16,
    bytes: u64,
    raw_bytes: u64,
    sha256: String,
}

#[derive(Debug, Serialize)]
struct OperationRow {
    id: String,
    method: String,
    routes: Vec<String>,
    listeners: Vec<String>,
    upstream: Option<String>,
    security: String,
    deprecated: bool,
}

#[derive(Debug, Serialize)]
struct SpecRow {
    path: String,
    role: &'static str,
    format: &'static str,
    bytes: usize,
}

impl Report {
    pub(super) fn new(file: &ArtifactFile, verified: &Verified<'_>, verdict: &Verdict, model: &Artifact) -> Self {
        let manifest = verified.manifest();
        let signature =
            |key: &KeyId| SignatureRow { key_id: key.to_string(), trusted: verified.signed_by().contains(key) };
        let api = |api: &artifact_format::model::Api| ApiRow {
            title: api.title.clone(),
            version: api.version.clone(),
            openapi: api.openapi.clone(),
            spec: api.spec.clone(),
        };
        Self {
            file: file.path().display().to_string(),
            digest: file.digest().to_string(),
            bytes: file.bytes().len(),
            trusted: *verdict == Verdict::Trusted,
            untrusted_because: match verdict {
                Verdict::Trusted => None,
                Verdict::Untrusted(why) => Some(why.to_string()),
            },
            signatures: verified.signers().iter().map(signature).collect(),
            project: manifest.project.clone(),
            compiler: manifest.compiler.clone(),
            minimum_gateway: manifest.minimum_gateway.clone(),
            provenance: ProvenanceRow::new(&manifest.provenance),
            apis: model.routes.apis.iter().map(api).collect(),
            counts: Counts {
                operations: model.routes.operations.len(),
                schemas: model.schemas.schemas.len(),
                upstreams: model.upstreams.upstreams.len(),
                listeners: model.routes.listeners.len(),
                specs: model.specs.specs.len(),
            },
            sections: manifest.sections.iter().map(SectionRow::new).collect(),
            operations: None,
            specs: None,
        }
    }

    pub(super) fn with_operations(self, model: &Artifact) -> Self {
        let rows = model.routes.operations.iter().map(|operation| OperationRow::new(operation, model));
        Self { operations: Some(rows.collect()), ..self }
    }

    pub(super) fn with_specs(self, model: &Artifact) -> Self {
        Self { specs: Some(model.specs.specs.iter().map(SpecRow::new).collect()), ..self }
    }
}

impl ProvenanceRow {
    fn new(provenance: &Provenance) -> Self {
        let instant = |seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        // Beyond the year 9999 RFC 3339 has no form; the file may be anybody's.
        let shown = |seconds: u64| match instant(seconds).filter(|_| seconds <= 253_402_300_799) {
            Some(time) => humantime::format_rfc3339_seconds(time).to_string(),
            None => format!("{seconds} s after 1970"),
        };
        Self {
            commit: provenance.commit.clone(),
            source: provenance.source.clone(),
            built_at: provenance.built_at.map(shown),
        }
    }
}

impl SectionRow {
    fn new(entry: &SectionEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            revision: entry.revision,
            bytes: entry.length,
            raw_bytes: entry.raw_length,
            sha256: artifact_format::container::Digest(entry.sha256).to_string(),
        }
    }
}

impl OperationRow {
    fn new(operation: &Operation, model: &Artifact) -> Self {
        let listener = |id: &artifact_format::model::ListenerId| model.routes.listeners.get(id.index());
        let upstream = operation.upstream.as_ref().and_then(|to| model.upstreams.upstreams.get(to.upstream.index()));
        Self {
            id: operation.id.clone(),
            method: operation.method.to_string(),
            routes: operation.routes.iter().map(|route| route.template.to_string()).collect(),
            listeners: operation.listeners.iter().filter_map(listener).map(|listener| listener.name.clone()).collect(),
            upstream: upstream.map(|upstream| upstream.name.clone()),
            security: security(operation, model),
            deprecated: operation.deprecated,
        }
    }
}

fn security(operation: &Operation, model: &Artifact) -> String {
    let name = |requirement: &Requirement| {
        model.policies.schemes.get(requirement.scheme.index()).map_or("?", |scheme| &scheme.name)
    };
    let all = |alternative: &Vec<Requirement>| match alternative.as_slice() {
        [] => "anyone".to_owned(),
        requirements => requirements.iter().map(name).collect::<Vec<_>>().join(" and "),
    };
    match operation.security.alternatives.as_slice() {
        [] => "anyone".to_owned(),
        alternatives => alternatives.iter().map(all).collect::<Vec<_>>().join(" or "),
    }
}

impl SpecRow {
    fn new(spec: &Spec) -> Self {
        Self {
            path: spec.path.clone(),
            role: match spec.role {
                SpecRole::Entry => "entry",
                SpecRole::Referenced => "referenced",
                SpecRole::Overlay => "overlay",
            },
            format: match spec.format {
                SpecFormat::Json => "json",
                SpecFormat::Yaml => "yaml",
            },
            bytes: spec.text.len(),
        }
    }
}

impl Show for Report {
    fn to_text(&self) -> String {
        let mut blocks = vec![self.properties().to_string(), sections(&self.sections).to_string()];
        blocks.extend(self.operations.as_deref().map(|rows| operations(rows).to_string()));
        blocks.extend(self.specs.as_deref().map(|rows| specs(rows).to_string()));
        blocks.join("\n")
    }
}

impl Report {
    fn properties(&self) -> Table {
        let mut table = Table::of_properties();
        table.row(["file", &format!("{}, {} bytes", self.file, self.bytes)]);
        table.row(["digest", &self.digest]);
        table.row(["trusted", &self.untrusted_because.as_ref().map_or("yes".into(), |why| format!("NO: {why}"))]);
        for signature in &self.signatures {
            let trusted = if signature.trusted { "trusted" } else { "not trusted" };
            table.row(["signed by", &format!("{} ({trusted})", signature.key_id)]);
        }
        table.row(["project", &self.project]);
        for api in &self.apis {
            let text = format!("{} {} (OpenAPI {}, {})", api.title, api.version, api.openapi, api.spec);
            table.row(["api", &text]);
        }
        table.row(["compiler", &self.compiler]);
        table.row(["needs gateway", &self.minimum_gateway]);
        let provenance = &self.provenance;
        let facts =
            [("commit", &provenance.commit), ("source", &provenance.source), ("built at", &provenance.built_at)];
        for (name, value) in facts {
            table.row([name, value.as_deref().unwrap_or("-")]);
        }
        let counts = &self.counts;
        let held = format!(
            "{} operations, {} schemas, {} upstreams, {} listeners, {} documents",
            counts.operations, counts.schemas, counts.upstreams, counts.listeners, counts.specs
        );
        table.row(["holds", &held]);
        table
    }
}

fn sections(rows: &[SectionRow]) -> Table {
    let mut table = Table::new(&["SECTION", "REVISION", "BYTES", "RAW BYTES", "SHA-256"]);
    for row in rows {
        let [revision, bytes, raw] = [u64::from(row.revision), row.bytes, row.raw_bytes].map(|n| n.to_string());
        table.row([&row.id, &revision, &bytes, &raw, &row.sha256]);
    }
    table
}

fn operations(rows: &[OperationRow]) -> Table {
    let mut table = Table::new(&["METHOD", "ROUTE", "OPERATION", "UPSTREAM", "SECURITY"]);
    for row in rows {
        for route in &row.routes {
            table.row([&row.method, route, &row.id, row.upstream.as_deref().unwrap_or("-"), &row.security]);
        }
    }
    table
}

fn specs(rows: &[SpecRow]) -> Table {
    let mut table = Table::new(&["DOCUMENT", "ROLE", "FORMAT", "BYTES"]);
    rows.iter().for_each(|row| table.row([&row.path, row.role, row.format, &row.bytes.to_string()]));
    table
}
