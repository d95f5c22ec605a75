//! `diff`.

use crate::sandbox::{PETS, Sandbox, stderr, stdout};

fn sandbox_with_two(edit: impl Fn(&str) -> String) -> Sandbox {
    let sandbox = Sandbox::with_pets();
    sandbox.write("new.yaml", edit(PETS));
    for name in ["pets", "new"] {
        let (spec, artifact) = (format!("{name}.yaml"), format!("{name}.bca"));
        sandbox.succeeds(&["compile", "--spec", &spec, "--unsigned", "-o", &artifact]);
    }
    sandbox
}

#[test]
fn the_same_is_the_same() {
    let sandbox = sandbox_with_two(|pets| pets.replace("description: some", "description: other"));
    let report = sandbox.json(&["diff", "pets.bca", "new.bca", "--detailed-exitcode"]);
    assert_eq!(report["different"], false);
}

#[test]
fn a_difference_is_an_exit_code_when_asked_for() {
    let sandbox = sandbox_with_two(|pets| pets.replace("maximum: 100", "maximum: 50"));
    let report = sandbox.json(&["diff", "pets.bca", "new.bca"]);
    assert_eq!(report["breaking"], 1);
    assert_eq!(report["changes"][0]["severity"], "breaking");
    assert_eq!(report["changes"][0]["kind"], "parameter");
    assert_eq!(report["changes"][0]["subject"]["path"], "/v1/pets");
    sandbox.command(&["diff", "pets.bca", "new.bca", "--detailed-exitcode"]).assert().code(2);
    let text = stdout(&sandbox.succeeds(&["diff", "pets.bca", "new.bca", "-o", "text"]));
    assert!(text.contains("`maximum` changed from 100 to 50"), "{text}");
    assert!(text.contains("1 breaking, 0 to review, 0 compatible"), "{text}");
}

#[test]
fn documents_are_compiled_for_the_comparison() {
    let sandbox = sandbox_with_two(|pets| pets.replace("/pets:", "/cats:"));
    let of_documents = sandbox.json(&["diff", "pets.yaml", "new.yaml"]);
    assert_eq!(of_documents, sandbox.json(&["diff", "pets.bca", "new.bca"]));
    assert_eq!(of_documents, sandbox.json(&["diff", "pets.yaml", "new.bca"]));
    let kinds: Vec<_> = of_documents["changes"].as_array().unwrap().iter().map(|change| &change["kind"]).collect();
    assert_eq!(kinds, ["added", "removed"]);
    sandbox.write("new.yaml", "openapi: 3.1.0\n");
    sandbox.fails(&["diff", "pets.yaml", "new.yaml"], 5);
    sandbox.fails(&["diff", "pets.yaml", "missing.yaml"], 4);
}

#[test]
fn what_is_not_trusted_is_said_and_what_is_damaged_is_refused() {
    let sandbox = sandbox_with_two(str::to_owned);
    let said = stderr(&sandbox.succeeds(&["diff", "pets.bca", "new.bca"]));
    assert!(said.contains("warning: pets.bca"), "{said}");
    let whole = sandbox.read("new.bca");
    sandbox.write("new.bca", &whole[..whole.len() - 1]);
    sandbox.fails(&["diff", "pets.bca", "new.bca"], 5);
}
