//! `init`.

use crate::sandbox::{Sandbox, stderr};

#[test]
fn a_new_project_compiles_here_and_for_production() {
    let sandbox = Sandbox::new();
    let said = stderr(&sandbox.succeeds(&["init", "notes"]));
    assert!(said.contains("dev --spec openapi.yaml"), "{said}");
    sandbox.succeeds(&["compile", "--spec", "notes/openapi.yaml", "--unsigned", "-o", "notes.bca"]);
    let report = sandbox.json(&["inspect", "notes.bca", "--operations"]);
    assert_eq!(report["apis"][0]["title"], "notes");
    assert_eq!(report["operations"][0]["upstream"], "local");
    let production = [
        "compile",
        "--spec",
        "notes/openapi.yaml",
        "--overlay",
        "notes/production.overlay.yaml",
        "--unsigned",
        "-o",
        "production.bca",
    ];
    let said = stderr(&sandbox.succeeds(&production));
    assert!(!said.contains("warning"), "{said}");
    let report = sandbox.json(&["inspect", "production.bca", "--operations"]);
    assert_eq!(report["operations"][0]["upstream"], "production");
}

#[test]
fn nothing_is_written_over() {
    let sandbox = Sandbox::new();
    sandbox.write("notes/mine.txt", "mine");
    assert!(sandbox.fails(&["init", "notes"], 4).contains("notes"));
    sandbox.fails(&["init", "notes/mine.txt"], 4);
    sandbox.fails(&["init", "no good"], 2);
    assert!(!sandbox.path("notes/openapi.yaml").exists());
}
