//! The environment, which is read here and nowhere else.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::telemetry::otlp;

/// What the environment says.
#[derive(Debug, Clone)]
pub struct Config {
    /// `$XDG_CONFIG_HOME/portcullis`, else `$HOME/.config/portcullis`; `None` where neither variable is an
    /// absolute path. The development key and the machine's trusted keys live there.
    pub configuration_folder: Option<PathBuf>,
    /// `$XDG_DATA_HOME/portcullis`, else `$HOME/.local/share/portcullis`: where the server keeps what it is not told to
    /// keep elsewhere.
    pub data_folder: Option<PathBuf>,
    /// Whether text may be coloured: unless `NO_COLOR` is set to anything but nothing (no-color.org).
    pub color: Color,
    /// Where programs are found: `PATH`.
    pub program_path: OsString,
    /// The folder of this program.
    pub program_folder: Option<PathBuf>,
    source_date_epoch: Option<OsString>,
}

/// Whether text may be coloured where a terminal shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// It may.
    Allowed,
    /// The user does not want it.
    Never,
}

/// A variable that cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// Not a number.
    #[error("SOURCE_DATE_EPOCH is `{value}`: expected the seconds since 1970-01-01T00:00:00Z, as a number")]
    SourceDateEpoch {
        /// What it is.
        value: String,
    },
}

impl Config {
    /// Reads the environment of this process.
    pub fn from_environment() -> Self {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
        let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
        let color = match variable("NO_COLOR") {
            Some(value) if !value.is_empty() => Color::Never,
            Some(_) | None => Color::Allowed,
        };
        Self {
            configuration_folder: home.map(|home| home.join("portcullis")),
            data_folder: data.map(|data| data.join("portcullis")),
            color,
            program_path: variable("PATH").unwrap_or_default(),
            program_folder: env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned)),
            source_date_epoch: variable("SOURCE_DATE_EPOCH"),
        }
    }

    /// When the artifact is said to be built, in seconds since 1970 (reproducible-builds.org): the wall clock never says.
    pub fn source_date_epoch(&self) -> Result<Option<u64>, Error> {
        let Some(value) = self.source_date_epoch.as_ref().filter(|value| !value.is_empty()) else { return Ok(None) };
        let seconds = value.to_str().and_then(|text| text.parse().ok());
        let value = || value.to_string_lossy().into_owned();
        seconds.map(Some).ok_or_else(|| Error::SourceDateEpoch { value: value() })
    }

    /// The variable that a secret `env://NAME` stands in.
    pub fn secret(&self, name: &str) -> Option<OsString> {
        variable(name)
    }

    /// Every `AWS_*` variable, in small letters: how S3 is reached.
    pub fn aws(&self) -> Vec<(String, String)> {
        aws()
    }

    /// Where traces go: `OTEL_*`.
    pub fn traces(&self) -> Result<otlp::Settings, otlp::Error> {
        otlp::Settings::read(variable)
    }

    /// The folder whose every `*.pem` is a key that this machine trusts.
    pub fn trusted_keys_folder(&self) -> Option<PathBuf> {
        self.configuration_folder.as_deref().map(|folder| folder.join("trusted-keys"))
    }

    /// Finds a program on the `PATH`.
    pub fn find_program(&self, name: &Path) -> Option<PathBuf> {
        env::split_paths(&self.program_path).map(|folder| folder.join(name)).find(|path| path.is_file())
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}

fn aws() -> Vec<(String, String)> {
    let variables =
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables
        .filter(|(name, _)| name.starts_with("AWS_"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(value: Option<&str>) -> Result<Option<u64>, String> {
        let config = Config {
            configuration_folder: None,
            data_folder: None,
            color: Color::Never,
            program_path: OsString::new(),
            program_folder: None,
            source_date_epoch: value.map(OsString::from),
        };
        config.source_date_epoch().map_err(|error| error.to_string())
    }

    #[test]
    fn the_build_time_is_a_number_or_nothing() {
        assert_eq!(epoch(None), Ok(None));
        assert_eq!(epoch(Some("")), Ok(None));
        assert_eq!(epoch(Some("1700000000")), Ok(Some(1_700_000_000)));
        assert!(epoch(Some("yesterday")).unwrap_err().contains("`yesterday`"));
        assert!(epoch(Some("-1")).is_err());
    }
}
