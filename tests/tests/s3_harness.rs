//! The object storage that other tests lean on, asked by curl, which signs requests itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::process::Command;

use tests::s3::{BUCKET, REGION, S3};

/// The status of the answer to a request for an object, signed with a key.
fn status(s3: &S3, (key_id, secret): (&str, &str), arguments: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]).args(arguments);
    // Not every curl in use sends it by itself, and S3 demands it.
    curl.args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]);
    curl.args(["--aws-sigv4", &format!("aws:amz:{REGION}:s3"), "--user", &format!("{key_id}:{secret}")]);
    let output = curl.arg(format!("{}/{BUCKET}/object", s3.endpoint())).output().expect("curl is installed");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn an_object_that_is_put_is_there_and_one_that_is_deleted_is_not() {
    let Some(s3) = S3::start().await else { return };
    assert_eq!(status(&s3, s3.key(), &[]), "404");
    assert_eq!(status(&s3, s3.key(), &["--request", "PUT", "--data", "one"]), "200");
    assert_eq!(status(&s3, s3.key(), &[]), "200");
    assert_eq!(status(&s3, s3.key(), &["--request", "DELETE"]), "204");
    assert_eq!(status(&s3, s3.key(), &[]), "404");
}

#[tokio::test]
async fn an_object_that_must_not_exist_is_not_replaced() {
    let Some(s3) = S3::start().await else { return };
    let put = ["--request", "PUT", "--data", "one", "--header", "If-None-Match: *"];
    assert_eq!(status(&s3, s3.key(), &put), "200");
    assert_eq!(status(&s3, s3.key(), &put), "412");
}

#[tokio::test]
async fn nobody_is_let_in_without_the_key() {
    let Some(s3) = S3::start().await else { return };
    let (key_id, _) = s3.key();
    assert_eq!(status(&s3, (key_id, "another secret"), &[]), "403");
    assert_eq!(status(&s3, ("another", "secret"), &["--request", "PUT", "--data", "one"]), "403");
}
