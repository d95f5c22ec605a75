//! The reference pages, the manual and the completions, all made of the command line itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _};
use control::cli::Cli;

use crate::sandbox::{Sandbox, stdout};

/// Set, the golden page is written instead of compared.
const UPDATE: &str = "PORTCULLIS_UPDATE_GOLDEN";

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(name)
}

#[test]
fn the_reference_of_the_command_line_is_current() {
    let path = page("cli.md");
    let current = reference();
    #[expect(clippy::disallowed_methods, reason = "how a developer asks for an update")]
    let is_update = std::env::var_os(UPDATE).is_some();
    if is_update {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &current).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == current, "docs/reference/cli.md is not current: run the tests with {UPDATE}=1");
}

/// By topic, beside the page that is made of the program.
#[test]
fn every_option_of_the_server_is_explained() {
    let text = fs::read_to_string(page("running-the-control-plane.md")).unwrap();
    let mut root = Cli::command();
    root.build();
    let serve = root.find_subcommand("serve").unwrap();
    let row = |line: &str| {
        let line = line.replace("\\|", "/");
        let cell = |number| line.split('|').nth(number).unwrap_or_default().trim().trim_matches('`').to_owned();
        (cell(1).split(' ').next().unwrap_or_default().to_owned(), cell(2))
    };
    let written: BTreeSet<(String, String)> = text.lines().filter(|line| line.starts_with("| `--")).map(row).collect();
    let options = serve.get_arguments().filter(|argument| !argument.is_global_set());
    let options = options.filter_map(|argument| {
        let variable = argument.get_env().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Some((format!("--{}", argument.get_long().filter(|long| *long != "help")?), variable))
    });
    assert_eq!(written, options.collect());
}

#[test]
fn every_exit_code_has_a_line() {
    let text = fs::read_to_string(page("exit-codes.md")).unwrap();
    for code in control::exit::Code::ALL {
        assert!(text.contains(&format!("| {} |", code as u8)), "exit code {} has no line", code as u8);
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    sandbox.succeeds(&["man", "pages"]);
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let page = sandbox.path(&format!("pages/portcullis-control-{}.1", command.get_name()));
        assert!(fs::read_to_string(&page).unwrap().contains(".SH NAME"), "{}", page.display());
    }
    sandbox.write("file", "");
    sandbox.fails(&["man", "file"], 1);
}

#[test]
fn shells_are_completed() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&sandbox.succeeds(&["completion", shell])).contains("validate"), "{shell}");
    }
    sandbox.fails(&["completion", "cobol"], 2);
}

fn reference() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = format!(
        "# portcullis-control\n\n{}\n\nThis page is made of the program itself. What a variable of the environment says, a flag overrules. Exit codes: [exit-codes.md](exit-codes.md).\n",
        about(&root)
    );
    // What is hidden is not for people.
    let commands = root.get_subcommands().filter(|command| command.get_name() != "help" && !command.is_hide_set());
    for command in commands {
        sections(command, &mut text);
    }
    text
}

/// A command's section, or those of the commands under it.
fn sections(command: &Command, text: &mut String) {
    let mut under = command.get_subcommands().filter(|command| command.get_name() != "help").peekable();
    if under.peek().is_none() {
        return section(command, text);
    }
    writeln!(text, "\n## {}\n\n{}", title(command), about(command)).unwrap();
    under.for_each(|command| sections(command, text));
}

/// As it is typed, without the program.
fn title(command: &Command) -> &str {
    let typed = command.get_bin_name().unwrap_or_default();
    typed.strip_prefix("portcullis-control ").unwrap_or(typed)
}

fn section(command: &Command, text: &mut String) {
    let mut usage = command.clone();
    let usage = usage.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let level = if title(command).contains(' ') { "###" } else { "##" };
    writeln!(text, "\n{level} {}\n\n{}\n\n    {usage}\n", title(command), about(command)).unwrap();
    text.push_str("| argument | environment | default | |\n|---|---|---|---|\n");
    for argument in
        command.get_arguments().filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
    {
        let takes_value = argument.get_action().takes_values();
        let defaults = argument.get_default_values().iter().filter(|_| takes_value);
        let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
        let default = if defaults.is_empty() { String::new() } else { format!("`{}`", defaults.join(" ")) };
        let variable = argument.get_env().map_or_else(String::new, |name| format!("`{}`", name.to_string_lossy()));
        writeln!(text, "| {} | {variable} | {default} | {} |", name(argument), help(argument)).unwrap();
    }
}

fn about(command: &Command) -> String {
    command.get_long_about().or(command.get_about()).unwrap().to_string()
}

fn name(argument: &Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let value = argument.get_value_names().filter(|_| takes_value).map_or_else(String::new, |names| names.join(" "));
    let flag = match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long} "),
        (None, Some(long)) => format!("--{long} "),
        (_, None) => String::new(),
    };
    format!("`{}`", format!("{flag}{value}").trim().replace('|', "\\|"))
}

fn help(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let values = argument.get_possible_values();
    let shown = values.iter().filter(|_| argument.get_action().takes_values()).filter(|value| !value.is_hide_set());
    let values: Vec<_> = shown.map(|value| format!("`{}`", value.get_name())).collect();
    let values = if values.is_empty() { String::new() } else { format!(" One of {}.", values.join(", ")) };
    format!("{}.{values}", help.trim_end_matches('.')).replace('\n', " ").replace('|', "\\|")
}
