//! API descriptions, compiled by the real compiler.

use std::path::Path;
use std::process::Command;

use artifact_format::container::{Draft, open};
use artifact_format::limits::Limits;
use artifact_format::model::Artifact;
use artifact_format::trust::{Trust, Unsigned};

use crate::api::{Destination, test_key};
use crate::config;

/// Compiles a document of the corpus, named by its path under `specs/`: unsigned, every security scheme checked for
/// presence only. `None`, with a line that says so, where there is no corpus.
///
/// # Panics
/// When it does not compile, with the diagnostics.
pub fn compile(spec: &str, destination: impl Into<Destination>) -> Option<Artifact> {
    let spec = config::corpus()?.join("specs").join(spec);
    Some(file(&spec, destination.into()))
}

/// Compiles a description in the same way.
///
/// # Panics
/// When it does not compile, with the diagnostics.
pub fn text(description: &str, destination: impl Into<Destination>) -> Artifact {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = folder.path().join("openapi.yaml");
    std::fs::write(&spec, description).expect("a writable folder");
    file(&spec, destination.into())
}

fn file(spec: &Path, Destination(upstream): Destination) -> Artifact {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("api.bca");
    let mut command = Command::new(config::control_binary());
    command.args(["compile", "--unsigned", "--security", "presence", "--upstream"]);
    command.arg(format!("http://{upstream}")).arg("--spec").arg(spec).arg("-o").arg(&output);
    let compiled = command.env("XDG_CONFIG_HOME", folder.path()).output().expect("it runs");
    let said = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{}: {said}", spec.display());
    let trust = Trust::any_of([]).with_unsigned(Unsigned::Allow);
    let file = std::fs::read(output).expect("it wrote an artifact");
    open(&file, &trust, &Limits::DEFAULT).and_then(|verified| verified.decode()).expect("it is whole")
}

/// The file of an artifact, signed with the key of tests.
pub fn signed(artifact: &Artifact) -> Vec<u8> {
    Draft::encode(artifact).expect("the model is whole").sign(&test_key()).finish().expect("it is within limits")
}
