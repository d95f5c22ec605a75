//! Artifacts over the wire: downloaded in parts, pushed from elsewhere, compared, forgotten.

use artifact_format::container::{self, Draft};
use artifact_format::limits::Limits;
use artifact_format::model::Artifact;
use artifact_format::signature::SigningKey;
use artifact_format::trust::{Trust, Unsigned};
use serde_json::json;
use tests::process;
use tests::raw::Raw;
use zeroize::Zeroizing;

use crate::sealing::Parts;
use crate::site::{PET, PETS, Site, ask, compile, download, text, until};

const BYTES: (&str, &str) = ("content-type", "application/octet-stream");

async fn built(site: &Site, description: &str) -> (String, bytes::Bytes) {
    let spec = site.spec(&[("openapi.yaml", description), ("pet.yaml", PET)]).await;
    let build = until(&site.plane, &compile(&site.plane, &spec).await, "succeeded").await;
    (text(&build["artifact"]), download(&site.plane, &build).await.body)
}

#[tokio::test]
async fn a_download_can_be_taken_up_again() {
    let site = Site::on_sqlite().await;
    let (digest, file) = built(&site, PETS).await;
    let target = format!("/api/v1/artifacts/{digest}/download");
    let tag = format!("\"{digest}\"");
    let get = async |headers: &[(&str, &str)]| ask(&site.plane, ("GET", &target), headers, b"").await;

    let whole = get(&[]).await;
    assert_eq!((whole.status, &whole.body), (200, &file));
    assert_eq!(whole.headers["etag"], tag);
    assert_eq!(whole.headers["content-length"], file.len().to_string());
    assert_eq!(whole.headers["accept-ranges"], "bytes");
    assert_eq!(whole.headers["content-type"], "application/octet-stream");
    assert!(whole.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename="));
    let head = ask(&site.plane, ("HEAD", &target), &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers["content-length"], file.len().to_string());

    let half = file.len() / 2;
    let rest = get(&[("range", &format!("bytes={half}-")), ("if-range", &tag)]).await;
    assert_eq!((rest.status, &rest.body[..]), (206, &file[half..]));
    assert_eq!(rest.headers["content-range"], format!("bytes {half}-{}/{}", file.len() - 1, file.len()));
    let other = get(&[("range", "bytes=0-3"), ("if-range", "\"another\"")]).await;
    assert_eq!((other.status, &other.body), (200, &file));
    let beyond = get(&[("range", &format!("bytes={}-", file.len()))]).await;
    assert_eq!((beyond.status, &beyond.json()["code"]), (416, &json!("range-not-satisfiable")));
    assert_eq!(beyond.headers["content-range"], format!("bytes */{}", file.len()));
    let same = get(&[("if-none-match", &tag)]).await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(same.headers["etag"], tag);
    assert_eq!(ask(&site.plane, ("GET", &target.replace(&digest, &"0".repeat(64))), &[], b"").await.status, 404);
    assert_eq!(ask(&site.plane, ("GET", &target.replace(&digest, "latest")), &[], b"").await.status, 404);
}

#[tokio::test]
async fn what_was_signed_elsewhere_is_verified_when_it_arrives() {
    let site = Site::on_sqlite().await;
    let (_, file) = built(&site, PETS).await;
    let model = decode(&file);
    let key = SigningKey::from_seed(&Zeroizing::new([7; 32]));
    let target = format!("/api/v1/projects/{}/artifacts", site.project);
    let push = async |file: &[u8]| ask(&site.plane, ("POST", &target), &[BYTES], file).await;
    let refused = async |file: &[u8], why: &str| {
        let answer = push(file).await;
        let detail = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 422, "{detail}");
        assert!(detail.contains(why), "{detail}");
    };
    let signed = |model: &Artifact| Draft::encode(model).unwrap().sign(&key).finish().unwrap();
    refused(&signed(&model), "trusted").await;

    let new = json!({ "kind": "public", "name": "ci", "public_key": key.public().to_base64() });
    let added = site.plane.post(&format!("/api/v1/projects/{}/signing-keys", site.project), &new).await;
    assert_eq!(added.status, 201, "{}", String::from_utf8_lossy(&added.body));
    refused(b"not an artifact", "").await;
    refused(&Draft::encode(&model).unwrap().finish().unwrap(), "carries no signature").await;
    let mut changed = signed(&model);
    let last = changed.len() - 1;
    changed[last] ^= 1;
    refused(&changed, "").await;
    refused(&signed(&Artifact { project: "other".into(), ..model.clone() }), "`other`").await;
    let unnamed = ask(&site.plane, ("POST", &target), &[("content-type", "text/plain")], b"x").await;
    assert_eq!(unnamed.status, 415);

    let file = signed(&model);
    let (first, second) = (push(&file).await, push(&file).await);
    assert_eq!((first.status, second.status), (201, 200), "{}", String::from_utf8_lossy(&first.body));
    let digest = text(&first.json()["digest"]);
    assert_eq!(first.headers["location"], format!("/api/v1/artifacts/{digest}"));
    assert_eq!(first.json()["signed_by"], json!([key.public().id().to_string()]));
    let back = ask(&site.plane, ("GET", &format!("/api/v1/artifacts/{digest}/download")), &[], b"").await;
    assert_eq!(back.body, file);

    let place = format!("{target}/{digest}");
    assert_eq!(site.plane.send("DELETE", &place, None).await.status, 204);
    assert_eq!(site.plane.send("DELETE", &place, None).await.status, 404);
    assert_eq!(push(&file).await.status, 201);
    let deploy = json!({ "artifact": digest });
    let deployed = site.plane.post(&format!("/api/v1/projects/{}/deploy", site.project), &deploy).await;
    assert_eq!(deployed.status, 202);
    assert_eq!(site.plane.send("DELETE", &place, None).await.status, 409);
}

#[tokio::test]
async fn an_artifact_that_is_too_large_is_refused_before_it_comes() {
    let site = Site::on_sqlite().await;
    let target = format!("/api/v1/projects/{}/artifacts", site.project);
    let mut raw = Raw::connect(site.plane.address()).await;
    let (token, length) = (site.plane.token(), (64 << 20) + 1);
    raw.say(format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
    ))
    .await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
}

#[tokio::test]
async fn artifacts_are_compared_by_what_they_mean() {
    let site = Site::on_sqlite().await;
    let (old, _) = built(&site, PETS).await;
    let (new, _) = built(&site, &PETS.replace("/pets:", "/dogs:").replace("listPets", "listDogs")).await;
    let compare =
        async |new: &str, old: &str| site.plane.get(&format!("/api/v1/artifacts/{new}/diff?with={old}")).await;
    let diff = compare(&new, &old).await.json();
    assert_eq!((&diff["different"], &diff["breaking"], &diff["compatible"]), (&json!(true), &json!(1), &json!(1)));
    let kinds: Vec<_> = diff["changes"].as_array().unwrap().iter().map(|change| &change["kind"]).collect();
    assert_eq!(kinds, ["added", "removed"]);
    assert_eq!(compare(&new, &new).await.json()["different"], json!(false));
    assert_eq!(compare(&new, &"0".repeat(64)).await.status, 404);
    assert_eq!(compare(&new, "latest").await.status, 400);
}

fn decode(file: &[u8]) -> Artifact {
    let anyone = Trust::any_of([]).with_unsigned(Unsigned::Allow);
    container::open(file, &anyone, &Limits::DEFAULT).and_then(|verified| verified.decode()).unwrap()
}

/// A document that is 160 MiB long and comes in 160 KiB: refused for what its table of contents says, and, where that
/// lies, as soon as more comes out than it says.
#[tokio::test]
async fn decompression_bomb_is_refused() {
    let site = Site::on_sqlite().await;
    let (_, file) = built(&site, PETS).await;
    let key = SigningKey::from_seed(&Zeroizing::new([7; 32]));
    let new = json!({ "kind": "public", "name": "ci", "public_key": key.public().to_base64() });
    let added = site.plane.post(&format!("/api/v1/projects/{}/signing-keys", site.project), &new).await;
    assert_eq!(added.status, 201);
    let mut model = decode(&file);
    model.specs.specs[0].text = " ".repeat(160 << 20);
    let bomb = Draft::encode(&model).unwrap().sign(&key).finish().unwrap();
    drop(model);
    assert!(bomb.len() < 1 << 20);
    let mut parts = Parts::of(&bomb);
    // The length of SPECS once it is decompressed.
    parts.entry(4)[23..31].copy_from_slice(&64_u64.to_le_bytes());
    let liar = parts.seal(&key);

    let target = format!("/api/v1/projects/{}/artifacts", site.project);
    for (file, why) in [(bomb, "above the limit"), (liar, "when decompressed")] {
        let push = async {
            let answer = ask(&site.plane, ("POST", &target), &[BYTES], &file).await;
            let detail = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 422, "{detail}");
            assert!(detail.contains(why), "{detail}");
        };
        let grown = process::growth_bytes(site.plane.pid(), push).await;
        assert!(grown < 32 << 20, "{grown} bytes more");
    }
}
