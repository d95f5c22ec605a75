//! `portcullis-control` as somebody types it who has a home folder, a server and a token.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{ControlPlane, config, documented};

/// A command line with a home folder of its own.
#[derive(Debug)]
pub struct CommandLine {
    home: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl CommandLine {
    /// Of somebody who knows no server.
    pub fn alone() -> Self {
        Self { home: tempfile::tempdir().expect("a temporary folder"), variables: Vec::new() }
    }

    /// Of somebody who has a server's token in a variable.
    pub fn of(control_plane: &ControlPlane) -> Self {
        let url = format!("http://{}", control_plane.address());
        Self::alone().with("PORTCULLIS_CONTROL_URL", url).with("PORTCULLIS_CONTROL_TOKEN", control_plane.token())
    }

    /// With a variable more in the environment, or another value for it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.into()));
        self
    }

    /// A path in the home folder, which commands run in.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file in the home folder.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// Runs a program, which finds this build's programs on its search path.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn program(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Output {
        self.prepared(program.as_ref(), arguments).output().expect("it starts")
    }

    /// Begins a command that goes on by itself. What it says goes into the file `said` of the home folder.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn begins(&self, arguments: &[&str]) -> Child {
        let said = std::fs::File::create(self.path("said")).expect("a file");
        let mut command = self.prepared(&config::control_binary(), arguments);
        command.stdout(Stdio::null()).stderr(said).spawn().expect("it starts")
    }

    fn prepared(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.home.path());
        command.env_clear().env("HOME", self.home.path()).env("PATH", documented::search_path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command, however it ends.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.program(config::control_binary(), arguments)
    }

    /// Runs a command that must succeed. Returns what it prints.
    ///
    /// # Panics
    /// When it fails, with what it said.
    pub fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {:?}\n{said}", output.status);
        String::from_utf8(output.stdout).expect("it prints text")
    }

    /// The JSON that a command prints.
    ///
    /// # Panics
    /// When it fails, or prints something else.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.succeeds(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{text}"))
    }

    /// Runs a command that must end with this code. Returns what it says about it.
    ///
    /// # Panics
    /// When it ends otherwise.
    pub fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{said}");
        said
    }
}
