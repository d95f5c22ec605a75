//! What the process has taken from itself before it reads a byte.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use super::PROGRAM;

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.arg("build-worker").args(arguments).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The soft and the hard limit, as the system has them.
fn limits(child: &Child, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().take(2).map(str::to_owned).collect()
}

#[test]
fn files_memory_and_time_are_taken_away() {
    let mut child = start(&["--memory-bytes", "1000000000", "--cpu-seconds", "7"]);
    // It waits for a job that does not come. Memory is the last limit that it sets.
    while limits(&child, "Max address space") != ["1000000000", "1000000000"] {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::yield_now();
    }
    assert_eq!(limits(&child, "Max open files"), ["3", "3"]);
    assert_eq!(limits(&child, "Max core file size"), ["0", "0"]);
    assert_eq!(limits(&child, "Max cpu time"), ["7", "8"]);
    // Nobody tells it anything: it says so, and ends.
    drop(child.stdin.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(1), "error: a build's frame is cut short\n"));
}
