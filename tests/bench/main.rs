//! `make bench`: the gateway against its peers, on the same upstream, in one run.
//!
//! The proxy under test has one worker and a core to itself; the upstream and whatever loads it share another.
//! Read in this order:
//! - [`contestant`]: the proxies, each configured to do the same and no more; and the upstream;
//! - [`saturate`]: as many requests as go through (wrk), and the processor time each of them costs;
//! - [`pace`]: a fixed rate, open loop, for latency that is not a queue of the load generator's own making;
//! - [`measure`]: rounds that alternate between the contestants, and their medians;
//! - [`loading`]: what large descriptions cost the gateway, in time and memory;
//! - [`control`]: the control plane's server with a fleet's worth of rows, on both databases;
//! - [`fleet`]: ten thousand data planes on one control plane;
//! - [`report`]: the tables and the plots, in `docs/reference/benchmarks.md`; [`machine`]: on what it ran.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a tool of ours ends by panicking")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and times of a few seconds, for people to read"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever runs it")]

mod contestant;
mod control;
mod fleet;
mod loading;
mod machine;
mod measure;
mod pace;
mod report;
mod saturate;

use std::time::Duration;

use control::place::Kind;
use report::Report;

const USAGE: &str = "bench [--rounds N] [--seconds N] [--write FILE.md]   measures every proxy that is installed
bench loading [--rounds N] [--write FILE.md]         measures how large descriptions are loaded, alone
bench control [--rounds N] [--seconds N] [--database sqlite|postgres] [--write FILE.md]
                                                    measures the control plane's server, alone
bench fleet [--data-planes N] [--rounds N] [--soak MINUTES] [--write FILE.md]
                                                    measures one control plane with a fleet on it
bench pace ADDRESS RATE SECONDS                     one run of the load generator, from one thread";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Gateway,
    Loading,
    Control,
    Fleet,
}

/// What the command line says.
#[derive(Debug, Default)]
struct Options {
    rounds: Option<usize>,
    seconds: Option<u64>,
    database: Option<Kind>,
    data_planes: Option<usize>,
    soak_minutes: Option<u64>,
    write: Option<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["pace", address, rate, seconds] = arguments[..] {
        let duration = Duration::from_secs(seconds.parse().expect(USAGE));
        let latencies = pace::run(address.parse().expect(USAGE), rate.parse().expect(USAGE), duration);
        println!("{latencies}");
        return;
    }
    let (subject, rest) = match &arguments[..] {
        ["loading", rest @ ..] => (Subject::Loading, rest),
        ["control", rest @ ..] => (Subject::Control, rest),
        ["fleet", rest @ ..] => (Subject::Fleet, rest),
        all => (Subject::Gateway, all),
    };
    let Some(options) = Options::parse(rest) else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    let load = machine::load();
    if load > 0.5 {
        eprintln!("warning: the machine is busy (load {load}): every figure will be higher than it should be");
    }
    let facts = format!("{}, load before {load}", machine::facts());
    let (reports, excesses) = reports(subject, &options, &facts);
    for report in reports {
        println!("{}", report.table);
        if let Some(file) = &options.write {
            report.write(file.as_ref());
        }
    }
    for excess in &excesses {
        eprintln!("{excess}");
    }
    std::process::exit(i32::from(!excesses.is_empty()));
}

impl Options {
    /// Options with their values; `None` where one of them is none of ours.
    fn parse(arguments: &[&str]) -> Option<Self> {
        let mut options = Self::default();
        for pair in arguments.chunks(2) {
            match *pair {
                ["--rounds", number] => options.rounds = Some(number.parse().ok()?),
                ["--seconds", number] => options.seconds = Some(number.parse().ok()?),
                ["--database", "sqlite"] => options.database = Some(Kind::Sqlite),
                ["--database", "postgres"] => options.database = Some(Kind::Postgres),
                ["--data-planes", number] => options.data_planes = Some(number.parse().ok()?),
                ["--soak", minutes] => options.soak_minutes = Some(minutes.parse().ok()?),
                ["--write", file] => options.write = Some(file.to_owned()),
                _ => return None,
            }
        }
        Some(options)
    }
}

/// What was measured, and what of it is beyond what we hold ourselves to.
fn reports(subject: Subject, options: &Options, facts: &str) -> (Vec<Report>, Vec<String>) {
    let rounds = options.rounds.unwrap_or(5);
    match subject {
        Subject::Gateway => {
            let plan = measure::Plan { rounds, seconds: options.seconds.unwrap_or(4) };
            let proxies = Report::of_proxies(facts, &measure::run(plan));
            let loading = Report::of_loading(facts, rounds, &loading::run(rounds));
            (std::iter::once(proxies).chain(loading).collect(), Vec::new())
        }
        Subject::Loading => {
            (Report::of_loading(facts, rounds, &loading::run(rounds)).into_iter().collect(), Vec::new())
        }
        Subject::Control => {
            let duration = Duration::from_secs(options.seconds.unwrap_or(30));
            let measured =
                control::run(control::Plan { runs: options.rounds.unwrap_or(3), duration }, options.database);
            let report = Report::of_control(control::table::table(facts, &measured));
            (vec![report], control::table::excesses(&measured))
        }
        Subject::Fleet => {
            let plan = fleet::Plan {
                data_planes: options.data_planes.unwrap_or(10_000),
                deployments: rounds,
                soak: Duration::from_secs(60 * options.soak_minutes.unwrap_or(0)),
            };
            let measured = fleet::run(plan);
            let (table, plot) = (fleet::table::table(facts, &measured), fleet::table::plot(&measured));
            (vec![Report::of_fleet(table, plot)], fleet::table::excesses(&measured))
        }
    }
}
