//! A server that speaks S3 and believes nobody: moto, which checks signatures and conditions as Amazon documents them.
//!
//! It was tried with `object_store`: whole objects, ranges, conditions, uploads in parts, listings, deletion. It takes the
//! signature of a listing for a wrong one where the prefix has a space, and does not compare checksums of content.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use http::header::{AUTHORIZATION, CONTENT_TYPE};

use crate::client::{self, Answer, Client};
use crate::logs::Logs;
use crate::{config, wait};

/// The bucket that there is.
pub const BUCKET: &str = "artifacts";

/// The region it is in.
pub const REGION: &str = "us-east-1";

/// What makes a bucket and a user with a key. Nobody is asked for a signature before that.
const PREPARATION: [&str; 4] = [
    "PUT /artifacts",
    "Action=CreateUser&UserName=tests",
    "Action=PutUserPolicy&UserName=tests&PolicyName=s3&PolicyDocument=\
     %7B%22Version%22:%222012-10-17%22,%22Statement%22:%5B%7B%22Effect%22:%22Allow%22,%22Action%22:%22s3:*%22,%22Resource%22:%22*%22%7D%5D%7D",
    "Action=CreateAccessKey&UserName=tests",
];

/// A server with one empty bucket and one key that opens it. What it holds is in its memory. Ended when it is dropped.
#[derive(Debug)]
pub struct S3 {
    server: Child,
    logs: Logs,
    address: SocketAddr,
    key_id: String,
    secret: String,
}

impl S3 {
    /// Starts one. `None`, with a line that says so, where it is not installed: tests that need it then pass.
    ///
    /// # Panics
    /// When it does not start, with what it said.
    pub async fn start() -> Option<Self> {
        let program = config::tools_folder().join("s3/bin/moto_server");
        if !program.is_file() {
            println!("skipped: no S3 server at {}: run `scripts/tools.sh test`", program.display());
            return None;
        }
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", "0"]);
        command.env("INITIAL_NO_AUTH_ACTION_COUNT", PREPARATION.len().to_string());
        let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut server = output.expect("it starts");
        let logs = Logs::read(server.stderr.take().expect("it is piped"));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut s3 = Self { server, logs, address, key_id: String::new(), secret: String::new() };
        wait::until("the S3 server listens", async || {
            assert!(!s3.logs.is_complete(), "it ended:\n{}", s3.logs.text());
            s3.logs.after("Running on http://").is_some()
        })
        .await;
        s3.address = s3.logs.after("Running on http://").and_then(|text| text.parse().ok()).expect("an address");
        s3.prepare().await;
        Some(s3)
    }

    /// The URL of its bucket.
    pub fn url(&self) -> String {
        format!("s3://{BUCKET}")
    }

    /// Where it listens, as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key that opens the bucket: its id and its secret.
    pub fn key(&self) -> (&str, &str) {
        (&self.key_id, &self.secret)
    }

    /// What a client that is set up by the environment needs to reach the bucket.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", self.key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    async fn prepare(&mut self) {
        for what in PREPARATION {
            let answer = self.ask(what).await;
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 200, "{what}: {said}");
            if what.starts_with("Action=CreateAccessKey") {
                self.key_id = element(&said, "AccessKeyId");
                self.secret = element(&said, "SecretAccessKey");
            }
        }
    }

    async fn ask(&self, what: &str) -> Answer {
        // It keeps no connection.
        let mut client = Client::http1(self.address).await;
        let (mut request, service) = match what.strip_prefix("PUT ") {
            Some(target) => (client.request("PUT", target, client::empty()), "s3"),
            None => (client.request("POST", "/", client::full(format!("{what}&Version=2010-05-08"))), "iam"),
        };
        // It tells from the signature, right or wrong, which service is meant.
        let scope = format!("AWS4-HMAC-SHA256 Credential=tests/20260101/{REGION}/{service}/aws4_request");
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, scope.parse().expect("a field value"));
        headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().expect("a field value"));
        client.send(request).await
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        if std::thread::panicking() {
            println!("--- the log of the S3 server\n{}", self.logs.text());
        }
    }
}

/// The text of the only element with this name.
fn element(xml: &str, name: &str) -> String {
    let (opening, closing) = (format!("<{name}>"), format!("</{name}>"));
    let text = xml.split_once(&opening).and_then(|(_, rest)| rest.split_once(&closing));
    text.unwrap_or_else(|| panic!("no {name} in {xml}")).0.to_owned()
}
