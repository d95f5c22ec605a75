//! Specs over the API: uploads in every form, revisions, contents, comparisons.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use serde_json::{Value, json};
use tests::control_plane::ControlPlane;
use tests::{Answer, Client, client};

const PETS: &str = "openapi: 3.1.0\ninfo:\n  title: Pet Store\n  version: 1.0.0\npaths: {}\n";
const PET: &str = "type: object\n";

/// A control plane with a project.
async fn with_project() -> (ControlPlane, String) {
    let control = ControlPlane::empty().start().await;
    let project = control.post("/api/v1/projects", &json!({ "name": "shop" })).await;
    let id = project.json()["id"].as_str().unwrap().to_owned();
    (control, id)
}

/// Uploads to a project's specs, with this query.
async fn make(control: &ControlPlane, at: (&str, &str), content_type: &str, body: impl AsRef<[u8]>) -> Answer {
    let (project, query) = at;
    let target = format!("/api/v1/projects/{project}/specs?{query}");
    control.upload(&target, content_type, body.as_ref().to_vec()).await
}

/// Parts of a form: the first of each is the head's parameters.
fn form(parts: &[(&str, &str)]) -> (&'static str, String) {
    let part = |(head, content): &(&str, &str)| {
        format!("--frontier\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    };
    let parts: String = parts.iter().map(part).collect();
    ("multipart/form-data; boundary=frontier", format!("{parts}--frontier--\r\n"))
}

fn folder() -> (&'static str, String) {
    form(&[
        ("name=\"file\"; filename=\"api/pets.yaml\"", PETS),
        ("name=\"file\"; filename=\"api/schemas/pet.yaml\"", PET),
        ("name=\"file\"; filename=\"README.md\"", "# Pets"),
        ("name=\"name\"", "pets"),
        ("name=\"description\"", "all of them"),
        ("name=\"message\"", "first"),
    ])
}

/// What is said of each thing that is wrong.
#[track_caller]
fn refused(answer: &Answer, (status, code): (u16, &str), said: &str) {
    let problem = answer.json();
    assert_eq!((answer.status, problem["code"].as_str().unwrap()), (status, code), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_a_spec_whatever_says_that_it_is_one() {
    let (control, project) = with_project().await;
    for (query, content_type, body, name, path) in [
        ("", "application/yaml", PETS, "pet-store", "openapi.yaml"),
        ("file=cats.yml", "application/octet-stream", "openapi: 3.1.0", "cats", "cats.yml"),
        ("name=dogs", "application/json", "{\"openapi\": \"3.1.0\"}", "dogs", "openapi.json"),
        ("", "application/openapi+json", "{\"info\": {\"title\": \"Mice & Men\"}}", "mice-men", "openapi.json"),
        ("name=b&message=why&description=d&entry=b.yaml&file=b.yaml", "text/yaml", PETS, "b", "b.yaml"),
    ] {
        let answer = make(&control, (&project, query), content_type, body).await;
        let spec = answer.json();
        assert_eq!(answer.status, 201, "{spec}");
        assert_eq!((spec["name"].as_str().unwrap(), &spec["head"]["entries"]), (name, &json!([path])));
        let location = answer.header("location");
        assert_eq!(location, format!("/api/v1/specs/{}", spec["id"].as_str().unwrap()));
        let read = control.get(location).await;
        assert_eq!((read.header("etag"), &read.json()["name"]), (answer.header("etag"), &spec["name"]));
    }
    let listed = control.get(&format!("/projects/{project}/specs?limit=2")).await.json();
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|spec| spec["name"].clone()).collect();
    assert_eq!(names, ["b", "mice-men"]);
    assert!(listed["next_cursor"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_comes_and_goes_as_it_is() {
    let (control, project) = with_project().await;
    let (content_type, body) = folder();
    let spec = make(&control, (&project, ""), content_type, body).await.json();
    assert_eq!((&spec["name"], &spec["description"]), (&json!("pets"), &json!("all of them")));
    assert_eq!(spec["head"]["left_out"], json!(["README.md"]));
    let revisions = format!("/api/v1/specs/{}/revisions", spec["id"].as_str().unwrap());
    let revision = control.get(&format!("{revisions}/1")).await.json();
    assert_eq!(
        (&revision["entries"], &revision["message"], &revision["author"]),
        (&json!(["api/pets.yaml"]), &json!("first"), &json!("bootstrap"))
    );
    let paths: Vec<_> = revision["files"].as_array().unwrap().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths, ["api/pets.yaml", "api/schemas/pet.yaml"]);
    for path in ["api/schemas/pet.yaml", "api%2Fschemas%2Fpet.yaml"] {
        let file = control.get(&format!("{revisions}/1/files/{path}")).await;
        assert_eq!((file.status, &*file.body), (200, PET.as_bytes()));
        let headers =
            ["content-type", "x-content-type-options", "content-security-policy"].map(|name| file.header(name));
        assert_eq!(headers, ["application/yaml", "nosniff", "default-src 'none'; sandbox"]);
    }
    for missing in ["2", "0", "-1", "99999999999999999999", "x", "1/files/api", "1/files/../1", "1/files/%00"] {
        assert_eq!(control.get(&format!("{revisions}/{missing}")).await.status, 404, "{missing}");
    }
    // The archive is the same state of the same spec.
    let archive = control.get(&format!("{revisions}/1/archive")).await;
    assert_eq!(archive.header("content-disposition"), "attachment; filename=\"pets-1.zip\"");
    let again = control.upload(&revisions, "application/zip", archive.body).await;
    assert_eq!((again.status, &again.json()["number"]), (200, &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_has_a_history() {
    let (control, project) = with_project().await;
    let (content_type, body) = folder();
    let spec = make(&control, (&project, ""), content_type, body).await.json();
    let at = format!("/api/v1/specs/{}", spec["id"].as_str().unwrap());
    let (content_type, body) = form(&[
        ("name=\"file\"; filename=\"api/pets.yaml\"", &PETS.replace("1.0.0", "1.1.0")),
        ("name=\"file\"; filename=\"api/cats.yaml\"", PET),
        ("name=\"entry\"", "api/pets.yaml"),
        ("name=\"message\"", "cats"),
    ]);
    let revised = control.upload(&format!("{at}/revisions"), content_type, body).await;
    assert_eq!((revised.status, revised.header("location")), (201, format!("{at}/revisions/2").as_str()));
    let messages = control.get(&format!("{at}/revisions")).await.json();
    let messages: Vec<_> = messages["items"].as_array().unwrap().iter().map(|one| one["message"].clone()).collect();
    assert_eq!(messages, ["cats", "first"]);
    let diff = control.get(&format!("{at}/revisions/diff")).await.json();
    let changes: Vec<_> =
        diff["files"].as_array().unwrap().iter().map(|file| (&file["path"], &file["change"])).collect();
    let expected = [("api/cats.yaml", "added"), ("api/pets.yaml", "changed"), ("api/schemas/pet.yaml", "removed")];
    assert_eq!(changes, expected.map(|(path, change)| (json!(path), json!(change))).each_ref().map(|(a, b)| (a, b)));
    assert_eq!(
        diff["files"][1]["diff"],
        "@@ -1,5 +1,5 @@\n openapi: 3.1.0\n info:\n   title: Pet Store\n-  version: 1.0.0\n+  version: 1.1.0\n paths: {}\n"
    );
    let same = control.get(&format!("{at}/revisions/diff?from=2&to=2")).await.json();
    assert_eq!(same, json!({ "from": 2, "to": 2, "files": [] }));
    assert_eq!(control.get(&format!("{at}/revisions/diff?from=3")).await.status, 404);
    assert_eq!(control.get(&format!("{at}/revisions/diff?from=a")).await.status, 400);
    assert_eq!(control.get(&format!("{at}/revisions/diff?form=1")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_says_which_state_it_is_for() {
    let (control, project) = with_project().await;
    let made = make(&control, (&project, ""), "application/yaml", PETS).await;
    let at = made.header("location").to_owned();
    let change = async |method: &str, tag: Option<&str>, body: Option<Value>| {
        let mut client = Client::http1(control.address()).await;
        let content = body.as_ref().map_or_else(client::empty, |body| client::full(body.to_string()));
        let mut request = client.request(method, &at, content);
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        tag.map(|tag| request.headers_mut().insert("if-match", tag.parse().unwrap()));
        control.authorize(&mut request);
        client.send(request).await
    };
    let renamed = json!({ "name": "cats" });
    refused(&change("PATCH", None, Some(renamed.clone())).await, (428, "precondition-required"), "If-Match");
    refused(&change("DELETE", None, None).await, (428, "precondition-required"), "If-Match");
    let done = change("PATCH", Some("\"1\""), Some(renamed.clone())).await;
    assert_eq!((done.status, done.header("etag"), &done.json()["name"]), (200, "\"2\"", &json!("cats")));
    refused(&change("PATCH", Some("\"1\""), Some(renamed)).await, (412, "stale"), "version 2");
    assert_eq!(change("DELETE", Some("\"2\""), None).await.status, 204);
    assert_eq!(control.get(&at).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused_with_what_to_do() {
    let (control, project) = with_project().await;
    let refuse = async |query: &str, content_type: &str, body: &str, code: (u16, &str), said: &str| {
        refused(&make(&control, (&project, query), content_type, body).await, code, said);
    };
    let yaml = "application/yaml";
    refuse("name=a/b", yaml, PETS, (400, "invalid-parameter"), "name: not a name").await;
    refuse("nmae=a", yaml, PETS, (400, "invalid-parameter"), "`nmae` is not known").await;
    refuse("name=a&name=b", yaml, PETS, (422, "invalid"), "given twice").await;
    refuse("entry=b.yaml", yaml, PETS, (422, "invalid"), "no file `b.yaml`").await;
    refuse("file=...", yaml, "openapi: 3.1.0", (400, "invalid-parameter"), "give `?name=`").await;
    refuse("message=%1b[31m", yaml, PETS, (422, "invalid"), "control character").await;
    refuse("", "image/png", PETS, (415, "unsupported-media-type"), "`image/png` is not read").await;
    refuse("", "multipart/form-data", PETS, (400, "malformed"), "boundary").await;
    refuse("", "application/zip", PETS, (400, "malformed"), "no zip archive").await;
    let unknown = form(&[("name=\"file\"", PETS)]);
    refuse("", unknown.0, &unknown.1, (400, "invalid-parameter"), "a part with a file has a file name").await;
    let unknown = form(&[("name=\"other\"", PETS)]);
    refuse("", unknown.0, &unknown.1, (400, "invalid-parameter"), "`other` is not known").await;
    let two = form(&[("name=\"f\"; filename=\"a.yaml\"", PETS), ("name=\"f\"; filename=\"b.yaml\"", PETS)]);
    refuse("", two.0, &two.1, (422, "invalid"), "`a.yaml`, `b.yaml` could all be").await;
    assert_eq!(make(&control, (&project, "name=a"), yaml, PETS).await.status, 201);
    refuse("name=a", yaml, PETS, (409, "name-taken"), "named `a` already").await;
    let nowhere = make(&control, ("0190a6f0-0000-7000-8000-000000000000", ""), yaml, PETS).await;
    refused(&nowhere, (404, "not-found"), "no such project");
}

#[tokio::test]
async fn small_uploads_that_dawdle_leave_room_for_others() {
    let (server, project) = with_project().await;
    let target = format!("/api/v1/projects/{project}/specs?name=slow");
    // Each says that it is small, and sends a part of it.
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST {target} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/yaml\r\n\
             content-length: 100\r\n\r\nopen",
            server.token()
        );
        tokio::io::AsyncWriteExt::write_all(&mut socket, head.as_bytes()).await.unwrap();
        slow.push(socket);
    }
    let target = format!("/api/v1/projects/{project}/specs?name=quick");
    assert_eq!(server.upload(&target, "application/yaml", PETS).await.status, 201);
}
