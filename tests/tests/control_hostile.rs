//! What an enemy uploads: each is refused with what is wrong, or kept as the text that it is, in bounded memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::io::{Cursor, Write as _};

use futures_util::future::join_all;
use serde_json::json;
use tests::control_plane::ControlPlane;
use tests::raw::Raw;
use tests::{Answer, Client, process, upstream};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

const MIB: u64 = 1 << 20;
/// What one upload may add to resident memory: 32 MiB of body, and as much again where it is taken apart.
const UPLOAD_MAX: u64 = 128 * MIB;
/// What all of them together may: docs/reference/limits.md.
const ALL_MAX: u64 = 384 * MIB;
const YAML: &str = "application/yaml";
const FORM: &str = "multipart/form-data; boundary=frontier";

struct Victim {
    control: ControlPlane,
    specs: String,
}

impl Victim {
    async fn start() -> Self {
        let control = ControlPlane::empty().start().await;
        let project = control.post("/projects", &json!({ "name": "shop" })).await;
        let specs = format!("/projects/{}/specs", project.json()["id"].as_str().unwrap());
        Self { control, specs }
    }

    async fn upload(&self, query: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.control.upload(&format!("{}?{query}", self.specs), content_type, body.into()).await
    }

    /// Uploads this: it is refused with this status and text, and the server's memory stays within its bound.
    async fn refuses(&self, (content_type, body): (&str, impl Into<Vec<u8>>), status: u16, said: &str) {
        let body = body.into();
        let work = async {
            let answer = self.upload("name=x", content_type, body).await;
            let problem = answer.json();
            assert_eq!(answer.status, status, "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
        };
        assert!(process::growth_bytes(self.control.pid(), work).await < UPLOAD_MAX);
        self.is_unharmed().await;
    }

    /// Uploads this: it is kept as it is.
    async fn keeps(&self, name: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        let work = async {
            let answer = self.upload(&format!("name={name}"), YAML, body.clone()).await;
            assert_eq!(answer.status, 201, "{}", answer.json());
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            let file = self.control.get(&format!("/specs/{id}/revisions/1/files/openapi.yaml")).await;
            assert!(file.body == body, "another content");
        };
        assert!(process::growth_bytes(self.control.pid(), work).await < UPLOAD_MAX);
    }

    /// Nothing was kept of what was refused.
    async fn is_unharmed(&self) {
        assert_eq!(self.control.get(&self.specs).await.json(), json!({ "items": [] }));
    }
}

fn zip(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(&content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An archive with one file of zeros many times, packed once.
fn bomb(copies: usize, bytes: usize) -> Vec<u8> {
    let one = zip([("0.yaml".to_owned(), vec![0; bytes])]);
    let mut one = ZipArchive::new(Cursor::new(one)).unwrap();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for copy in 0..copies {
        writer.raw_copy_file_rename(one.by_index(0).unwrap(), format!("{copy}.yaml")).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn part(path: &str) -> String {
    let head = "Content-Disposition: form-data; name=\"file\"";
    format!("--frontier\r\n{head}; filename=\"{path}\"\r\n\r\nopenapi: 3.1.0\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_are_not_inflated() {
    let victim = Victim::start().await;
    let archive = "application/zip";
    victim.refuses((archive, bomb(1, 20 << 20)), 413, "`0.yaml` is larger than 16777216 bytes").await;
    // 15 GiB in 15 MiB.
    victim.refuses((archive, bomb(1000, 15 << 20)), 413, "come to more than 67108864 bytes").await;
    // 19 MiB in 19 KiB.
    victim.refuses((archive, bomb(19, 1 << 20)), 413, "200 times its size").await;
    let many = (0..20_001).map(|number| (format!("{number}.yaml"), Vec::new()));
    victim.refuses((archive, zip(many)), 413, "more than 20000 files").await;
    let nested = zip([("inner.zip".to_owned(), bomb(1, 1 << 20))]);
    victim.refuses((archive, nested), 422, "`inner.zip` is an archive").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_stay_in_their_folder() {
    let victim = Victim::start().await;
    for path in ["../../etc/cron.d/x.yaml", "/etc/x.yaml", "a/../../x.yaml", "C:x.yaml", "..\\x.yaml", "x\u{1b}.yaml"] {
        let archive = zip([(path.to_owned(), b"openapi: 3.1.0".to_vec())]);
        victim.refuses(("application/zip", archive), 422, "is no path that is read").await;
    }
    for path in ["../../etc/cron.d/x.yaml", "/etc/x.yaml", "a/../../x.yaml", "C:x.yaml"] {
        victim.refuses((FORM, part(path) + "--frontier--\r\n"), 422, "is no path that is read").await;
    }
    let answer = victim.upload("name=x&file=../../x.yaml", YAML, "openapi: 3.1.0").await;
    assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("invalid")));
    victim.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_mebibytes_are_refused_and_not_held() {
    let victim = Victim::start().await;
    victim.refuses((YAML, vec![b'a'; 200 << 20]), 413, "more than 33554432 bytes").await;
    // And where nobody says how much it will be.
    let work = async {
        let mut client = Client::http1(victim.control.address()).await;
        let mut request = client.request("POST", &victim.specs, upstream::zeros(200 * MIB));
        request.headers_mut().insert("content-type", YAML.parse().unwrap());
        victim.control.authorize(&mut request);
        assert_eq!(client.send(request).await.status, 413);
    };
    assert!(process::growth_bytes(victim.control.pid(), work).await < UPLOAD_MAX);
    victim.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_kept_as_the_text_that_they_are() {
    let victim = Victim::start().await;
    let levels = (1..40).map(|level| format!("a{level}: &a{level} [{}]\n", format!("*a{},", level - 1).repeat(10)));
    victim.keeps("aliases", format!("openapi: 3.1.0\na0: &a0 x\n{}", levels.collect::<String>())).await;
    victim.keeps("deep-yaml", format!("openapi: 3.1.0\nx: {}", "[".repeat(1 << 20))).await;
    victim.keeps("deep-json", format!("{}1{}", "{\"a\":".repeat(1 << 20), "}".repeat(1 << 20))).await;
    let paths = (0..100_000).map(|path| format!("  /p{path}: {{get: {{responses: {{}}}}}}\n"));
    victim.keeps("paths", format!("openapi: 3.1.0\npaths:\n{}", paths.collect::<String>())).await;
    let outside = "openapi: 3.1.0\nx: [{$ref: /etc/passwd}, {$ref: 'http://169.254.169.254/'}, {$ref: ../../x.yaml}]";
    victim.keeps("references", outside).await;
    victim.keeps("binary", vec![0xff; 1 << 20]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_not_code() {
    let victim = Victim::start().await;
    let answer = victim.upload("name=x');%20drop%20table%20specs;%20--", YAML, "openapi: 3.1.0").await;
    assert_eq!(answer.status, 400);
    let path = "x'); drop table specs; --.yaml";
    let said = "--frontier\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\n'); drop table specs; --\r\n";
    let form = format!("{}{said}--frontier--\r\n", part(path));
    let answer = victim.upload("name=x", FORM, form).await;
    assert_eq!(answer.json()["description"], "'); drop table specs; --");
    assert_eq!(answer.json()["head"]["files"][0]["path"], path);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let file = format!("/specs/{id}/revisions/1/files/x')%3B%20drop%20table%20specs%3B%20--.yaml");
    assert_eq!(&*victim.control.get(&file).await.body, b"openapi: 3.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_and_bodies_that_do_not_end_as_they_should() {
    let victim = Victim::start().await;
    victim.refuses((FORM, part("x.yaml")), 400, "cannot be read").await;
    victim.refuses((FORM, "--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename"), 400, "").await;
    let many: String = (0..20_001).map(|number| part(&format!("{number}.yaml"))).collect();
    victim.refuses((FORM, many), 413, "more than 20000 files").await;
    let head = format!("--frontier\r\nX-Long: {}\r\n", "x".repeat(16 << 20));
    victim.refuses((FORM, head), 400, "").await;
    // A length that is more than what comes, and one that is less.
    for (length, status) in [(1000, None), (7, Some("HTTP/1.1 201"))] {
        let mut raw = Raw::connect(victim.control.address()).await;
        let head = format!(
            "POST {}?name=y{length} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {YAML}\r\n\
             Content-Length: {length}\r\n\r\nopenapi: 3.1.0\r\n\r\n",
            victim.specs,
            victim.control.token()
        );
        raw.say(head).await;
        match status {
            // It goes away in the middle.
            None => drop(raw),
            Some(status) => assert!(raw.head().await.starts_with(status)),
        }
    }
    let kept = victim.control.get(&victim.specs).await.json();
    assert_eq!((&kept["items"][0]["name"], kept["items"].as_array().unwrap().len()), (&json!("y7"), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_as_deep_as_it_needs_to_be() {
    let victim = Victim::start().await;
    let deep = format!("{{\"name\": {}", "[".repeat(500_000));
    let answer = victim.control.upload("/projects", "application/json", deep).await;
    assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("invalid")));
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(2 << 20));
    let answer = victim.control.upload("/projects", "application/json", long).await;
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("too-large")));
}

/// 12 uploads of 15 to 30 MiB at once, plain ones and archives: each is made or told to come later.
#[tokio::test(flavor = "multi_thread")]
async fn many_uploads_share_one_bound() {
    let victim = Victim::start().await;
    let noise = |seed: usize| -> Vec<u8> {
        let mut state = seed as u64 + 1;
        let mut next = || {
            // xorshift: what cannot be packed.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        (0..(15 << 17)).flat_map(|_| next()).collect()
    };
    let uploads = (0..12).map(|upload| {
        let content = noise(upload);
        let victim = &victim;
        async move {
            let name = format!("name=s{upload}&entry=a.yaml");
            if upload % 2 == 0 {
                let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
                let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
                for file in ["a.yaml", "b.yaml"] {
                    writer.start_file(file, stored).unwrap();
                    writer.write_all(&content).unwrap();
                }
                victim.upload(&name, "application/zip", writer.finish().unwrap().into_inner()).await.status
            } else {
                victim.upload(&format!("{name}&file=a.yaml"), YAML, content).await.status
            }
        }
    });
    let work = async {
        let statuses = join_all(uploads).await;
        println!("{statuses:?}");
        assert!(statuses.iter().all(|status| [201, 503].contains(status)) && statuses.contains(&201), "{statuses:?}");
    };
    assert!(process::growth_bytes(victim.control.pid(), work).await < ALL_MAX);
    // There is room again.
    assert_eq!(victim.upload("name=after", YAML, "openapi: 3.1.0").await.status, 201);
}
