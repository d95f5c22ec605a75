//! As many requests as go through, by wrk, and the processor time that each of them costs the proxy.

use std::fs;
use std::process::Command;

use crate::contestant::{LOAD_CORE, Running, TARGET};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Get,
    /// With a JSON body of 770 bytes.
    Post,
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saturated {
    pub(crate) requests_per_second: f64,
    pub(crate) processor_us_per_request: f64,
}

const CONNECTIONS: &str = "64";

/// Runs wrk for so long, on the upstream's core.
pub(crate) fn run(proxy: &Running, request: Request, seconds: u64) -> Saturated {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("post.lua");
    fs::write(&script, post()).expect("a writable folder");
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE, "wrk", "-t1", "-c", CONNECTIONS, "-d", &format!("{seconds}s")]);
    if request == Request::Post {
        command.arg("-s").arg(&script);
    }
    let target = if request == Request::Post { "/orders" } else { TARGET };
    command.arg(format!("http://{}{target}", proxy.address));
    let before = proxy.processor_time();
    let output = command.output().expect("wrk is installed");
    let spent = proxy.processor_time().saturating_sub(before);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && !said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
    // `  123456 requests in 4.00s, 25.00MB read` and `Requests/sec:  30864.00`.
    let requests =
        said.lines().find(|line| line.contains(" requests in ")).and_then(|line| line.split(' ').find_map(number));
    let per_second = said.lines().find_map(|line| number(line.strip_prefix("Requests/sec:")?.trim()));
    let (Some(requests), Some(requests_per_second)) = (requests, per_second) else { panic!("{said}") };
    Saturated { requests_per_second, processor_us_per_request: spent.as_secs_f64() * 1e6 / requests }
}

fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

/// A wrk script that sends an order, which the gateway judges.
fn post() -> String {
    let order = include_str!("api/order.json");
    format!("wrk.method = 'POST'\nwrk.headers['content-type'] = 'application/json'\nwrk.body = '{order}'\n")
}
