//! What the kernel knows of a process: memory, processor time, open files.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// `USER_HZ`: clock ticks in a second, as `/proc` counts them on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory in bytes (`VmRSS`).
pub fn rss_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

/// The most resident memory there ever was, in bytes (`VmHWM`).
pub fn rss_peak_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

/// Watches its resident memory while `work` goes on. Returns how far it rose above what it was before, in bytes.
pub async fn growth_bytes(pid: u32, work: impl Future<Output = ()>) -> u64 {
    let before = rss_bytes(pid);
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    let watcher = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        let mut peak = before;
        while !is_done.load(Ordering::Relaxed) {
            ticks.tick().await;
            peak = peak.max(rss_bytes(pid));
        }
        peak
    });
    let began = Instant::now();
    work.await;
    done.store(true, Ordering::Relaxed);
    let grown = watcher.await.expect("it only reads") - before;
    println!("{:.2} s, at most {grown} bytes more than the {before} before", began.elapsed().as_secs_f64());
    grown
}

/// How many files and sockets it has open.
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").count()
}

/// How many connections there are to whoever listens on this port of this machine.
pub fn connections_to(port: u16) -> usize {
    let table = fs::read_to_string("/proc/net/tcp").expect("the kernel knows");
    let port = format!(":{port:04X}");
    // `rem_address`, and `st`, where 01 is ESTABLISHED.
    let is_one = |line: &&str| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().is_some_and(|remote| remote.ends_with(&port)) && fields.next() == Some("01")
    };
    table.lines().filter(is_one).count()
}

/// User and kernel time of the process and of those under it, resolution 10 ms.
pub fn processor_time(pid: u32) -> Duration {
    let own = fs::read_to_string(format!("/proc/{pid}/stat")).map_or(0.0, |stat| ticks(&stat));
    let children = children(pid).into_iter().map(processor_time);
    Duration::from_secs_f64(own / TICKS_PER_SECOND) + children.sum::<Duration>()
}

/// Resident memory of the process and of those under it, in bytes.
pub fn tree_rss_bytes(pid: u32) -> u64 {
    rss_bytes(pid) + children(pid).into_iter().map(tree_rss_bytes).sum::<u64>()
}

/// The processes that it started and that have not been waited for. None where it has ended itself.
pub fn children(pid: u32) -> Vec<u32> {
    // Each is a child of the thread that started it.
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    children
        .flat_map(|list| list.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Whether it runs. One that has ended and was not waited for (`Z`) does not.
pub fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// `utime + stime`: fields 14 and 15, counted after the name, which may hold anything.
fn ticks(stat: &str) -> f64 {
    let (_, rest) = stat.rsplit_once(") ").expect("a name in parentheses");
    rest.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().expect("a number of ticks")).sum()
}

fn status_bytes(pid: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("the kernel counts it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_measured() {
        let pid = std::process::id();
        assert!(rss_bytes(pid) > 1 << 20 && rss_peak_bytes(pid) >= rss_bytes(pid));
        assert!(open_files(pid) >= 3);
        assert!(is_running(pid));
    }

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        assert!((ticks("7 (a) b (c) R 1 7 7 0 -1 4194304 9 0 0 0 250 50 3 4 20 0") - 300.0).abs() < f64::EPSILON);
    }
}
