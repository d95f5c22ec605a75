//! What the tree promises of itself: sizes, arrows, pages, links, and nothing of anybody's machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::config::repository;

/// Lines of a Rust file: above the first it is named, above the second it fails.
const LONG: usize = 400;
const TOO_LONG: usize = 600;

/// Every file of the tree that is not ignored, relative to its root.
fn files() -> Vec<PathBuf> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(repository());
    let output = git.output().expect("git is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let files = listed.split_terminator('\0').map(PathBuf::from);
    // A file that was deleted and not committed yet is still listed.
    let files: Vec<PathBuf> = files.filter(|file| repository().join(file).is_file()).collect();
    assert!(files.len() > 50, "the tree is empty");
    files
}

fn with_extension(extension: &str) -> Vec<PathBuf> {
    files().into_iter().filter(|file| file.extension().is_some_and(|own| own == extension)).collect()
}

fn read(file: &Path) -> String {
    fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn assert_none(faults: &[String], what: &str) {
    assert!(faults.is_empty(), "{what}:\n  {}", faults.join("\n  "));
}

#[test]
fn no_file_is_too_long() {
    let lengths = with_extension("rs").into_iter().map(|file| (read(&file).lines().count(), file));
    let mut long: Vec<_> = lengths.filter(|(lines, _)| *lines > LONG).collect();
    long.sort();
    long.iter()
        .for_each(|(lines, file)| println!("warning: {} has {lines} lines: think of splitting it", file.display()));
    long.retain(|(lines, _)| *lines > TOO_LONG);
    assert!(long.is_empty(), "longer than {TOO_LONG} lines: {long:?}");
}

/// What this machine is called by the compiler.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc is installed");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc says so").to_owned()
}

/// The packages that each package of the workspace needs to run, however far down, itself left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut cargo = Command::new("cargo");
    // Of this platform: nobody fetches what only others need.
    cargo.args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &host()]);
    cargo.current_dir(repository());
    let output = cargo.output().expect("cargo is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let names: BTreeMap<String, String> =
        packages.map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let is_normal =
        |dependency: &&Value| dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
    let direct = |node: &Value| {
        let normal = node["deps"].as_array().unwrap().iter().filter(is_normal);
        (text(&node["id"]), normal.map(|dependency| text(&dependency["pkg"])).collect::<Vec<_>>())
    };
    let direct: BTreeMap<_, _> = metadata["resolve"]["nodes"].as_array().unwrap().iter().map(direct).collect();
    let closure = |id: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), direct[id].clone());
        while let Some(id) = next.pop() {
            if seen.insert(id.clone()) {
                next.extend(direct[&id].iter().cloned());
            }
        }
        seen.iter().map(|id| names[id].clone()).collect::<BTreeSet<_>>()
    };
    let members = metadata["workspace_members"].as_array().unwrap().iter().map(text);
    members.map(|id| (names[&id].clone(), closure(&id))).collect()
}

#[test]
fn nothing_depends_on_what_it_must_not_know() {
    let dependencies = dependencies();
    let yaml = ["serde-saphyr", "saphyr-parser", "granit-parser", "serde_yaml", "serde_yml"];
    let runtime = ["tokio", "hyper", "axum", "reqwest"];
    let database = ["sqlx", "sqlx-core", "libsqlite3-sys", "rusqlite"];
    let mut faults = Vec::new();
    for (package, forbidden) in [
        ("artifact-format", [&yaml[..], &runtime, &database, &["compiler", "control", "gateway"]].concat()),
        ("compiler", [&runtime[..], &database, &["control", "gateway"]].concat()),
        ("gateway", [&yaml[..], &database, &["axum", "compiler", "control"]].concat()),
        ("control", vec!["gateway"]),
    ] {
        let known = dependencies.get(package).unwrap_or_else(|| panic!("no package {package}"));
        let broken = forbidden.into_iter().filter(|name| known.contains(*name));
        faults.extend(broken.map(|name| format!("{package} needs {name}")));
    }
    assert_none(&faults, "dependency arrows that point the wrong way");
    assert!(dependencies["compiler"].contains("granit-parser"), "the compiler reads YAML with something else by now");
    assert!(dependencies["control"].contains("sqlx") && dependencies["control"].contains("axum"));
    assert!(dependencies["gateway"].contains("hyper") && dependencies["gateway"].contains("artifact-format"));
}

/// `PC1001` and so on, from the compiler's table.
fn codes() -> BTreeSet<String> {
    let table = read(Path::new("control/compiler/src/diagnostic/code.rs"));
    let lines = table.lines().map(str::trim_start).filter_map(|line| line.split_once(' '));
    let codes = lines.filter(|(number, _)| number.len() == 4 && number.parse::<u16>().is_ok());
    codes.map(|(number, _)| format!("PC{number}")).collect()
}

#[test]
fn every_diagnostic_has_a_page_and_every_page_a_diagnostic() {
    let folder = Path::new("docs/reference/diagnostics");
    let pages = with_extension("md").into_iter().filter(|file| file.parent() == Some(folder));
    let stems = pages.map(|file| file.file_stem().unwrap().to_string_lossy().into_owned());
    let pages: BTreeSet<String> = stems.filter(|stem| stem.starts_with("PC")).collect();
    let codes = codes();
    assert!(codes.len() > 20, "the table of codes was not understood: {codes:?}");
    let without_page = codes.difference(&pages).map(|code| format!("{code} has no page"));
    let without_code = pages.difference(&codes).map(|page| format!("{page}.md is about no code"));
    assert_none(&without_page.chain(without_code).collect::<Vec<_>>(), "diagnostics and pages");
}

/// The codes that a function gives out: its texts that are in lower case.
fn codes_in(file: &str, function: &str) -> BTreeSet<String> {
    let text = read(Path::new(file));
    let (_, rest) = text.split_once(&format!("fn {function}(&self)")).unwrap_or_else(|| panic!("{file}: {function}"));
    let (body, _) = rest.split_once("\n    }\n").unwrap();
    let texts = body.split('"').skip(1).step_by(2);
    texts
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_".contains(&byte)))
        .map(str::to_owned)
        .collect()
}

/// What stands in backticks in a column of the table below a heading.
fn column_of(page: &str, heading: &str, column: usize) -> BTreeSet<String> {
    let text = read(Path::new(page));
    let rows = text.lines().skip_while(|line| *line != heading).skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(column));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

#[test]
fn every_code_of_the_gateway_is_documented_and_no_other() {
    let faults = codes_in("gateway/src/fault.rs", "name");
    let mut loading = codes_in("gateway/src/snapshot/load.rs", "code");
    loading.append(&mut codes_in("gateway/src/snapshot/build.rs", "code"));
    let mut problems = Vec::new();
    for (codes, page, heading, column) in [
        (faults, "docs/reference/errors.md", "| `code` | status | connection | meaning | what to do |", 1),
        (loading, "docs/reference/serve.md", "| `code` | |", 1),
        (
            codes_in("artifact-format/src/container/mod.rs", "code"),
            "docs/reference/artifact-format.md",
            "| step | refused as |",
            2,
        ),
    ] {
        let documented = column_of(page, heading, column);
        assert!(codes.len() > 5 && documented.len() > 5, "not understood: {codes:?} and {documented:?} of {page}");
        problems.extend(codes.difference(&documented).map(|code| format!("{page} lacks `{code}`")));
        problems.extend(documented.difference(&codes).map(|code| format!("{page} has `{code}`, which is no code")));
    }
    assert_none(&problems, "codes and their tables");
}

/// The targets of `[text](target)` outside code.
fn links(markdown: &str) -> Vec<String> {
    let mut in_code = false;
    let mut links = Vec::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for (at, opening) in prose.match_indices("](") {
            let target = &prose[at + opening.len()..];
            links.extend(target.find(')').map(|end| target[..end].to_owned()));
        }
    }
    links
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut faults = Vec::new();
    for file in with_extension("md") {
        for link in links(&read(&file)) {
            let target = link.split(['#', ' ']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let path = file.parent().unwrap().join(target);
            if !repository().join(&path).exists() || leaves_the_tree(&path) {
                faults.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert_none(&faults, "links that lead nowhere");
}

fn leaves_the_tree(path: &Path) -> bool {
    let depth = path.components().try_fold(0_usize, |depth, component| match component {
        Component::ParentDir => depth.checked_sub(1),
        Component::Normal(_) => Some(depth + 1),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => Some(depth),
    });
    depth.is_none()
}

#[test]
fn nothing_of_a_machine_is_in_the_tree() {
    // In pieces, since this file is in the tree as well.
    let paths = [["/wo", "rk/"], ["/tmp/", "wt"], ["/ro", "ot/"], ["/home", "/"], ["/Us", "ers/"], ["/tmp/", "target"]];
    let paths = paths.map(|pieces| pieces.concat());
    let own = repository().display().to_string();
    let mut faults = Vec::new();
    for file in files() {
        let Ok(text) = fs::read_to_string(repository().join(&file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            // A path is absolute where nothing of a path stands before it.
            let is_absolute = |path: &str| {
                line.match_indices(path)
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}/".contains(c)))
            };
            if paths.iter().any(|path| is_absolute(path)) || line.contains(&own) {
                faults.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert_none(&faults, "paths of somebody's machine");
}

#[test]
fn no_test_is_ignored_and_none_sleeps() {
    let patterns = [["#[ign", "ore"], ["sle", "ep("], ["#[should", "_panic]"]].map(|pieces| pieces.concat());
    let mut faults = Vec::new();
    for file in with_extension("rs") {
        let text = read(&file);
        let is_test = file.components().any(|component| component.as_os_str() == "tests");
        let tests_at = if is_test { Some(0) } else { text.find("#[cfg(test)]") };
        let Some(tests_at) = tests_at else { continue };
        let found = patterns.iter().filter(|pattern| text[tests_at..].contains(pattern.as_str()));
        faults.extend(found.map(|pattern| format!("{}: {pattern}", file.display())));
    }
    assert_none(&faults, "tests that do not run, or wait for a time instead of a condition");
}

/// What a text has in backticks that looks like a path.
fn paths_in(markdown: &str) -> impl Iterator<Item = &Path> {
    let code = markdown.split('`').skip(1).step_by(2);
    code.filter(|code| !code.contains(|c: char| c.is_whitespace() || "{}<>*:=$".contains(c))).map(Path::new)
}

#[test]
fn the_architecture_names_what_there_is() {
    let map = read(Path::new("ARCHITECTURE.md"));
    let files = files();
    let top: BTreeSet<Component<'_>> =
        files.iter().filter(|file| file.components().count() > 1).filter_map(|file| file.components().next()).collect();
    let name = |folder: &Component<'_>| folder.as_os_str().to_string_lossy().into_owned();
    let visible = top.iter().map(name).filter(|folder| !folder.starts_with('.'));
    let mut faults: Vec<String> = visible
        .filter(|folder| !map.contains(&format!("`{folder}/")))
        .map(|folder| format!("{folder}/ is not named"))
        .collect();

    let is_ours = |path: &&Path| {
        let is_in_tree = path.components().next().is_some_and(|first| top.contains(&first));
        is_in_tree && path.components().count() > 1 || path.extension().is_some_and(|extension| extension == "rs")
    };
    for path in paths_in(&map).filter(is_ours) {
        let is_there = |file: &PathBuf| file.ends_with(path) || file.starts_with(path);
        faults.extend((!files.iter().any(is_there)).then(|| format!("`{}` does not exist", path.display())));
    }
    assert_none(&faults, "ARCHITECTURE.md and the tree");
}

#[test]
fn the_control_planes_modules_know_what_they_may() {
    // Where a library may be named, below control/src.
    let only_in = [("axum", &["api"][..]), ("sqlx", &["store"]), ("reqwest", &["client", "telemetry"])];
    let is_test =
        |file: &Path| file.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
    let ours = with_extension("rs").into_iter().filter(|file| file.starts_with("control/src") && !is_test(file));
    let mut faults = Vec::new();
    for file in ours {
        let text = read(&file);
        let module = file.components().nth(2).unwrap().as_os_str().to_string_lossy().into_owned();
        let module = module.trim_end_matches(".rs");
        for (library, modules) in only_in {
            if text.contains(&format!("{library}::")) && !modules.contains(&module) {
                faults.push(format!("{} names {library}", file.display()));
            }
        }
        let outward = ["crate::api", "crate::store", "crate::server", "crate::client", "crate::command"];
        if module == "domain" {
            faults.extend(
                outward
                    .iter()
                    .filter(|name| text.contains(*name))
                    .map(|name| format!("{} knows {name}", file.display())),
            );
        }
        if module == "store" && text.contains("crate::api") || module == "api" && text.contains("crate::store") {
            faults.push(format!("{} knows its neighbour: both know the domain", file.display()));
        }
    }
    assert_none(&faults, "arrows inside the control plane that point the wrong way");
}
