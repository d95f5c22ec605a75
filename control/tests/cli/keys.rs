//! `keygen`, `sign`, `verify`.

use crate::sandbox::{Sandbox, mode, stdout};

fn keygen(sandbox: &Sandbox, name: &str) -> String {
    let key = sandbox.json(&["keygen", "-o", name, "--public", &format!("{name}.pub")]);
    key["public_key"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_is_private_and_never_replaced() {
    let sandbox = Sandbox::new();
    let public = keygen(&sandbox, "key.pem");
    assert_eq!(mode(&sandbox.path("key.pem")), 0o600);
    let before = sandbox.read("key.pem");
    assert!(sandbox.fails(&["keygen", "-o", "key.pem"], 4).contains("--force"));
    assert!(sandbox.fails(&["keygen", "-o", "other.pem", "--public", "key.pem.pub"], 4).contains("key.pem.pub"));
    assert!(!sandbox.path("other.pem").exists(), "no half of a pair is left behind");
    assert_eq!(sandbox.read("key.pem"), before);
    let forced = sandbox.json(&["keygen", "-o", "key.pem", "--force"]);
    assert_ne!(forced["public_key"], public.as_str());
    assert_ne!(sandbox.read("key.pem"), before);
}

#[test]
fn the_private_key_is_not_printed() {
    let sandbox = Sandbox::new();
    let printed = stdout(&sandbox.succeeds(&["keygen", "--format", "table"]));
    assert!(printed.contains("key id"), "{printed}");
    assert!(!printed.contains("PRIVATE"), "{printed}");
    assert!(String::from_utf8(sandbox.read("signing-key.pem")).unwrap().starts_with("-----BEGIN PRIVATE KEY"));
}

#[test]
fn a_signature_is_added_and_verified() {
    let sandbox = Sandbox::with_artifact();
    let (one, two) = (keygen(&sandbox, "one.pem"), keygen(&sandbox, "two.pem"));
    let refusal = sandbox.fails(&["verify", "pets.bca", "--trusted-key", &one], 3);
    assert!(refusal.contains("0 of the 1 signatures") && refusal.contains("--trusted-key"), "{refusal}");
    sandbox.succeeds(&["sign", "pets.bca", "--signing-key", "one.pem", "-o", "signed.bca"]);
    sandbox.succeeds(&["verify", "signed.bca", "--trusted-key", &one]);
    sandbox.succeeds(&["verify", "signed.bca", "--trusted-key", "one.pem.pub"]);
    sandbox.succeeds(&["verify", "signed.bca"]);
    let both = ["verify", "signed.bca", "--trusted-key", &one, "--trusted-key", &two, "--threshold", "2"];
    sandbox.fails(&both, 3);
    sandbox.succeeds(&["sign", "signed.bca", "--signing-key", "two.pem"]);
    assert_eq!(sandbox.json(&both)["signed_by"].as_array().unwrap().len(), 2);
}

#[test]
fn a_key_comes_from_a_file_a_url_or_the_environment() {
    let sandbox = Sandbox::with_artifact();
    let public = keygen(&sandbox, "key.pem");
    let url = format!("file://{}", sandbox.path("key.pem").display());
    sandbox.succeeds(&["sign", "pets.bca", "--signing-key", &url, "-o", "a.bca"]);
    let pem = String::from_utf8(sandbox.read("key.pem")).unwrap();
    let from_environment = ["sign", "pets.bca", "--signing-key", "env://TEST_KEY", "-o", "b.bca"];
    sandbox.command(&from_environment).env("TEST_KEY", pem).assert().success();
    assert_eq!(sandbox.read("a.bca"), sandbox.read("b.bca"));
    sandbox.succeeds(&["verify", "b.bca", "--trusted-key", &public]);
}

#[test]
fn a_key_that_cannot_be_had_is_13() {
    let sandbox = Sandbox::with_artifact();
    keygen(&sandbox, "key.pem");
    sandbox.write("not-a-key.pem", "hello");
    let sign = |key: &str| sandbox.fails(&["sign", "pets.bca", "--signing-key", key], 13);
    assert!(sign("env://TEST_UNSET").contains("env://TEST_UNSET"));
    assert!(sign("missing.pem").contains("missing.pem"));
    assert!(sign("not-a-key.pem").contains("not-a-key.pem"));
    assert!(sign("key.pem.pub").contains("PRIVATE KEY"), "a public key does not sign");
    assert!(sign(".").contains("not a regular file"));
    let wrong = ["sign", "pets.bca", "--signing-key", "env://TEST_KEY"];
    let assert = sandbox.command(&wrong).env("TEST_KEY", "s3cr3t").assert().code(13);
    let said = crate::sandbox::stderr(&assert);
    assert!(said.contains("env://TEST_KEY") && !said.contains("s3cr3t"), "{said}");
    let unset = ["compile", "--spec", "pets.yaml", "--signing-key", "env://TEST_UNSET", "-o", "x.bca"];
    sandbox.fails(&unset, 13);
    assert!(!sandbox.path("x.bca").exists());
}

#[test]
fn a_key_on_the_command_line_is_refused_and_not_repeated() {
    let sandbox = Sandbox::with_artifact();
    let said = sandbox.fails(&["sign", "pets.bca", "--signing-key", "-----BEGIN PRIVATE KEY----- c2VjcmV0"], 2);
    assert!(said.contains("every user"), "{said}");
}

#[test]
fn a_bad_trusted_key_is_a_mistake_of_the_command_line() {
    let sandbox = Sandbox::with_artifact();
    assert!(sandbox.fails(&["verify", "pets.bca", "--trusted-key", "AAAA"], 2).contains("AAAA"));
    sandbox.write("key.pub", "hello");
    assert!(sandbox.fails(&["verify", "pets.bca", "--trusted-key", "key.pub"], 2).contains("key.pub"));
    sandbox.fails(&["verify", "pets.bca", "--threshold", "0"], 2);
}

#[test]
fn a_machine_key_that_is_no_key_is_not_passed_over() {
    let sandbox = Sandbox::with_artifact();
    sandbox.write("configuration/portcullis/trusted-keys/team.pem", "hello");
    assert!(sandbox.fails(&["verify", "pets.bca"], 2).contains("team.pem"));
}

#[test]
fn what_is_not_a_sound_artifact_is_5_and_what_is_not_there_is_4() {
    let sandbox = Sandbox::with_artifact();
    let whole = sandbox.read("pets.bca");
    sandbox.write("truncated.bca", &whole[..whole.len() - 1]);
    sandbox.write("appended.bca", [whole.as_slice(), b"x"].concat());
    sandbox.write("text.bca", "hello");
    let mut damaged = whole.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    sandbox.write("damaged.bca", &damaged);
    for name in ["truncated.bca", "appended.bca", "text.bca", "damaged.bca"] {
        let said = sandbox.fails(&["verify", name], 5);
        assert!(said.contains(name), "{said}");
        sandbox.fails(&["inspect", name], 5);
        let key = sandbox.configuration().join("development-key.pem");
        sandbox.fails(&["sign", name, "--signing-key", key.to_str().unwrap()], 5);
    }
    assert!(sandbox.fails(&["verify", "missing.bca"], 4).contains("missing.bca"));
    sandbox.fails(&["verify", "."], 4);
}

#[test]
fn an_artifact_comes_from_stdin() {
    let sandbox = Sandbox::with_artifact();
    keygen(&sandbox, "key.pem");
    let artifact = sandbox.read("pets.bca");
    let pipe = |arguments: &[&str], input: &[u8]| sandbox.command(arguments).write_stdin(input).assert();
    pipe(&["verify", "-"], &artifact).success();
    assert!(stdout(&pipe(&["inspect", "-"], &artifact).success()).contains("stdin"));
    let signed = pipe(&["sign", "-", "--signing-key", "key.pem"], &artifact).success().get_output().stdout.clone();
    sandbox.succeeds(&["sign", "pets.bca", "--signing-key", "key.pem", "-o", "signed.bca"]);
    assert_eq!(signed, sandbox.read("signed.bca"));
    assert!(!sandbox.path("-").exists());
    for input in [&artifact, &sandbox.read("pets.yaml")] {
        let same = pipe(&["diff", "pets.bca", "-", "--detailed-exitcode"], input);
        assert!(stdout(&same.success()).contains("\"different\": false"));
    }
    pipe(&["diff", "-", "-"], &artifact).code(2);
    assert!(crate::sandbox::stderr(&pipe(&["verify", "-"], b"hello").code(5)).contains("stdin"));
}

/// What `serve` says before it ends, which it does at once where its address is taken.
fn start(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = sandbox.command(&["serve", "--data-dir", "data", "--listen", &address]);
    let output = command.args(arguments).output().unwrap();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_master_key_is_made_found_and_replaced() {
    let sandbox = Sandbox::new();
    assert!(start(&sandbox, &[]).contains("cannot listen"));
    let first = sandbox.read("data/master.key");
    assert_eq!(mode(&sandbox.path("data/master.key")), 0o600);

    let rotated = sandbox.json(&["master-key", "rotate", "--data-dir", "data"]);
    let second = sandbox.read("data/master.key");
    assert_ne!(first, second);
    let kept = format!("data/master.key.{}", rotated["old_master_key"].as_str().unwrap());
    assert_eq!((sandbox.read(&kept), mode(&sandbox.path(&kept))), (first.clone(), 0o600));
    assert!(!sandbox.path("data/master.key.new").exists());
    assert!(start(&sandbox, &[]).contains("cannot listen"));

    // The wrong one is found when the server starts, not when something is built.
    sandbox.write("first.key", &first);
    let wrong = format!("file://{}", sandbox.path("first.key").display());
    let said = start(&sandbox, &["--master-key", &wrong]);
    assert!(said.contains("sealed under master key") && said.contains("--master-key"), "{said}");
    assert!(!said.contains(String::from_utf8(second).unwrap().trim()), "{said}");
}

#[test]
fn a_replacement_that_was_cut_short_is_finished_by_the_next() {
    let sandbox = Sandbox::new();
    start(&sandbox, &[]);
    let (first, id) = (sandbox.read("data/master.key"), "old_master_key");
    let rotated = sandbox.json(&["master-key", "rotate", "--data-dir", "data"]);
    // As if it had ended after the database and before the files.
    let second = sandbox.read("data/master.key");
    sandbox.write("data/master.key.new", &second);
    sandbox.write("data/master.key", &first);
    assert!(start(&sandbox, &[]).contains("sealed under master key"));
    let again = sandbox.json(&["master-key", "rotate", "--data-dir", "data"]);
    assert_eq!((&again[id], &again["secrets"]), (&rotated[id], &serde_json::json!(0)));
    assert_eq!(sandbox.read("data/master.key"), second);
    assert!(start(&sandbox, &[]).contains("cannot listen"));
}

#[test]
fn a_master_key_that_opens_nothing_replaces_nothing() {
    let sandbox = Sandbox::new();
    start(&sandbox, &[]);
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let mut command = sandbox.command(&["master-key", "rotate", "--data-dir", "data", "--master-key", "env://WRONG"]);
    command.env("WRONG", key).args(["--new-master-key", "env://WRONG"]);
    let output = command.assert().code(13).get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("sealed under master key") && !said.contains(key), "{said}");
    sandbox.fails(&["master-key", "rotate", "--data-dir", "data", "--master-key", "env://WRONG"], 2);
    assert!(start(&sandbox, &[]).contains("cannot listen"));
}
