//! Processes that do not say what they should.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use control::build::child::Confinement;
use control::build::frame;
use control::build::runner::{Blame, Error, Limits, Runner};
use tempfile::TempDir;

use super::{PROGRAM, many_paths, pets};

/// A program of a few lines, in a folder of its own.
fn script(lines: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, path)
}

async fn failure_of(lines: &str) -> Error {
    let (_folder, program) = script(lines);
    Runner::new(program, Limits::DEFAULT).run(&pets()).await.unwrap_err()
}

#[tokio::test]
async fn a_build_ends_at_its_deadline() {
    let limits = Limits { deadline: Duration::from_millis(20), ..Limits::DEFAULT };
    let error = Runner::new(PROGRAM, limits).run(&many_paths(10_000)).await.unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    assert_eq!(error.blame(), Blame::System);
}

#[tokio::test]
async fn a_build_computes_for_a_bounded_time() {
    let confinement = Confinement { cpu: Duration::from_secs(1), ..Limits::DEFAULT.confinement };
    let limits = Limits { confinement, deadline: Duration::from_mins(3) };
    let error = Runner::new(PROGRAM, limits).run(&many_paths(200_000)).await.unwrap_err();
    assert!(matches!(error, Error::Cpu { .. }), "{error}");
    assert_eq!(error.blame(), Blame::Documents);
}

#[tokio::test]
async fn a_build_takes_bounded_memory() {
    let confinement = Confinement { memory_bytes: 300 << 20, ..Limits::DEFAULT.confinement };
    let limits = Limits { confinement, deadline: Duration::from_mins(3) };
    let error = Runner::new(PROGRAM, limits).run(&many_paths(100_000)).await.unwrap_err();
    assert!(matches!(error, Error::Memory { .. }), "{error}");
}

#[tokio::test]
async fn how_it_ends_says_why() {
    let error = failure_of("kill -9 $$").await;
    assert!(matches!(error, Error::Killed), "{error}");
    assert_eq!(error.blame(), Blame::System);

    let error = failure_of("echo oops >&2; exit 1").await;
    assert!(matches!(&error, Error::Failed { said, .. } if said == "oops"), "{error}");

    let error = failure_of("echo 'error: too many' >&2; exit 5").await;
    assert!(matches!(&error, Error::Unencodable { reason } if reason == "too many"), "{error}");

    let error = failure_of("echo no").await;
    assert!(matches!(error, Error::Frame(frame::Error::Truncated)), "{error}");

    // A report of 4 GiB, it says, and then an artifact of 64 MiB after a report.
    let error = failure_of("printf '\\377\\377\\377\\377'; exec /bin/cat /dev/zero").await;
    assert!(matches!(error, Error::TooLarge), "{error}");
    let report = r#"{"diagnostics":[],"errors":0,"warnings":0}"#;
    let said = format!("printf '\\{:o}\\0\\0\\0%s\\0\\0\\0\\0\\0\\0\\0\\4' '{report}'", report.len());
    let error = failure_of(&said).await;
    assert!(matches!(error, Error::TooLarge), "{error}");

    // It says nothing, three times, and does not stop.
    let error = failure_of("exec /bin/cat /dev/zero").await;
    assert!(matches!(error, Error::Failed { .. } | Error::Frame(frame::Error::Json(_))), "{error}");

    let error = Runner::new("/nowhere/program", Limits::DEFAULT).run(&pets()).await.unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
}

/// Whether a process computes, or waits, or is a zombie that nobody has asked for yet.
fn is_alive(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

async fn written(path: &Path) -> String {
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn a_build_that_is_dropped_is_killed() {
    let (folder, program) = script("echo $$ > \"${0%/*}/pid\"\nexec /bin/cat /dev/zero > /dev/null");
    let (runner, job) = (Runner::new(program, Limits::DEFAULT), pets());
    let noted = folder.path().join("pid");
    let pid = tokio::select! {
        outcome = runner.run(&job) => panic!("{outcome:?}"),
        pid = written(&noted) => pid,
    };
    while is_alive(&pid) {
        tokio::task::yield_now().await;
    }
}
