//! Which installation of PostgreSQL there is, and as which user it runs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::config;

/// The user of the database: its owner, and the only one there is.
pub(super) const OWNER: &str = "portcullis";

/// The programs of one installation.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    folder: PathBuf,
    account: Option<Account>,
}

/// The account that servers run under where the tests run as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Programs {
    /// The installation that `initdb` on the path belongs to, else the newest that Debian's packages put there.
    pub(super) fn installed() -> Self {
        let folder = on_path().or_else(of_debian);
        let folder = folder.expect("PostgreSQL is not installed: run `scripts/tools.sh test`");
        let account = rustix::process::geteuid().is_root().then(|| {
            let accounts = fs::read_to_string("/etc/passwd").expect("the accounts can be read");
            let account = ["postgres", "nobody"].iter().find_map(|name| account_of(name, &accounts));
            account.expect("root needs the account `postgres` or `nobody`: PostgreSQL does not run as root")
        });
        Self { folder, account }
    }

    /// A new folder that only the server and root may look into. Its path is short, as those of sockets have to be.
    pub(super) fn folder(&self) -> TempDir {
        let folder = tempfile::Builder::new().prefix("portcullis-pg-").tempdir().expect("a temporary folder");
        if let Some(account) = self.account {
            chown(folder.path(), Some(account.uid), Some(account.gid)).expect("root may give folders away");
        }
        folder
    }

    /// A command that runs as the server does, and is interrupted when the thread that started it ends.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.env_clear().arg("--pdeathsig=INT").current_dir("/");
        if let Some(Account { uid, gid }) = self.account {
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
        }
        command.arg(self.folder.join(program));
        command
    }

    /// Makes an empty cluster.
    pub(super) fn initialize(&self, data: &Path) {
        let mut command = self.command("initdb");
        command.args(["--auth=trust", "--no-sync", "--no-instructions", "--encoding=UTF8", "--username", OWNER]);
        // Texts are in the order of a language, as in most installations: what leans on the order of bytes shows here.
        command.args(["--locale=C", "--locale-provider=icu", "--icu-locale=en-US", "--pgdata"]).arg(data);
        succeed(&mut command);
    }

    /// Copies the cluster of a server that runs, and has the copy follow it.
    pub(super) fn copy(&self, socket_folder: &Path, port: u16, data: &Path) {
        let mut command = self.command("pg_basebackup");
        command.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--username", OWNER, "--port"]);
        command.arg(port.to_string()).arg("--host").arg(socket_folder).arg("--pgdata").arg(data);
        succeed(&mut command);
    }

    /// Runs statements in the database at this URL and returns the rows, fields parted by `|`.
    pub(super) fn query(&self, url: &str, sql: &str) -> String {
        let said = succeed(&mut self.psql(url, sql)).stdout;
        String::from_utf8(said).expect("it writes UTF-8").trim_end().to_owned()
    }

    /// Runs the statements of a file, which only this process need be able to read, as one transaction.
    pub(super) fn feed(&self, url: &str, statements: File) {
        let mut command = self.command("psql");
        command.args(["--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1", "--dbname", url]);
        succeed(command.stdin(statements));
    }

    /// A command that runs statements and returns rows.
    pub(super) fn psql(&self, url: &str, sql: &str) -> Command {
        let mut command = self.command("psql");
        command.args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set", "ON_ERROR_STOP=1"]);
        command.args(["--dbname", url, "--command", sql]);
        command
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("setpriv is part of util-linux");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {}: {said}", command.get_args().collect::<Vec<&OsStr>>(), output.status);
    output
}

/// A link to a program leads to the folder of its neighbours.
fn on_path() -> Option<PathBuf> {
    let found = config::program("initdb")?.canonicalize().ok()?;
    found.parent().map(Path::to_owned)
}

fn of_debian() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    let folders = versions.map(|version| version.path().join("bin")).filter(|folder| folder.join("initdb").is_file());
    folders.max_by_key(|folder| version_of(folder))
}

fn version_of(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.parse().ok()
}

/// `name:password:uid:gid:...`, one account a line.
fn account_of(name: &str, accounts: &str) -> Option<Account> {
    let mut fields = accounts.lines().map(|line| line.split(':')).find_map(|mut fields| {
        let is_it = fields.next() == Some(name);
        is_it.then_some(fields)
    })?;
    let uid = fields.nth(1)?.parse().ok()?;
    Some(Account { uid, gid: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts = "root:x:0:0::/:/bin/sh\npostgres2:x:7:8:::\npostgres:x:101:104:a,b:/var:/bin/bash\n";
        assert_eq!(account_of("postgres", accounts), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(account_of("nobody", accounts), None);
    }

    #[test]
    fn a_later_version_is_newer_and_not_only_longer() {
        let version = |folder: &str| version_of(Path::new(folder));
        assert!(version("/usr/lib/postgresql/15/bin") > version("/usr/lib/postgresql/9/bin"));
    }
}
