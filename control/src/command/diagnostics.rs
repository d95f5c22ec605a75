//! How every command that looks at documents says what is wrong with them.

use clap::ValueEnum;
use compiler::diagnostic::{self, Diagnostics};

use super::Error;
use crate::config::Color;
use crate::output::Console;

/// How diagnostics are written.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct DiagnosticArgs {
    /// How diagnostics are written: `text` on stderr, the others on stdout.
    #[arg(long, env = "PORTCULLIS_CONTROL_FORMAT", value_enum, value_name = "FORMAT", default_value = "text")]
    pub(super) format: DiagnosticFormat,
    /// What is not put up with beside errors.
    #[arg(long, env = "PORTCULLIS_CONTROL_DENY", value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
}

/// What can be denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Any warning.
    Warnings,
}

/// The forms of diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiagnosticFormat {
    /// For people, with the line and a caret.
    Text,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// `JUnit` XML.
    Junit,
}

impl DiagnosticArgs {
    /// Fails where something was found that the user denies.
    pub(super) fn denies(self, found: &Diagnostics) -> Result<(), Error> {
        match self.deny {
            Some(Deny::Warnings) if found.warnings() > 0 => Err(Error::Denied { warnings: found.warnings() }),
            Some(Deny::Warnings) | None => Ok(()),
        }
    }
}

/// Writes diagnostics: for people beside everything else that is said, for programs as data.
pub(super) fn show(diagnostics: &Diagnostics, format: DiagnosticFormat, console: Console) -> Result<(), Error> {
    let color = match console.stderr_color() {
        Color::Allowed => diagnostic::Color::Ansi,
        Color::Never => diagnostic::Color::Plain,
    };
    match format {
        DiagnosticFormat::Text if diagnostics.iter().next().is_none() => {}
        DiagnosticFormat::Text => console.say(diagnostics.render(diagnostic::Format::Text, color)),
        other => {
            let text = diagnostics.render(other.into(), diagnostic::Color::Plain);
            console.data(format!("{}\n", text.trim_end()).as_bytes())?;
        }
    }
    Ok(())
}

impl From<DiagnosticFormat> for diagnostic::Format {
    fn from(format: DiagnosticFormat) -> Self {
        match format {
            DiagnosticFormat::Text => Self::Text,
            DiagnosticFormat::Json => Self::Json,
            DiagnosticFormat::Sarif => Self::Sarif,
            DiagnosticFormat::Github => Self::Github,
            DiagnosticFormat::Junit => Self::Junit,
        }
    }
}
