//! What people and programs see: data on stdout, everything else on stderr.

mod table;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;
use thiserror::Error;

pub use table::{Table, counted, printable};

use crate::config::Color;

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: the default on a terminal.
    #[value(alias = "text")]
    Table,
    /// JSON: the default where stdout is a pipe or a file.
    Json,
    /// YAML.
    Yaml,
}

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Everything.
    Normal,
    /// Errors and diagnostics only.
    Quiet,
}

/// The two streams of the process.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    color: Color,
    verbosity: Verbosity,
}

/// Why data could not be written.
#[derive(Debug, Error)]
pub enum Error {
    /// The stream.
    #[error("cannot write to stdout: {0}")]
    Stdout(#[from] io::Error),
    /// Bytes that a terminal makes nothing of.
    #[error("stdout is a terminal, and this is no text: name a file, or pipe it somewhere")]
    Terminal,
    /// A value that has no form in JSON.
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A value that has no form in YAML.
    #[error("the result cannot be written as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// Something that is shown to people in words and to programs as data.
pub trait Show: Serialize {
    /// The form for people, with a newline at its end.
    fn to_text(&self) -> String;
}

impl Console {
    /// The streams of this process.
    pub fn new(color: Color, verbosity: Verbosity) -> Self {
        Self { color, verbosity }
    }

    /// Whether stderr shows colours.
    pub fn stderr_color(&self) -> Color {
        if io::stderr().is_terminal() { self.color } else { Color::Never }
    }

    /// Writes a result: in the format asked for, else as a table on a terminal and as JSON elsewhere.
    pub fn show(&self, value: &impl Show, format: Option<Format>) -> Result<(), Error> {
        let default = if io::stdout().is_terminal() { Format::Table } else { Format::Json };
        match format.unwrap_or(default) {
            Format::Table => self.data(value.to_text().as_bytes()),
            Format::Json => self.data(format!("{}\n", serde_json::to_string_pretty(value)?).as_bytes()),
            Format::Yaml => self.data(serde_saphyr::to_string(value)?.as_bytes()),
        }
    }

    /// Writes bytes to stdout. A reader that has gone away has seen enough, which is no error.
    pub fn data(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }

    /// Stdout, for bytes that are no text.
    ///
    /// # Errors
    /// It is a terminal.
    pub fn stream(&self) -> Result<impl Write + Send + use<>, Error> {
        if io::stdout().is_terminal() { Err(Error::Terminal) } else { Ok(io::stdout()) }
    }

    /// Says something on stderr, unless the user wants quiet.
    pub fn note(&self, text: impl std::fmt::Display) {
        match self.verbosity {
            Verbosity::Normal => self.say(text),
            Verbosity::Quiet => {}
        }
    }

    /// Says something on stderr, whatever the user wants.
    pub fn say(&self, text: impl std::fmt::Display) {
        let text = text.to_string();
        // Where stderr is gone, there is nobody left to tell.
        let _ = writeln!(io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// Shows that something is under way, on a terminal only, until the result is dropped.
    #[must_use]
    pub fn progress(&self, text: &str) -> Progress {
        let is_shown = self.verbosity == Verbosity::Normal && io::stderr().is_terminal();
        if is_shown {
            let _ = write!(io::stderr().lock(), "{}...", printable(text));
        }
        Progress { is_shown }
    }
}

/// A line that says what is under way, wiped when this is dropped.
#[derive(Debug)]
pub struct Progress {
    is_shown: bool,
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K");
        }
    }
}
