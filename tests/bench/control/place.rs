//! Where a control plane keeps its things: both databases, and statements that go past its API.

use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tests::ControlPlane;
use tests::control_plane::Setup;
use tests::postgres::Postgres;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Bytes, as a statement has them.
    pub(super) fn bytes(self, bytes: &[u8]) -> String {
        match self {
            Self::Sqlite => format!("x'{}'", hex(bytes)),
            Self::Postgres => format!("'\\x{}'", hex(bytes)),
        }
    }
}

/// Two digits for each byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string grows");
        text
    })
}

/// A database, and whose it is.
#[derive(Debug)]
pub(super) enum Place {
    /// A file, in the control plane's folder.
    Sqlite,
    /// A server of its own.
    Postgres(Box<Postgres>),
}

impl Place {
    /// An empty one, and a control plane on it that holds nobody to a rate.
    pub(super) async fn open(kind: Kind) -> (Self, ControlPlane) {
        let setup = ControlPlane::empty().set("--rate-limit", "0");
        match kind {
            Kind::Sqlite => (Self::Sqlite, setup.start().await),
            Kind::Postgres => {
                let server = Postgres::start().await;
                let setup: Setup = setup.set("--database-url", &server.url());
                (Self::Postgres(Box::new(server)), setup.start().await)
            }
        }
    }

    /// Runs the statements of a file as one transaction, behind the control plane's back. Blocks the thread.
    pub(super) fn feed(&self, control: &ControlPlane, statements: File) {
        match self {
            Self::Postgres(server) => server.feed(statements),
            Self::Sqlite => {
                let mut command = Command::new("sqlite3");
                command.arg("-bail").arg("-cmd").arg(".timeout 10000").arg(database(control));
                let output = command.stdin(statements).stdout(Stdio::piped()).output().expect("sqlite3 is installed");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success() && said.is_empty(), "{said}");
            }
        }
    }
}

fn database(control: &ControlPlane) -> PathBuf {
    control.folder().join("control.db")
}
