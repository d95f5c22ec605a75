//! What the documentation tells people to type.

use std::fs;
use std::path::Path;

use crate::config;

/// The commands of a page: every block of `sh`, in order.
///
/// # Panics
/// Where there is no such page, or none on it.
pub fn commands(page: &str) -> String {
    let text = fs::read_to_string(config::repository().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
    let mut commands = String::new();
    let mut in_shell = false;
    for line in text.lines() {
        match line {
            "```sh" => in_shell = true,
            "```" => in_shell = false,
            line if in_shell => commands.extend([line, "\n"]),
            _ => {}
        }
    }
    assert!(!commands.is_empty(), "{page} has no block of sh");
    commands
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
