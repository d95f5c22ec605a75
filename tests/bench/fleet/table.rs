//! What was measured of a fleet, for people: a table, and a plot of how fast everybody is told and of memory over time.

use std::fmt::Write as _;

use super::{GROWTH_MAX, Measured, NOTIFY_P99_MAX, RETURN_MAX, RSS_MAX_BYTES, Soaked};
use crate::measure::median;
use crate::pace::percentile;

/// All of it.
pub(crate) fn table(facts: &str, measured: &Measured) -> String {
    let Measured { data_planes, artifact_bytes, told, .. } = measured;
    let mut text = format!(
        "{facts}; the data planes share its cores. {data_planes} data planes.\n\n| | measured | at most |\n|---|---:|---:|\n"
    );
    let mut row = |name: &str, is: String, most: &str| {
        writeln!(text, "| {name} | {is} | {most} |").expect("a string grows");
    };
    let of_told = |share: f64| {
        let mut all: Vec<f64> = told.iter().map(|told| percentile(&told.after_ms, share)).collect();
        all.sort_by(f64::total_cmp);
        let (least, most) = (all.first().copied().unwrap_or_default(), all.last().copied().unwrap_or_default());
        format!("{:.0} ms ({least:.0} to {most:.0})", median(all))
    };
    row("all are connected that start at once", seconds(measured.came), "");
    let each = format!("{} B", measured.rss_each_bytes());
    row("the control plane's RSS for each connection", each, &format!("{RSS_MAX_BYTES} B"));
    let deployments = told.len();
    row(&format!("told of a deployment, median of {deployments}: p50"), of_told(0.5), "");
    row("p99", of_told(0.99), &format!("{} ms", NOTIFY_P99_MAX.as_millis()));
    row("the last one", of_told(1.0), "");
    let slowest = told.iter().map(|told| told.served).max().unwrap_or_default();
    row(&format!("all serve it, {} KiB each, at the slowest", artifact_bytes >> 10), seconds(slowest), "");
    let reads: Vec<String> = told.iter().map(|told| format!("{:.0}", told.store_reads)).collect();
    row("reads of an artifact from its store, per deployment", reads.join(", "), "1");
    row("all are back after the control plane was killed", seconds(measured.came_back), &seconds(RETURN_MAX));
    row("asked to come back later meanwhile", measured.turned_away.to_string(), "");
    row("the control plane's RSS, the most there was", mib(measured.rss_peak_bytes), "");
    if let Some(soaked) = &measured.soaked {
        let (first, last) = quarters(soaked);
        row("coming and going for", format!("{:.0} min", soaked.lasted.as_secs_f64() / 60.0), "");
        row("processes that ended, deployments", format!("{}, {}", soaked.processes_lost, soaked.deployments), "");
        row("of them without warning", soaked.processes_killed.to_string(), "");
        row(
            "RSS, median of the first and of the last quarter",
            format!("{first:.0} MiB, {last:.0} MiB"),
            &format!("{:.0} MiB", first * GROWTH_MAX),
        );
        row("wrong states", soaked.wrong_states.to_string(), "0");
    }
    text
}

/// What is beyond what we hold ourselves to, a sentence each.
pub(crate) fn excesses(measured: &Measured) -> Vec<String> {
    let mut excesses = Vec::new();
    let mut hold = |what: &str, is: f64, most: f64| {
        if is > most {
            excesses.push(format!("{what}: {is:.0}, and at most {most} is what we hold ourselves to"));
        }
    };
    let p99 = measured.told.iter().map(|told| percentile(&told.after_ms, 0.99)).collect();
    hold("told, p99 in ms", median(p99), NOTIFY_P99_MAX.as_secs_f64() * 1e3);
    hold("all are back, in s", measured.came_back.as_secs_f64(), RETURN_MAX.as_secs_f64());
    hold("RSS for each connection, in B", measured.rss_each_bytes() as f64, RSS_MAX_BYTES as f64);
    let reads = measured.told.iter().map(|told| told.store_reads).fold(0.0, f64::max);
    hold("reads of an artifact from its store", reads, 1.0);
    if let Some(soaked) = &measured.soaked {
        hold("wrong states", soaked.wrong_states as f64, 0.0);
        let (first, last) = quarters(soaked);
        hold("RSS in the last quarter, in MiB", last, first * GROWTH_MAX);
    }
    excesses
}

fn quarters(soaked: &Soaked) -> (f64, f64) {
    let quarter = (soaked.rss.len() / 4).max(1);
    let of = |samples: &[(f64, f64)]| median(samples.iter().map(|(_, mib)| *mib).collect());
    (of(&soaked.rss[..quarter]), of(&soaked.rss[soaked.rss.len() - quarter..]))
}

fn seconds(time: std::time::Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// Share of data planes that were told, over time, a line for each deployment; and memory over time.
pub(crate) fn plot(measured: &Measured) -> String {
    let mut svg = String::from(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="640" height="420" font-family="sans-serif" font-size="12">
<rect width="640" height="420" fill="#ffffff"/>
<text x="60" y="20" fill="#333333">Share of the fleet that was told of a deployment, over milliseconds</text>
"##,
    );
    let last = measured.told.iter().map(|told| percentile(&told.after_ms, 1.0)).fold(1.0, f64::max);
    axes(&mut svg, (30.0, 150.0), (&format!("{last:.0} ms"), "100 %"));
    for told in &measured.told {
        let points = (0..=100).map(|percent| {
            let share = f64::from(percent) / 100.0;
            (percentile(&told.after_ms, share) / last, share)
        });
        line(&mut svg, (30.0, 150.0), points, "#2563a8");
    }
    if let Some(soaked) = &measured.soaked {
        let most = soaked.rss.iter().map(|(_, mib)| *mib).fold(1.0, f64::max);
        let end = soaked.rss.last().map_or(1.0, |(minutes, _)| *minutes);
        svg.push_str("<text x=\"60\" y=\"225\" fill=\"#333333\">The control plane's RSS while data planes come and go, over minutes</text>\n");
        axes(&mut svg, (235.0, 150.0), (&format!("{end:.0} min"), &format!("{most:.0} MiB")));
        line(&mut svg, (235.0, 150.0), soaked.rss.iter().map(|(minutes, mib)| (minutes / end, mib / most)), "#8a5a00");
    }
    svg.push_str("</svg>\n");
    svg
}

const LEFT: f64 = 70.0;
const WIDTH: f64 = 520.0;

fn axes(svg: &mut String, (top, height): (f64, f64), (x_end, y_end): (&str, &str)) {
    let bottom = top + height;
    let right = LEFT + WIDTH;
    writeln!(
        svg,
        r##"<path d="M{LEFT} {top} V{bottom} H{right}" fill="none" stroke="#999999"/>
<text x="{right}" y="{}" text-anchor="end" fill="#333333">{x_end}</text>
<text x="{}" y="{}" text-anchor="end" fill="#333333">{y_end}</text>
<text x="{}" y="{}" text-anchor="end" fill="#333333">0</text>"##,
        bottom + 15.0,
        LEFT - 6.0,
        top + 10.0,
        LEFT - 6.0,
        bottom,
    )
    .expect("a string grows");
}

/// Points from 0 to 1 both ways.
fn line(svg: &mut String, (top, height): (f64, f64), points: impl Iterator<Item = (f64, f64)>, color: &str) {
    let points: Vec<String> =
        points.map(|(x, y)| format!("{:.1},{:.1}", LEFT + WIDTH * x, top + height * (1.0 - y))).collect();
    writeln!(svg, r#"<polyline points="{}" fill="none" stroke="{color}" stroke-width="1.5"/>"#, points.join(" "))
        .expect("a string grows");
}
