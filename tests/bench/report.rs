//! The tables and the plots.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::loading::Loaded;
use crate::measure::{Result, Results};

/// What is printed and written.
#[derive(Debug)]
pub(crate) struct Report {
    /// The name in the page's markers.
    section: &'static str,
    pub(crate) table: String,
    plot: Option<Plot>,
}

/// A drawing beside the page.
#[derive(Debug)]
struct Plot {
    /// What its file's name has after the page's.
    suffix: &'static str,
    /// What it shows, for those who do not see it.
    alt: &'static str,
    svg: String,
}

impl Report {
    pub(crate) fn of_proxies(facts: &str, results: &Results) -> Self {
        let alt = "CPU microseconds per request of each proxy";
        let plot = Plot { suffix: "", alt, svg: plot(&results.entries) };
        Self { section: "measured", table: table(facts, results), plot: Some(plot) }
    }

    /// None where nothing was measured.
    pub(crate) fn of_loading(facts: &str, starts: usize, loaded: &[Loaded]) -> Option<Self> {
        let report = || Self { section: "loading", table: loading_table(facts, starts, loaded), plot: None };
        (!loaded.is_empty()).then(report)
    }

    /// Of the control plane's server.
    pub(crate) fn of_control(table: String) -> Self {
        Self { section: "control", table, plot: None }
    }

    /// Of a fleet on one control plane.
    pub(crate) fn of_fleet(table: String, svg: String) -> Self {
        let alt = "How fast a fleet is told of deployments, and the control plane's memory over time";
        Self { section: "fleet", table, plot: Some(Plot { suffix: "-fleet", alt, svg }) }
    }

    /// Puts the table between the page's markers, and the plot beside the page.
    pub(crate) fn write(&self, page: &Path) {
        let (begin, end) =
            (format!("<!-- {}: written by `make bench` -->", self.section), format!("<!-- /{} -->", self.section));
        let text = fs::read_to_string(page).expect("the page is there");
        let (before, rest) = text.split_once(&begin).expect("the page has its first marker");
        let (_, after) = rest.split_once(&end).expect("the page has its second marker");
        let mut measured = self.table.clone();
        if let Some(Plot { suffix, alt, svg }) = &self.plot {
            let stem = page.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            let name = format!("{stem}{suffix}.svg");
            writeln!(measured, "\n![{alt}]({name})").expect("a string grows");
            fs::write(page.with_file_name(name), svg).expect("the plot can be written");
        }
        fs::write(page, format!("{before}{begin}\n\n{measured}\n{end}{after}")).expect("the page can be written");
    }
}

fn loading_table(facts: &str, starts: usize, loaded: &[Loaded]) -> String {
    let mut table = format!(
        "{facts}. Medians of {starts} starts.\n\n\
         | description | operations | artifact MiB | ready ms: best, median, at most | CPU ms until then | load ms | RSS MiB, at most |\n\
         |---|---:|---:|---:|---:|---:|---:|\n"
    );
    for one in loaded {
        writeln!(
            table,
            "| {} | {} | {:.1} | {:.0}, {:.0}, {} | {:.0} | {:.0} | {:.1}, {} |",
            one.title,
            one.operations,
            mib(one.artifact_bytes as u64),
            one.ready_best_ms,
            one.ready_ms,
            one.ready_max_ms,
            one.processor_ms,
            one.load_ms,
            mib(one.rss_bytes),
            one.rss_max_mib,
        )
        .expect("a string grows");
    }
    table
}

fn table(facts: &str, results: &Results) -> String {
    let Results { plan, rate, entries } = results;
    let mut table = format!(
        "{facts}. Medians of {} rounds of {} s. Latency at {rate:.0} requests/s, half of what nginx saturates at.\n\n\
         | proxy | GET, CPU µs/request | GET/s | POST 770 B, CPU µs/request | POST/s | p50 µs | p99 µs | p99.9 µs | RSS idle, loaded MiB | ready ms |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        plan.rounds, plan.seconds
    );
    for result in entries {
        writeln!(
            table,
            "| {} {} | {:.1} ({:.2}x) | {:.0} | {:.1} ({:.2}x) | {:.0} | {:.0} | {:.0} | {:.0} | {:.0}, {:.0} | {:.0} |",
            result.contestant.name(),
            result.version,
            result.get.processor_us_per_request,
            result.get.times_nginx,
            result.get.requests_per_second,
            result.post.processor_us_per_request,
            result.post.times_nginx,
            result.post.requests_per_second,
            result.p50_us,
            result.p99_us,
            result.p999_us,
            mib(result.rss_idle_bytes),
            mib(result.rss_loaded_bytes),
            result.ready_ms,
        )
        .expect("a string grows");
    }
    table
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Two bars for each proxy: GET and POST.
fn plot(results: &[Result]) -> String {
    let most = results.iter().map(|result| result.post.processor_us_per_request).fold(1.0, f64::max);
    let height = 34 + results.len() * 44;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}" font-family="sans-serif" font-size="12">
<rect width="640" height="{height}" fill="#ffffff"/>
<text x="100" y="18" fill="#333333">CPU µs per proxied request, lower is better: <tspan fill="#2563a8">GET</tspan>, <tspan fill="#8a5a00">POST 770 B</tspan></text>
"##
    );
    for (number, result) in results.iter().enumerate() {
        let top = 30 + number * 44;
        let bars = [
            (result.get.processor_us_per_request, "#2563a8", 0),
            (result.post.processor_us_per_request, "#c98a1b", 18),
        ];
        writeln!(
            svg,
            r##"<text x="92" y="{}" text-anchor="end" fill="#333333">{}</text>"##,
            top + 21,
            result.contestant.name()
        )
        .expect("a string grows");
        for (value, color, offset) in bars {
            let (width, top) = (460.0 * value / most, top + offset);
            writeln!(
                svg,
                r##"<rect x="100" y="{top}" width="{width:.0}" height="16" fill="{color}"/><text x="{:.0}" y="{}" fill="#333333">{value:.1}</text>"##,
                106.0 + width,
                top + 12
            )
            .expect("a string grows");
        }
    }
    svg.push_str("</svg>\n");
    svg
}
