//! The tutorial of the control plane, typed as it is written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tests::documented;

const PAGE: &str = "docs/tutorial/control-plane.md";

/// Whether everybody sees this line of what the page shows: the heads of tables, and what is true of every first
/// deployment.
fn is_for_everybody(line: &str) -> bool {
    let names = ["NAME", "number", "kind", "selector", "state", "reason", "wave", "waves", "strategy", "gates"];
    names.into_iter().chain(["takes back", "message", "author", "started by", "scheduled"]).any(|name| {
        // A name has a column of its own.
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with("  "))
    })
}

/// The page's commands are for ports that a machine has once. Other ones take their place, so that tests run side by
/// side; everything else is typed as it stands.
#[test]
fn the_tutorial_of_the_control_plane_works_as_written() {
    let taken: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = taken.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    drop(taken);
    let written = ["9090", "8080", "9901", "9000"];
    let mut commands = documented::commands(PAGE);
    let home = tempfile::tempdir().unwrap();
    for (written, port) in written.iter().zip(&ports) {
        commands = commands.replace(&format!("127.0.0.1:{written}"), &format!("127.0.0.1:{port}"));
        commands = commands.replace(&format!("http.server {written}"), &format!("http.server {port}"));
    }
    // The document of `init` names the upstream's port as well.
    let edit = format!("sed -i 's/127.0.0.1:9000/127.0.0.1:{}/' notes/openapi.yaml\n", ports[3]);
    commands = commands.replace("portcullis-control init notes\n", &format!("portcullis-control init notes\n{edit}"));
    let address = |port: u16| format!("127.0.0.1:{port}");
    let mut shell = Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", &commands])
        .env_clear()
        .env("PATH", documented::search_path())
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .env("PORTCULLIS_CONTROL_LISTEN", address(ports[0]))
        .env("PORTCULLIS_LISTEN", address(ports[1]))
        .env("PORTCULLIS_ADMIN", address(ports[2]))
        .stdin(Stdio::null())
        // Not pipes: what was started in the background would hold them open.
        .stdout(File::create(home.path().join("said")).unwrap())
        .stderr(File::create(home.path().join("noted")).unwrap())
        .process_group(0);
    let mut shell = shell.spawn().unwrap();
    let group = Pid::from_child(&shell);
    let status = shell.wait().unwrap();
    // Where a command failed, what was started before it goes on.
    let _ = kill_process_group(group, Signal::KILL);
    let [said, noted] = ["said", "noted"].map(|name| fs::read_to_string(home.path().join(name)).unwrap());
    assert!(status.success(), "{status:?}\n{said}\n{noted}");
    let answers = ["nothing-deployed", "A portcullis is a gate that falls.", "{\"count\":1}", "route-not-found"];
    for expected in answers.into_iter().chain(["verified", "edge-1", "deployment.create", "deployment.rollback"]) {
        assert!(said.contains(expected), "{expected} is not in\n{said}\n{noted}");
    }
    assert!(noted.contains("as bootstrap (admin)"), "{noted}");
    let shown = documented::printed(PAGE);
    let shown: Vec<&str> = shown.lines().filter(|line| is_for_everybody(line)).collect();
    assert!(shown.len() > 10, "{shown:?}");
    for line in shown {
        let is_it = |own: &str| own.split_whitespace().eq(line.split_whitespace());
        assert!(said.lines().any(is_it), "the page shows what is not printed: {line}\n{said}");
    }
}
