//! A folder and a configuration of a test's own.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::Value;
use tempfile::TempDir;

/// A small API that compiles as it is.
pub(crate) const PETS: &str = r##"
openapi: 3.1.0
info: { title: Pets, version: 1.0.0 }
servers: [{ url: "http://127.0.0.1:9000/v1" }]
paths:
  /pets:
    get:
      operationId: listPets
      parameters:
        - { name: limit, in: query, schema: { type: integer, maximum: 100 } }
      responses:
        "200":
          description: some
          content: { application/json: { schema: { $ref: "#/components/schemas/Pets" } } }
components:
  schemas:
    Pets: { type: array, items: { type: object, required: [name], properties: { name: { type: string } } } }
"##;

/// Where one test's files and configuration are.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With `pets.yaml`.
    pub(crate) fn with_pets() -> Self {
        let sandbox = Self::new();
        sandbox.write("pets.yaml", PETS);
        sandbox
    }

    /// With `pets.yaml`, and `pets.bca` made of it and signed with the development key.
    pub(crate) fn with_artifact() -> Self {
        let sandbox = Self::with_pets();
        sandbox.succeeds(&["compile", "--spec", "pets.yaml", "-o", "pets.bca"]);
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.path("configuration/portcullis")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("portcullis-control");
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("SOURCE_DATE_EPOCH")
            .env("XDG_CONFIG_HOME", self.path("configuration"));
        command
    }

    pub(crate) fn succeeds(&self, arguments: &[&str]) -> Assert {
        self.command(arguments).assert().success()
    }

    /// Runs a command that must end with `code`, and returns what it says about it.
    pub(crate) fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.command(arguments).assert().code(code).get_output().clone();
        String::from_utf8(output.stderr).unwrap()
    }

    /// The JSON that a command prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.succeeds(arguments).get_output().stdout).unwrap()
    }
}

/// What a command that succeeded printed on stdout.
pub(crate) fn stdout(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

/// What a command printed on stderr.
pub(crate) fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
