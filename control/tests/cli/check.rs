//! `check`, and `--deny`.

use crate::sandbox::{PETS, Sandbox, stderr, stdout};

/// An example that is too large, in a document that names neither upstream nor credentials of its own.
fn with_example(sandbox: &Sandbox, example: &str) {
    let text = PETS.replace("servers: [{ url: \"http://127.0.0.1:9000/v1\" }]", "security: [{ key: [] }]");
    let text = text.replace("maximum: 100 }", &format!("maximum: 100, example: {example} }}"));
    let scheme = "  securitySchemes: { key: { type: http, scheme: bearer } }\n";
    sandbox.write("pets.yaml", text + scheme);
}

#[test]
fn examples_are_compared_with_their_schemas() {
    let sandbox = Sandbox::new();
    with_example(&sandbox, "100");
    assert!(stderr(&sandbox.succeeds(&["check", "--spec", "pets.yaml"])).contains("checked, 0 warnings"));
    with_example(&sandbox, "101");
    let said = stderr(&sandbox.succeeds(&["check", "--spec", "pets.yaml"]));
    assert!(said.contains("warning[PC8001]") && said.contains("pets.yaml:10:"), "{said}");
    let report = sandbox.json(&["check", "--spec", "pets.yaml", "--format", "json"]);
    assert_eq!((&report["diagnostics"][0]["code"], &report["warnings"]), (&"PC8001".into(), &1.into()));
    let said = sandbox.fails(&["check", "--spec", "pets.yaml", "--deny", "warnings"], 5);
    assert!(said.contains("1 warning, which `--deny warnings`"), "{said}");
}

#[test]
fn what_does_not_compile_is_not_compared() {
    let sandbox = Sandbox::new();
    sandbox.write("pets.yaml", PETS.replace("type: integer", "type: whole"));
    let said = sandbox.fails(&["check", "--spec", "pets.yaml"], 5);
    assert!(said.contains("does not compile: 1 error"), "{said}");
    sandbox.fails(&["check", "--spec", "missing.yaml"], 4);
}

#[test]
fn warnings_can_be_denied() {
    let sandbox = Sandbox::new();
    sandbox.write("pets.yaml", PETS.replace("maximum: 100", "maxximum: 100"));
    let (validate, compile) =
        (["validate", "--spec", "pets.yaml"], ["compile", "--spec", "pets.yaml", "-o", "pets.bca"]);
    for command in [&validate[..], &compile] {
        sandbox.succeeds(command);
        std::fs::remove_file(sandbox.path("pets.bca")).ok();
        let said = sandbox.fails(&[command, &["--deny", "warnings"]].concat(), 5);
        assert!(said.contains("PC7004") && said.contains("1 warning, which"), "{said}");
        assert!(!sandbox.path("pets.bca").exists());
    }
    let denied = sandbox.command(&validate).env("PORTCULLIS_CONTROL_DENY", "warnings").assert().code(5);
    assert_eq!(stdout(&denied), "");
    sandbox.write("pets.yaml", PETS);
    sandbox.succeeds(&[&validate[..], &["--deny", "warnings"]].concat());
}
