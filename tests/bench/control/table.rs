//! What was measured of the control plane, for people.

use std::fmt::Write as _;

use super::{BUILD_MAX_SECONDS, EVENTS, IDLE_MAX_MIB, Measured, P99_MAX_MS, RATE, Run, SPECS};
use crate::measure::median;
use crate::pace::percentile;

/// One line about a run, while it goes on.
pub(super) fn in_short(run: &Run) -> String {
    let Run { load_before, kinds, all } = run;
    let mut slowest: Vec<(f64, &str)> =
        kinds.iter().map(|(name, waits)| (percentile(waits, 0.99) / 1e3, *name)).collect();
    slowest.sort_by(|a, b| b.0.total_cmp(&a.0));
    let slowest: Vec<String> = slowest.iter().take(5).map(|(ms, name)| format!("{name} {ms:.1}")).collect();
    format!(
        "load before {load_before}; {} answers, p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms; p99 of the slowest: {}",
        all.len(),
        percentile(all, 0.5) / 1e3,
        percentile(all, 0.99) / 1e3,
        percentile(all, 1.0) / 1e3,
        slowest.join(", ")
    )
}

/// What is beyond what we hold ourselves to, a sentence each.
pub(crate) fn excesses(measured: &[Measured]) -> Vec<String> {
    let mut excesses = Vec::new();
    for Measured { database, runs, rss_idle_bytes, builds, .. } in measured {
        let mut hold = |what: &str, is: f64, most: f64| {
            if is > most {
                excesses
                    .push(format!("{database}: {what} is {is:.1}, and at most {most} is what we hold ourselves to"));
            }
        };
        hold("p99 in ms", median(runs.iter().map(|run| percentile(&run.all, 0.99) / 1e3).collect()), P99_MAX_MS);
        hold("RSS when idle in MiB", *rss_idle_bytes as f64 / f64::from(1 << 20), IDLE_MAX_MIB as f64);
        if let Some(seconds) = builds.seconds {
            hold("a build of GitHub's document in s", seconds.most, BUILD_MAX_SECONDS as f64);
        }
    }
    excesses
}

/// Everything, as the page has it.
pub(crate) fn table(facts: &str, measured: &[Measured]) -> String {
    let mut text = format!("{facts}.\n\n");
    summary(&mut text, measured);
    details(&mut text, measured);
    text
}

fn summary(text: &mut String, measured: &[Measured]) {
    let mut row = |name: &str, of: &dyn Fn(&Measured) -> String| {
        let cells: Vec<String> = measured.iter().map(of).collect();
        writeln!(text, "| {name} | {} |", cells.join(" | ")).expect("a string grows");
    };
    row("", &|one| one.database.to_owned());
    row("---", &|_| "---:".to_owned());
    row(&format!("requests at {RATE:.0}/s, p50 ms"), &|one| of_runs(one, |run| percentile(&run.all, 0.5)));
    row(&format!("p99 ms of all, at most {P99_MAX_MS}"), &|one| of_runs(one, |run| percentile(&run.all, 0.99)));
    row("p99 ms of the slowest kind of request", &|one| {
        let kinds = (0..one.runs[0].kinds.len()).map(|kind| (p99_ms(one, kind), one.runs[0].kinds[kind].0));
        let (ms, name) = kinds.max_by(|a, b| a.0.total_cmp(&b.0)).expect("there are kinds");
        format!("{ms:.1}: {name}")
    });
    row("the slowest one ms", &|one| of_runs(one, |run| percentile(&run.all, 1.0)));
    row("load of the machine before", &|one| {
        let loads: Vec<String> = one.runs.iter().map(|run| format!("{:.1}", run.load_before)).collect();
        loads.join(", ")
    });
    row("GitHub's document, upload to artifact, s: best, median, worst", &|one| match one.builds.seconds {
        Some(range) => {
            format!("{:.2}, {:.2}, {:.2}; at most {BUILD_MAX_SECONDS}", range.least, range.median, range.most)
        }
        None => "no corpus".to_owned(),
    });
    row("RSS MiB, just started on nothing", &|one| mib(one.rss_started_bytes));
    row(&format!("RSS MiB, idle with {SPECS} specs and {EVENTS} events, at most {IDLE_MAX_MIB}"), &|one| {
        mib(one.rss_idle_bytes)
    });
    row("RSS MiB after the load", &|one| mib(one.rss_loaded_bytes));
    row("RSS MiB after six builds of GitHub's document", &|one| one.builds.rss_github_bytes.map_or("-".into(), mib));
    row("RSS MiB after six builds of 100,000 paths", &|one| mib(one.builds.rss_large_bytes));
    row("RSS MiB, the most there was", &|one| mib(one.builds.rss_peak_bytes));
    text.push('\n');
}

/// The median of the runs, with the least and the most where there are several; microseconds in, milliseconds out.
fn of_runs(measured: &Measured, of: impl Fn(&Run) -> f64) -> String {
    let each: Vec<f64> = measured.runs.iter().map(|run| of(run) / 1e3).collect();
    let (least, most) = each.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), ms| (a.min(*ms), b.max(*ms)));
    if each.len() == 1 {
        return format!("{most:.1}");
    }
    format!("{:.1} ({least:.1} to {most:.1})", median(each))
}

/// Of one kind of request, the median of the runs.
fn p99_ms(measured: &Measured, kind: usize) -> f64 {
    median(measured.runs.iter().map(|run| percentile(&run.kinds[kind].1, 0.99) / 1e3).collect())
}

fn details(text: &mut String, measured: &[Measured]) {
    let head: Vec<String> = measured.iter().map(|one| format!("{}: p50, p99, most ms", one.database)).collect();
    writeln!(text, "| request | {} |\n|---{}|", head.join(" | "), "|---:".repeat(head.len())).expect("a string grows");
    let Some(first) = measured.first().and_then(|one| one.runs.first()) else { return };
    for (kind, (name, _)) in first.kinds.iter().enumerate() {
        let cells = measured.iter().map(|one| {
            let ms = |share| median(one.runs.iter().map(|run| percentile(&run.kinds[kind].1, share) / 1e3).collect());
            format!("{:.1}, {:.1}, {:.1}", ms(0.5), ms(0.99), ms(1.0))
        });
        let cells: Vec<String> = cells.collect();
        writeln!(text, "| {name} | {} |", cells.join(" | ")).expect("a string grows");
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / f64::from(1 << 20))
}
