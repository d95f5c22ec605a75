//! Builds in the real process: what it says, what it cannot reach, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod confined;
mod failing;
mod hostile;
mod said;

use std::fmt::Write as _;
use std::time::Duration;

use artifact_format::model::Provenance;
use bytes::Bytes;
use control::build::job::{Document, Job, Options};
use control::build::outcome::Outcome;
use control::build::runner::{Limits, Runner};
use control::compilation::Security;

/// The real binary.
const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis-control");

const PETS: &str = r#"
openapi: 3.1.0
info: { title: Pets, version: 1.0.0 }
servers: [{ url: "http://127.0.0.1:9000/v1" }]
paths:
  /pets:
    get:
      operationId: listPets
      responses:
        "200":
          description: some
          content: { application/json: { schema: { $ref: "pet.yaml" } } }
"#;

const PET: &str = "{ type: object, properties: { name: { type: string } } }\n";

/// A job of these files; the first one is the entry.
fn job(files: &[(&str, &str)]) -> Job {
    let document = |(path, text): &(&str, &str)| Document {
        path: (*path).to_owned(),
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    };
    let options = Options {
        project: "pets".to_owned(),
        upstream: None,
        security: Security::Enforce,
        provenance: Provenance::default(),
    };
    Job {
        documents: files.iter().map(document).collect(),
        entries: vec![files[0].0.to_owned()],
        overlays: Vec::new(),
        options,
    }
}

fn pets() -> Job {
    job(&[("openapi.yaml", PETS), ("pet.yaml", PET)])
}

/// An API with so many paths, without a schema.
fn many_paths(count: usize) -> Job {
    let mut text = String::from(
        "openapi: 3.1.0\ninfo: { title: t, version: '1' }\nservers: [{ url: http://127.0.0.1:9000 }]\npaths:\n",
    );
    for number in 0..count {
        writeln!(text, "  /p{number}: {{ get: {{ responses: {{ '200': {{ description: d }} }} }} }}").unwrap();
    }
    job(&[("openapi.yaml", &text)])
}

async fn built(job: &Job) -> Outcome {
    // The machine may be busy with other tests.
    let limits = Limits { deadline: Duration::from_mins(3), ..Limits::DEFAULT };
    Runner::new(PROGRAM, limits).run(job).await.unwrap()
}

/// The codes of what is wrong, each once.
fn codes(outcome: &Outcome) -> Vec<&str> {
    let mut codes: Vec<&str> = outcome.report.diagnostics.iter().map(|found| found.code.as_str()).collect();
    codes.dedup();
    codes
}
