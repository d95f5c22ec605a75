//! Outcomes: the same that the command line gives.

use std::fs;

use artifact_format::container;
use artifact_format::limits::Limits;
use artifact_format::signature::SigningKey;
use artifact_format::trust::Trust;
use control::build::outcome::DIAGNOSTICS_MAX;
use control::domain::report::Severity;

use super::{PET, PETS, built, codes, job, pets};

#[tokio::test]
async fn the_artifact_is_the_one_that_compile_writes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("openapi.yaml"), PETS).unwrap();
    fs::write(folder.path().join("pet.yaml"), PET).unwrap();
    let mut compile = assert_cmd::cargo::cargo_bin_cmd!("portcullis-control");
    let arguments = ["compile", "--spec", "openapi.yaml", "--project", "pets", "--unsigned", "-o", "a.bca"];
    compile.args(arguments).env_remove("SOURCE_DATE_EPOCH").current_dir(folder.path()).assert().success();
    let compiled = fs::read(folder.path().join("a.bca")).unwrap();

    let outcome = built(&pets()).await;
    let artifact = outcome.artifact.unwrap();
    assert!(artifact == compiled, "they differ");
    assert_eq!((outcome.report.errors, outcome.report.warnings, outcome.text.as_str()), (0, 0, ""));

    let key = SigningKey::from_seed(&[7; 32].into());
    let signed = container::add_signature(&artifact, &key).unwrap();
    let trust = Trust::any_of([key.public()]);
    assert_eq!(container::open(&signed, &trust, &Limits::DEFAULT).unwrap().signed_by(), [key.public().id()]);
}

#[tokio::test]
async fn what_is_wrong_is_data() {
    let outcome = built(&job(&[("api/openapi.yaml", &PETS.replace("operationId", "operationID"))])).await;
    assert_eq!(outcome.artifact, None);
    assert_eq!((outcome.report.errors, outcome.report.warnings), (2, 0), "{}", outcome.text);
    let unknown = &outcome.report.diagnostics[0];
    assert_eq!((unknown.code.as_str(), unknown.severity), ("PC2002", Severity::Error));
    assert_eq!(unknown.place.file, "api/openapi.yaml");
    assert_eq!(unknown.place.pointer.as_deref(), Some("/paths/~1pets/get/operationID"));
    assert_eq!((unknown.place.line, unknown.place.column), (Some(8), Some(7)));
    assert!(unknown.hint.as_deref().unwrap().contains("operationId"), "{unknown:?}");
    assert_eq!(outcome.report.diagnostics[1].code, "PC1101");
    assert!(outcome.text.contains("--> api/openapi.yaml:8:7"), "{}", outcome.text);
}

#[tokio::test]
async fn an_overlay_and_the_options_count() {
    let overlay = "overlay: 1.0.0\ninfo: { title: o, version: '1' }\nactions: [{ target: \"$.paths['/pets'].get\", remove: true }]\n";
    let mut job = job(&[("openapi.yaml", PETS), ("pet.yaml", PET), ("o.yaml", overlay)]);
    job.overlays = vec!["o.yaml".to_owned()];
    assert_eq!(codes(&built(&job).await), ["PC3008"]);
    job.overlays.clear();
    job.options.upstream = Some("not a URL".to_owned());
    assert_eq!(codes(&built(&job).await), ["PC4005"]);
}

#[tokio::test]
async fn all_faults_are_counted_and_the_first_ones_told() {
    let faulty: Vec<String> = (0..3000).map(|number| format!("x{number}: 1")).collect();
    let outcome = built(&job(&[("openapi.yaml", &format!("{PETS}{}", faulty.join("\n")))])).await;
    assert_eq!(outcome.report.errors, 3001, "3000 fields and the file that is missing");
    assert_eq!(outcome.report.diagnostics.len(), DIAGNOSTICS_MAX);
    assert_eq!(outcome.text.matches("\nerror[").count() + 1, DIAGNOSTICS_MAX);
}
