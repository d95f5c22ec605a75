//! `inspect`.

use std::fs;

use crate::sandbox::{PETS, Sandbox, stderr, stdout};

#[test]
fn an_artifact_says_what_it_is() {
    let sandbox = Sandbox::with_pets();
    let compile = [
        "compile",
        "--spec",
        "pets.yaml",
        "-o",
        "pets.bca",
        "--project",
        "shop",
        "--provenance-commit",
        "c0ffee",
        "--provenance-source",
        "ci",
    ];
    sandbox.command(&compile).env("SOURCE_DATE_EPOCH", "1700000000").assert().success();
    let report = sandbox.json(&["inspect", "pets.bca", "--operations", "--specs"]);
    assert_eq!(report["trusted"], true);
    assert_eq!(report["signatures"][0]["trusted"], true);
    assert_eq!(report["project"], "shop");
    assert_eq!(report["provenance"]["commit"], "c0ffee");
    assert_eq!(report["provenance"]["source"], "ci");
    assert_eq!(report["provenance"]["built_at"], "2023-11-14T22:13:20Z");
    assert_eq!(report["counts"]["operations"], 1);
    assert_eq!(report["sections"].as_array().unwrap().len(), 5);
    assert_eq!(report["operations"][0]["id"], "listPets");
    assert_eq!(report["operations"][0]["routes"][0], "/v1/pets");
    assert_eq!(report["specs"][0]["path"], "pets.yaml");
    let verified = sandbox.json(&["verify", "pets.bca"]);
    assert_eq!(report["digest"], verified["digest"]);
}

#[test]
fn lists_are_shown_when_asked_for() {
    let sandbox = Sandbox::with_artifact();
    let plain = stdout(&sandbox.succeeds(&["inspect", "pets.bca", "-o", "table"]));
    assert!(plain.contains("ROUTES") && !plain.contains("listPets"), "{plain}");
    let listed = stdout(&sandbox.succeeds(&["inspect", "pets.bca", "-o", "table", "--operations"]));
    assert!(listed.contains("listPets"), "{listed}");
    let yaml = stdout(&sandbox.succeeds(&["inspect", "pets.bca", "-o", "yaml"]));
    assert!(yaml.contains("trusted: true"), "{yaml}");
}

#[test]
fn what_is_not_trusted_is_shown_and_said_to_be_so() {
    let sandbox = Sandbox::with_pets();
    sandbox.succeeds(&["compile", "--spec", "pets.yaml", "--unsigned", "-o", "unsigned.bca"]);
    sandbox.succeeds(&["compile", "--spec", "pets.yaml", "-o", "signed.bca"]);
    let stranger = sandbox.json(&["keygen"]);
    let stranger = stranger["public_key"].as_str().unwrap();
    for (name, arguments) in [
        ("unsigned.bca", vec!["inspect", "unsigned.bca"]),
        ("signed.bca", vec!["inspect", "signed.bca", "--trusted-key", stranger]),
    ] {
        let report = sandbox.json(&arguments);
        assert_eq!(report["trusted"], false, "{name}");
        assert!(report["untrusted_because"].is_string(), "{name}");
        assert!(stderr(&sandbox.succeeds(&arguments)).contains("do not rely"), "{name}");
        let table = [arguments, vec!["-o", "table"]].concat();
        assert!(stdout(&sandbox.succeeds(&table)).contains("NO: "), "{name}");
    }
    sandbox.fails(&["verify", "unsigned.bca"], 3);
}

#[test]
fn documents_come_out_byte_for_byte() {
    let sandbox = Sandbox::with_artifact();
    sandbox.succeeds(&["inspect", "pets.bca", "--extract", "out"]);
    assert_eq!(fs::read_to_string(sandbox.path("out/pets.yaml")).unwrap(), PETS);
    assert!(sandbox.fails(&["inspect", "pets.bca", "--extract", "out"], 4).contains("out"));
}

#[test]
fn quiet_means_nothing_but_data() {
    let sandbox = Sandbox::with_pets();
    let compile = ["compile", "--quiet", "--spec", "pets.yaml", "--unsigned", "-o", "pets.bca"];
    assert_eq!(stderr(&sandbox.succeeds(&compile)), "");
    assert_eq!(stderr(&sandbox.succeeds(&["inspect", "-q", "pets.bca"])), "");
}
