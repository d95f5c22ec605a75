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
fn a_pipeline_may_say_it_in_variables_and_a_flag_says_it_louder() {
    let sandbox = Sandbox::with_pets();
    sandbox.write(
        "secured.yaml",
        PETS.replace(
            "components:",
            "components:\n  securitySchemes: { key: { type: apiKey, in: header, name: X-Key } }",
        )
        .replace("paths:", "security: [{ key: [] }]\npaths:"),
    );
    let public = sandbox.json(&["keygen", "-o", "key.pem"])["public_key"].as_str().unwrap().to_owned();
    let pem = String::from_utf8(sandbox.read("key.pem")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        let variables = [
            ("PROJECT", "shop"),
            ("UPSTREAM", "http://127.0.0.1:9"),
            ("SECURITY", "presence"),
            ("PROVENANCE_COMMIT", "c0ffee"),
            ("PROVENANCE_SOURCE", "ci"),
            ("SIGNING_KEY", "env://TEST_KEY"),
            ("TRUSTED_KEY", &public),
            ("TRUST_THRESHOLD", "1"),
            ("FORMAT", "json"),
        ];
        command.envs(variables.map(|(name, value)| (format!("PORTCULLIS_CONTROL_{name}"), value)));
        command.env("TEST_KEY", &pem);
        command
    };
    let report = |arguments: &[&str]| -> serde_json::Value {
        let compiled =
            run(&[&["compile", "--spec", "secured.yaml", "-o", "pets.bca"], arguments].concat()).assert().success();
        serde_json::from_slice::<serde_json::Value>(&compiled.get_output().stdout).unwrap();
        let shown = run(&["inspect", "pets.bca", "--operations"]).assert().success();
        serde_json::from_slice(&shown.get_output().stdout).unwrap()
    };
    let said = report(&[]);
    assert_eq!(said["project"], "shop");
    assert_eq!(said["provenance"]["commit"], "c0ffee");
    assert_eq!(said["provenance"]["source"], "ci");
    assert_eq!(said["operations"][0]["security"], "key");
    assert_eq!(said["trusted"], true);
    let said = report(&["--project", "other", "--security", "off", "--provenance-commit", "beef"]);
    assert_eq!((&said["project"], &said["provenance"]["commit"]), (&"other".into(), &"beef".into()));
    assert_eq!(said["operations"][0]["security"], "anyone");
    run(&["verify", "pets.bca"]).assert().success();
    run(&["sign", "pets.bca", "-o", "signed.bca"]).assert().success();
}

#[test]
fn a_key_in_a_variable_is_never_shown() {
    let sandbox = Sandbox::with_pets();
    let secret = "-----BEGIN PRIVATE KEY-----c3VwZXI-----END PRIVATE KEY-----";
    for (arguments, code) in [
        (&["compile", "--help"][..], 0),
        (&["sign", "--help"], 0),
        (&["sign", "pets.bca", "--nonsense"], 2),
        (&["compile", "--spec", "pets.yaml", "-o", "pets.bca"], 2),
        (&["compile", "--spec", "pets.yaml", "-o", "pets.bca", "--unsigned"], 2),
    ] {
        let mut command = sandbox.command(arguments);
        let assert = command.env("PORTCULLIS_CONTROL_SIGNING_KEY", secret).assert().code(code);
        let all = stdout(&assert) + &stderr(&assert);
        assert!(!all.contains("c3VwZXI"), "{arguments:?}: {all}");
    }
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
