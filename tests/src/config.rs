//! What the environment says: the only module here that reads it.
#![allow(clippy::disallowed_methods, reason = "this is the config module")]

use std::path::{Path, PathBuf};

/// `PORTCULLIS_GATEWAY`, else the `portcullis` binary of the build that this test belongs to.
///
/// # Panics
/// Where there is none: `make test` builds it first, a bare `cargo nextest run -p tests` does not.
pub fn gateway_binary() -> PathBuf {
    let binary = gateway_binary_path();
    assert!(binary.is_file(), "no gateway at {}: run `cargo build --workspace --bins` first", binary.display());
    binary
}

/// Where that is, whether or not it is there.
pub fn gateway_binary_path() -> PathBuf {
    binary("PORTCULLIS_GATEWAY", "portcullis")
}

/// `PORTCULLIS_CONTROL`, else the `portcullis-control` binary of the build that this test belongs to.
pub fn control_binary() -> PathBuf {
    let binary = binary("PORTCULLIS_CONTROL", "portcullis-control");
    assert!(binary.is_file(), "no control binary at {}: run `cargo build --workspace --bins` first", binary.display());
    binary
}

/// The folder of public API descriptions: `PORTCULLIS_CORPUS`, else `../shared/corpus` beside the repository.
/// `None`, with a line that says so, where there is none: tests that need it then pass.
pub fn corpus() -> Option<PathBuf> {
    let beside = || repository().parent().map(|parent| parent.join("shared/corpus"));
    let corpus = std::env::var_os("PORTCULLIS_CORPUS").map(PathBuf::from).or_else(beside)?;
    if corpus.is_dir() {
        return Some(corpus);
    }
    println!("skipped: no corpus at {}", corpus.display());
    None
}

/// The folder of the build for what tests leave to each other, the one that Cargo gives them as well.
pub fn scratch_folder() -> PathBuf {
    build_folder().with_file_name("tmp")
}

/// Where `scripts/tools.sh` installs: `PORTCULLIS_TOOLS_DIR`, else `.tools` in the repository.
pub fn tools_folder() -> PathBuf {
    std::env::var_os("PORTCULLIS_TOOLS_DIR").map_or_else(|| repository().join(".tools"), PathBuf::from)
}

/// Where a program is on the path. `None` where it is not.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a folder of the repository")
}

fn binary(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| build_folder().join(name), PathBuf::from)
}

/// The folder with the build's binaries: test executables are in `deps` under it, other ones in it.
fn build_folder() -> PathBuf {
    let executable = std::env::current_exe().expect("this program has a path");
    let folder = executable.parent().expect("it is in a folder");
    if folder.ends_with("deps") { folder.parent().expect("deps is in one").to_owned() } else { folder.to_owned() }
}
