//! What the documentation tells people to type.

use std::fs;
use std::path::Path;

use crate::config;

/// The commands of a page: every block of `sh`, in order.
///
/// # Panics
/// Where there is no such page, or none on it.
pub fn commands(page: &str) -> String {
    blocks(page, "sh")
}

/// What a page shows of what is printed: every block of `text`, in order.
///
/// # Panics
/// Where there is no such page, or none on it.
pub fn printed(page: &str) -> String {
    blocks(page, "text")
}

fn blocks(page: &str, language: &str) -> String {
    let text = fs::read_to_string(config::repository().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
    let (mut all, mut is_inside) = (String::new(), false);
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(of) => is_inside = of == language,
            None if is_inside => all.extend([line, "\n"]),
            None => {}
        }
    }
    assert!(!all.is_empty(), "{page} has no block of {language}");
    all
}

/// The search path with this build's programs before everything else.
///
/// # Panics
/// Where a program is missing.
pub fn search_path() -> std::ffi::OsString {
    let (control, gateway) = (config::control_binary(), config::gateway_binary());
    let folders = [control, gateway].map(|program| program.parent().map_or_else(Default::default, Path::to_owned));
    let system = config::search_path();
    let all = folders.into_iter().chain(std::env::split_paths(&system));
    std::env::join_paths(all).expect("no folder has a colon in its name")
}
