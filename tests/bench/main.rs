//! `make bench`: the gateway against its peers, on the same upstream, in one run.
//!
//! The proxy under test has one worker and a core to itself; the upstream and whatever loads it share another.
//! Read in this order:
//! - [`contestant`]: the proxies, each configured to do the same and no more; and the upstream;
//! - [`saturate`]: as many requests as go through (wrk), and the processor time each of them costs;
//! - [`pace`]: a fixed rate, open loop, for latency that is not a queue of the load generator's own making;
//! - [`measure`]: rounds that alternate between the contestants, and their medians;
//! - [`loading`]: what large descriptions cost the gateway, in time and memory;
//! - [`report`]: the tables and the plot, in `docs/reference/benchmarks.md`; [`machine`]: on what it ran.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a tool of ours ends by panicking")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and times of a few seconds, for people to read"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever runs it")]

mod contestant;
mod loading;
mod machine;
mod measure;
mod pace;
mod report;
mod saturate;

use std::time::Duration;

const USAGE: &str = "bench [--rounds N] [--seconds N] [--write FILE.md]   measures every proxy that is installed
bench loading [--rounds N] [--write FILE.md]         measures how large descriptions are loaded, alone
bench pace ADDRESS RATE SECONDS                     one run of the load generator, from one thread";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["pace", address, rate, seconds] = arguments[..] {
        let duration = Duration::from_secs(seconds.parse().expect(USAGE));
        let latencies = pace::run(address.parse().expect(USAGE), rate.parse().expect(USAGE), duration);
        println!("{latencies}");
        return;
    }
    let (is_loading_alone, arguments) = match &arguments[..] {
        ["loading", rest @ ..] => (true, rest),
        all => (false, all),
    };
    let (mut plan, mut write) = (measure::Plan { rounds: 5, seconds: 4 }, None);
    for pair in arguments.chunks(2) {
        match *pair {
            ["--rounds", number] => plan.rounds = number.parse().expect(USAGE),
            ["--seconds", number] => plan.seconds = number.parse().expect(USAGE),
            ["--write", file] => write = Some(file.to_owned()),
            _ => {
                eprintln!("{USAGE}");
                std::process::exit(2);
            }
        }
    }
    let load = machine::load();
    if load > 0.5 {
        eprintln!("warning: the machine is busy (load {load}): every figure will be higher than it should be");
    }
    let facts = format!("{}, load before {load}", machine::facts());
    let mut reports = Vec::new();
    if !is_loading_alone {
        reports.push(report::Report::of_proxies(&facts, &measure::run(plan)));
    }
    reports.extend(report::Report::of_loading(&facts, plan.rounds, &loading::run(plan.rounds)));
    for report in reports {
        println!("{}", report.table);
        if let Some(file) = &write {
            report.write(file.as_ref());
        }
    }
}
