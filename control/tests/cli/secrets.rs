//! What holds a secret is shown to nobody.

use clap::Parser as _;
use control::cli::Cli;

use crate::sandbox::Sandbox;

const URL: &str = "postgres://portcullis:hunter2@db.invalid/portcullis";

#[test]
fn what_the_command_line_says_is_not_shown_with_its_passwords() {
    let serve = ["portcullis-control", "serve", "--database-url", URL, "--database-read-url", URL];
    let rotate = ["portcullis-control", "master-key", "rotate", "--database-url", URL];
    for arguments in [&serve[..], &rotate] {
        let shown = format!("{:?}", Cli::try_parse_from(arguments).unwrap());
        assert!(shown.contains("database_url: Some(…)") && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_databases_url_stands_in_a_file_or_in_the_variable_and_not_in_both() {
    let sandbox = Sandbox::new();
    let said = sandbox.fails(&["serve", "--data-dir", "data", "--database-url-file", "url"], 13);
    assert!(said.contains("the database's URL cannot be read: url does not exist"), "{said}");
    sandbox.write("url", "\n");
    let said = sandbox.fails(&["serve", "--data-dir", "data", "--database-url-file", "url"], 13);
    assert!(said.contains("url holds no URL of a database"), "{said}");
    sandbox.write("url", URL);
    let said = sandbox.fails(&["serve", "--database-url", URL, "--database-url-file", "url"], 2);
    assert!(said.contains("--database-url-file") && !said.contains("hunter2"), "{said}");
    // What is wrong with it is said without it.
    sandbox.write("url", "mysql://portcullis:hunter2@db.invalid/portcullis");
    let said = sandbox.fails(&["master-key", "rotate", "--data-dir", "data", "--database-url-file", "url"], 2);
    assert!(said.contains("mysql://...: not a database") && !said.contains("hunter2"), "{said}");
}
