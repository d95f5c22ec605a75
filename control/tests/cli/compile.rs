//! `compile`, `validate`, `schema`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::sandbox::{PETS, Sandbox, mode, stderr, stdout};

const BROKEN: &str = "openapi: 3.1.0\ninfo: { title: Pets, version: 1.0.0 }\npaths:\n  /pets:\n    gett: {}\n";

#[test]
fn the_first_compilation_makes_a_development_key_and_says_so() {
    let sandbox = Sandbox::with_pets();
    let compile = ["compile", "--spec", "pets.yaml", "-o", "pets.bca"];
    let first = stderr(&sandbox.succeeds(&compile));
    assert!(first.contains("made a development key"), "{first}");
    assert!(first.contains("1 operation and 1 upstream into pets.bca"), "{first}");
    assert_eq!(mode(&sandbox.configuration().join("development-key.pem")), 0o600);
    assert!(sandbox.configuration().join("trusted-keys/development.pem").is_file());
    let bytes = sandbox.read("pets.bca");
    let second = stderr(&sandbox.succeeds(&compile));
    assert!(!second.contains("made a development key"), "{second}");
    assert_eq!(sandbox.read("pets.bca"), bytes, "the same input gives the same bytes");
    sandbox.succeeds(&["verify", "pets.bca"]);
}

#[test]
fn a_trusted_development_key_that_was_lost_comes_back() {
    let sandbox = Sandbox::with_artifact();
    fs::remove_file(sandbox.configuration().join("trusted-keys/development.pem")).unwrap();
    sandbox.succeeds(&["compile", "--spec", "pets.yaml", "-o", "pets.bca"]);
    sandbox.succeeds(&["verify", "pets.bca"]);
}

#[test]
fn without_a_configuration_folder_a_key_must_be_named() {
    let sandbox = Sandbox::with_pets();
    let compile = ["compile", "--spec", "pets.yaml", "-o", "pets.bca"];
    let assert = sandbox.command(&compile).env("XDG_CONFIG_HOME", "relative").env_remove("HOME").assert().code(2);
    assert!(stderr(&assert).contains("--signing-key"));
}

#[test]
fn what_does_not_compile_replaces_nothing() {
    let sandbox = Sandbox::with_artifact();
    let before = sandbox.read("pets.bca");
    sandbox.write("pets.yaml", BROKEN);
    let said = sandbox.fails(&["compile", "--spec", "pets.yaml", "-o", "pets.bca"], 5);
    assert!(said.contains("does not compile"), "{said}");
    assert_eq!(sandbox.read("pets.bca"), before);
}

#[test]
fn validate_and_a_dry_run_write_nothing() {
    let sandbox = Sandbox::with_pets();
    sandbox.succeeds(&["validate", "--spec", "pets.yaml"]);
    sandbox.succeeds(&["compile", "--spec", "pets.yaml", "--dry-run"]);
    sandbox.succeeds(&["compile", "--spec", "pets.yaml", "--dry-run", "-o", "pets.bca"]);
    assert!(!sandbox.path("pets.bca").exists());
    assert!(!sandbox.configuration().exists(), "no key is made either");
    sandbox.write("pets.yaml", BROKEN);
    sandbox.fails(&["validate", "--spec", "pets.yaml"], 5);
    sandbox.fails(&["compile", "--spec", "pets.yaml"], 2);
}

#[test]
fn a_dry_run_resolves_the_key_that_is_named() {
    let sandbox = Sandbox::with_pets();
    let dry_run = ["compile", "--spec", "pets.yaml", "--dry-run", "--signing-key"];
    assert!(sandbox.fails(&[&dry_run, &["env://TEST_UNSET"][..]].concat(), 13).contains("env://TEST_UNSET"));
    sandbox.fails(&[&dry_run, &["vault://key"][..]].concat(), 2);
    sandbox.succeeds(&["keygen", "-o", "key.pem"]);
    sandbox.succeeds(&[&dry_run, &["key.pem"][..]].concat());
}

#[test]
fn a_project_has_a_name() {
    let sandbox = Sandbox::with_pets();
    let compile = ["compile", "--spec", "pets.yaml", "--unsigned", "-o", "pets.bca", "--project"];
    for name in ["", "a b", "a\nb", "a\u{1b}[31m"] {
        assert!(sandbox.fails(&[&compile, &[name][..]].concat(), 2).contains("not a name"), "{name:?}");
    }
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    sandbox.succeeds(&[&compile, &[uuid][..]].concat());
    assert_eq!(sandbox.json(&["inspect", "pets.bca"])["project"], uuid);
}

#[test]
fn diagnostics_for_programs_are_on_stdout() {
    let sandbox = Sandbox::new();
    sandbox.write("pets.yaml", BROKEN);
    let output = |format: &str| {
        let assert = sandbox.command(&["validate", "--spec", "pets.yaml", "--format", format]).assert().code(5);
        (stdout(&assert), stderr(&assert))
    };
    let (data, said) = output("text");
    assert_eq!(data, "");
    assert!(said.contains("error[PC") && said.contains("pets.yaml:"), "{said}");
    for format in ["json", "sarif"] {
        let (data, said) = output(format);
        serde_json::from_str::<serde_json::Value>(&data).unwrap();
        assert!(!said.contains("error[PC"), "{said}");
    }
    assert!(output("github").0.lines().any(|line| line.starts_with("::error file=pets.yaml,line=5")));
    assert!(output("junit").0.starts_with("<?xml"));
}

#[test]
fn a_document_comes_from_stdin_and_an_artifact_goes_to_stdout() {
    let sandbox = Sandbox::new();
    let compile = ["compile", "--spec", "-", "--unsigned", "-o", "pets.bca"];
    sandbox.command(&compile).write_stdin(PETS).assert().success();
    let report = sandbox.json(&["inspect", "pets.bca", "--specs"]);
    assert_eq!(report["specs"][0]["path"], "stdin");
    let through = ["compile", "--spec", "-", "--unsigned", "-o", "-"];
    let assert = sandbox.command(&through).write_stdin(PETS).assert().success();
    assert_eq!(assert.get_output().stdout, sandbox.read("pets.bca"));
    let twice = ["validate", "--spec", "-", "--overlay", "-"];
    sandbox.command(&twice).write_stdin(PETS).assert().code(2);
}

#[test]
fn the_build_time_is_what_the_environment_says() {
    let sandbox = Sandbox::with_pets();
    let compile = ["compile", "--spec", "pets.yaml", "--unsigned", "-o", "pets.bca"];
    sandbox.succeeds(&compile);
    assert!(sandbox.json(&["inspect", "pets.bca"])["provenance"]["built_at"].is_null());
    let assert = sandbox.command(&compile).env("SOURCE_DATE_EPOCH", "yesterday").assert().code(2);
    assert!(stderr(&assert).contains("SOURCE_DATE_EPOCH"));
}

#[test]
fn documents_that_are_not_there_are_4() {
    let sandbox = Sandbox::with_pets();
    for arguments in [
        vec!["validate", "--spec", "missing.yaml"],
        vec!["validate", "--spec", "pets.yaml", "--overlay", "missing.yaml"],
        vec!["validate", "--spec", "missing/pets.yaml"],
        vec!["validate", "--spec", "pets.yaml", "--root", "missing"],
        vec!["compile", "--spec", "pets.yaml", "--unsigned", "-o", "."],
    ] {
        sandbox.fails(&arguments, 4);
    }
    let said = sandbox.fails(&["validate", "--spec", "missing.yaml"], 4);
    assert!(said.contains("missing.yaml does not exist"), "{said}");
}

#[test]
fn an_output_that_cannot_be_written_is_1() {
    let sandbox = Sandbox::with_pets();
    let said = sandbox.fails(&["compile", "--spec", "pets.yaml", "--unsigned", "-o", "missing/pets.bca"], 1);
    assert!(said.contains("cannot write missing/pets.bca: there is no folder missing; make it first"), "{said}");
    let said = sandbox.fails(&["compile", "--spec", "pets.yaml", "--unsigned", "-o", "pets.yaml/pets.bca"], 1);
    assert!(said.contains("cannot write pets.yaml/pets.bca: ") && !said.contains(".portcullis-"), "{said}");
}

#[test]
fn an_output_never_replaces_what_it_was_made_of() {
    let sandbox = Sandbox::with_pets();
    let referring = PETS.replace("#/components/schemas/Pets", "schemas.yaml#/Pets");
    let overlay = "overlay: 1.0.0\ninfo: { title: None, version: 1.0.0 }\n\
                   actions: [{ target: $.info, update: { title: Cats } }]\n";
    let files = [("api.yaml", referring.as_str()), ("schemas.yaml", "Pets: { type: array }\n"), ("over.yaml", overlay)];
    for (name, text) in files {
        sandbox.write(name, text);
    }
    sandbox.succeeds(&["keygen", "-o", "key.pem"]);
    let key = sandbox.read("key.pem");
    symlink("api.yaml", sandbox.path("link.bca")).unwrap();
    let compile = ["compile", "--spec", "api.yaml", "--overlay", "over.yaml", "--signing-key", "key.pem", "-o"];
    for output in ["api.yaml", "./schemas.yaml", "over.yaml", "link.bca", "key.pem"] {
        for also in [&[][..], &["--dry-run"]] {
            let said = sandbox.fails(&[&compile, &[output][..], also].concat(), 2);
            assert!(said.contains(output) && said.contains("another file"), "{said}");
        }
    }
    for (name, text) in files {
        assert_eq!(sandbox.read(name), text.as_bytes(), "{name}");
    }
    assert_eq!(sandbox.read("key.pem"), key);
    sandbox.succeeds(&[&compile, &["api.bca"][..]].concat());
    sandbox.fails(&["sign", "api.bca", "--signing-key", "key.pem", "-o", "key.pem"], 2);
    assert_eq!(sandbox.read("key.pem"), key);
}

#[test]
fn a_folder_that_may_not_be_read_is_1() {
    let sandbox = Sandbox::new();
    sandbox.write("closed/pets.yaml", PETS);
    let closed = sandbox.path("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&closed).is_ok() {
        println!("skipped: this user may read everything");
    } else {
        assert!(sandbox.fails(&["validate", "--spec", "closed/pets.yaml"], 1).contains("closed"));
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn references_stay_in_the_folder_whatever_the_links() {
    let sandbox = Sandbox::new();
    sandbox.write("secret.yaml", "Pets: { type: array }\n");
    sandbox.write("api/in.yaml", "Pets: { type: array }\n");
    symlink("../secret.yaml", sandbox.path("api/out.yaml")).unwrap();
    let to = |target: &str| {
        sandbox.write("api/pets.yaml", PETS.replace("#/components/schemas/Pets", &format!("{target}#/Pets")));
    };
    let compile = ["compile", "--spec", "api/pets.yaml", "--unsigned", "-o", "pets.bca"];
    to("in.yaml");
    sandbox.succeeds(&compile);
    to("out.yaml");
    assert!(sandbox.fails(&compile, 5).contains("leads out"));
    to("../secret.yaml");
    sandbox.fails(&compile, 5);
    symlink("../secret.yaml", sandbox.path("api/entry.yaml")).unwrap();
    sandbox.fails(&["validate", "--spec", "api/entry.yaml"], 5);
}

#[test]
fn a_named_folder_is_the_only_one_that_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("a/pets.yaml", PETS);
    sandbox.write("b/cats.yaml", PETS.replace("/pets", "/cats").replace("listPets", "listCats"));
    sandbox.succeeds(&["validate", "--spec", "a/pets.yaml", "b/cats.yaml"]);
    let said = sandbox.fails(&["validate", "--spec", "a/pets.yaml", "b/cats.yaml", "--root", "a"], 2);
    assert!(said.contains("--root"), "{said}");
    sandbox.write("c/linked.yaml", "openapi: 3.1.0\ninfo: { title: t, version: '1' }\nservers: [{ url: 'http://h' }]\npaths: { /pets: { $ref: '../a/pets.yaml#/paths/~1pets' } }\n");
    let said = sandbox.fails(&["validate", "--spec", "c/linked.yaml"], 5);
    assert!(said.contains("PC1102") && said.contains("--root"), "{said}");
    sandbox.succeeds(&["validate", "--spec", "c/linked.yaml", "--root", "."]);
    let compile =
        ["compile", "--spec", "a/pets.yaml", "--spec", "b/cats.yaml", "--root", ".", "--unsigned", "-o", "both.bca"];
    sandbox.succeeds(&compile);
    assert_eq!(sandbox.json(&["inspect", "both.bca"])["counts"]["operations"], 2);
}

#[test]
fn the_command_line_says_where_requests_go_and_who_may_call() {
    fn compile<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
        [&["compile", "--spec", "pets.yaml", "--unsigned", "-o", "pets.bca"], arguments].concat()
    }
    let sandbox = Sandbox::new();
    let secured = PETS.replace("servers: [{ url: \"http://127.0.0.1:9000/v1\" }]", "security: [{ key: [] }]")
        + "  securitySchemes: { key: { type: apiKey, in: header, name: X-Key } }\n";
    sandbox.write("pets.yaml", secured);
    sandbox.fails(&compile(&["--security", "presence"]), 5);
    sandbox.fails(&compile(&["--upstream", "http://127.0.0.1:9000"]), 5);
    for (mode, shown) in [("presence", "key"), ("off", "anyone")] {
        sandbox.succeeds(&compile(&["--upstream", "http://127.0.0.1:9000", "--security", mode]));
        let report = sandbox.json(&["inspect", "pets.bca", "--operations"]);
        assert_eq!(report["operations"][0]["security"], shown);
    }
}

#[test]
fn the_schema_of_the_extension_is_json_even_in_a_terminal() {
    let schema = Sandbox::new().json(&["schema"]);
    assert!(schema.is_object());
}
