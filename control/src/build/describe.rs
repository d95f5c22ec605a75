//! What an artifact says of itself, for those who choose among artifacts.

use artifact_format::container::{self, Verified};
use artifact_format::limits::Limits;
use artifact_format::model;
use artifact_format::trust::Trust;
use jiff::Timestamp;

use crate::domain::artifact::{Api, NewArtifact, Provenance, Summary};
use crate::domain::digest::Digest;

/// The largest artifact that the control plane takes, in bytes.
pub const ARTIFACT_BYTES_MAX: usize = 64 << 20;

/// What may be held to look into one: an eighth of what a gateway would hold at most.
const LIMITS: Limits =
    Limits { file_max_bytes: ARTIFACT_BYTES_MAX as u64, section_max_bytes: 128 << 20, ..Limits::DEFAULT };

/// Verifies an artifact, and reads what it says of itself.
///
/// # Errors
/// It is damaged, or not signed by those who are believed.
pub fn describe(file: &[u8], trust: &Trust) -> Result<NewArtifact, container::Error> {
    let verified = container::open(file, trust, &LIMITS)?;
    let summary = summary(&verified)?;
    Ok(NewArtifact {
        digest: Digest(container::digest(file).0),
        size: i64::try_from(file.len()).unwrap_or(i64::MAX),
        signed_by: verified.signed_by().iter().map(ToString::to_string).collect(),
        summary,
    })
}

/// Decodes all of it, but not all of it at a time.
fn summary(verified: &Verified<'_>) -> Result<Summary, container::Error> {
    let specs = verified.specs()?.specs.len() as u64;
    let model = verified.decode_for_serving()?;
    let manifest = verified.manifest();
    let model::Provenance { commit, source, built_at } = manifest.provenance.clone();
    let built_at = built_at.and_then(|at| Timestamp::from_second(at.try_into().ok()?).ok());
    let api = |api: &model::Api| Api { title: api.title.clone(), version: api.version.clone(), spec: api.spec.clone() };
    Ok(Summary {
        project: manifest.project.clone(),
        compiler: manifest.compiler.clone(),
        minimum_gateway: manifest.minimum_gateway.clone(),
        provenance: Provenance { commit, source, built_at },
        apis: model.routes.apis.iter().map(api).collect(),
        operations: model.routes.operations.len() as u64,
        schemas: model.schemas.schemas.len() as u64,
        specs,
        features: model.features().into_iter().map(|feature| feature.name().to_owned()).collect(),
        sections: manifest.sections.iter().map(|section| (section.id.to_string(), section.length)).collect(),
    })
}
