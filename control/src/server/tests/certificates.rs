//! Certificates come and go.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// A folder with `cert.pem` and `key.pem`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &issue());
    folder
}

struct Pair {
    cert: String,
    key: String,
}

fn issue() -> Pair {
    let issued = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    Pair { cert: issued.cert.pem(), key: issued.signing_key.serialize_pem() }
}

/// Each file is replaced by renaming another over it, as deployers do.
fn write(folder: &Path, pair: &Pair) {
    for (name, text) in [("cert.pem", &pair.cert), ("key.pem", &pair.key)] {
        fs::write(folder.join("new"), text).unwrap();
        fs::rename(folder.join("new"), folder.join(name)).unwrap();
    }
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

async fn serve(folder: &Path, more: &[&str]) -> Running {
    let (cert, key) = (path(folder, "cert.pem"), path(folder, "key.pem"));
    start(&[&["--tls-cert", &cert, "--tls-key", &key], more].concat()).await
}

/// Whether the server shows this very certificate.
async fn shows(running: &Running, pair: &Pair) -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &pair.cert).unwrap();
    running.curl("/", &["--cacert", &file.path().display().to_string()]).await.is_ok()
}

#[tokio::test]
async fn both_versions_of_http_are_negotiated() {
    let folder = folder();
    let running = serve(folder.path(), &[]).await;
    let cert = path(folder.path(), "cert.pem");
    let ask = async |version| running.curl("/", &["--cacert", &cert, version]).await;
    assert_eq!(ask("--http1.1").await, Ok("HTTP/1.1 127.0.0.1".to_owned()));
    assert_eq!(ask("--http2").await, Ok("HTTP/2.0 127.0.0.1".to_owned()));
    assert!(!shows(&running, &issue()).await);
}

#[tokio::test]
async fn a_new_certificate_is_served_and_a_bad_one_is_not() {
    let folder = folder();
    let running = serve(folder.path(), &[]).await;
    let before = running.certificates.as_ref().unwrap().expires_at();
    let second = issue();
    write(folder.path(), &second);
    eventually("the new certificate is served", async || shows(&running, &second).await).await;
    assert!(before > jiff::Timestamp::now());

    // A key of another certificate, no PEM, nothing at all: what is served goes on.
    let refused = async |count| {
        let certificates = running.certificates.as_ref().unwrap();
        eventually("it is refused", async || certificates.refused() >= count).await;
        assert!(shows(&running, &second).await, "after {count}");
    };
    fs::write(folder.path().join("key.pem"), issue().key).unwrap();
    refused(1).await;
    fs::write(folder.path().join("cert.pem"), "no PEM").unwrap();
    refused(2).await;
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    refused(3).await;
    let third = issue();
    write(folder.path(), &third);
    eventually("a good certificate is served again", async || shows(&running, &third).await).await;
}

#[tokio::test]
async fn a_config_map_is_swapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let pairs = [issue(), issue()];
    for (version, pair) in ["..1", "..2"].iter().zip(&pairs) {
        fs::create_dir(path(version)).unwrap();
        write(&path(version), pair);
    }
    symlink("..1", path("..data")).unwrap();
    symlink("..data/cert.pem", path("cert.pem")).unwrap();
    symlink("..data/key.pem", path("key.pem")).unwrap();
    let running = serve(folder.path(), &[]).await;
    assert!(shows(&running, &pairs[0]).await);
    symlink("..2", path("..data_tmp")).unwrap();
    fs::rename(path("..data_tmp"), path("..data")).unwrap();
    eventually("the new version is served", async || shows(&running, &pairs[1]).await).await;
}

#[tokio::test]
async fn strangers_are_kept_out() {
    let folder = folder();
    let client = issue();
    for (name, text) in [("client.pem", &client.cert), ("client-key.pem", &client.key)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let file = |name| path(folder.path(), name);
    let (cert, client, key) = (file("cert.pem"), file("client.pem"), file("client-key.pem"));
    let running = serve(folder.path(), &["--tls-client-ca", &client]).await;
    let known = ["--cacert", &cert, "--cert", &client, "--key", &key];
    assert_eq!(running.curl("/", &known).await, Ok("HTTP/2.0 127.0.0.1".to_owned()));
    assert!(running.curl("/", &["--cacert", &cert]).await.is_err());
    let stranger = ["--cacert", &cert, "--cert", &cert, "--key", &file("key.pem")];
    assert!(running.curl("/", &stranger).await.is_err());
}

#[tokio::test]
async fn nothing_is_served_with_what_is_no_certificate() {
    let folder = folder();
    let refused = async |cert: &str, key: &str| {
        let (cert, key) = (path(folder.path(), cert), path(folder.path(), key));
        let options = parse(&["--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key]).unwrap();
        Server::bind(&options).await.unwrap_err().to_string()
    };
    fs::write(folder.path().join("empty.pem"), "").unwrap();
    fs::write(folder.path().join("other.pem"), issue().key).unwrap();
    assert!(refused("absent.pem", "key.pem").await.contains("absent.pem"));
    assert!(refused("empty.pem", "key.pem").await.contains("holds no certificate"));
    assert!(refused("cert.pem", "empty.pem").await.contains("empty.pem"));
    assert!(refused("cert.pem", "other.pem").await.contains("cannot serve with the certificate"));
}
