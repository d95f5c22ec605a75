//! Forms: fields that have no types of their own, and files that are looked at while they pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tests::client::Body;
use tests::raw::{Raw, statuses};
use tests::upstream::{drain, full};
use tests::{Answer, Client, Gateway, Upstream, process, wait};

const DESCRIPTION: &str = r##"
openapi: 3.1.1
info: { title: Shop, version: "1" }
paths:
  /pairs:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: { $ref: "#/components/schemas/Form" }
            encoding: { codes: { style: form, explode: false }, point: { style: deepObject, explode: true } }
      responses: { default: { description: Done } }
  /parts:
    post:
      parameters: [{ name: n, in: query, schema: { type: integer } }]
      requestBody:
        content:
          multipart/form-data:
            schema: { $ref: "#/components/schemas/Form" }
            encoding:
              image: { contentType: "image/png, image/jpeg", headers: { X-Side: { required: true, schema: { enum: [front, back] } } } }
              meta: { contentType: application/json }
      responses: { default: { description: Done } }
  /needed:
    post:
      requestBody: { required: true, content: { multipart/form-data: { schema: { $ref: "#/components/schemas/Form" } } } }
      responses: { default: { description: Done } }
components:
  schemas:
    Form:
      type: object
      required: [name]
      additionalProperties: false
      properties:
        name: { type: string, maxLength: 8 }
        count: { type: integer, maximum: 10 }
        tags: { type: array, items: { type: string, minLength: 2 } }
        codes: { type: array, items: { type: integer } }
        point: { type: object, properties: { x: { type: integer } } }
        meta: { type: object, required: [id], properties: { id: { type: integer } } }
        image: { type: string, format: binary, maxLength: 20 }
        file: { type: string, format: binary }
"##;

/// A gateway in front of a server that reads forms to their end, and remembers of each its length if it was whole.
async fn receiving() -> (Upstream, Gateway, Arc<Mutex<Vec<Option<u64>>>>) {
    let received: Arc<Mutex<Vec<Option<u64>>>> = Arc::default();
    let remembered = Arc::clone(&received);
    let upstream = Upstream::answering(move |request| {
        let received = Arc::clone(&remembered);
        async move {
            let length = whole(request.into_body()).await;
            received.lock().unwrap().push(length);
            Response::new(full("received"))
        }
    })
    .await;
    let setup = Gateway::compiled(DESCRIPTION, &upstream).set("--body-max-bytes", &(1u64 << 30).to_string());
    let gateway = setup.set("--workers", "1").start().await;
    (upstream, gateway, received)
}

/// The length of a body; none if it broke off.
async fn whole(mut body: hyper::body::Incoming) -> Option<u64> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.ok()?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Some(length)
}

fn assert_judged(answer: &Answer, status: u16, faults: &[&str], what: &str) {
    let said = String::from_utf8_lossy(&answer.body);
    let expected: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!((answer.status, answer.faults()), (status, expected), "{what}: {said}");
}

#[tokio::test]
async fn pairs_are_judged_as_what_the_schema_wants() {
    let (_upstream, gateway, received) = receiving().await;
    let mut client = Client::http1(gateway.address()).await;
    for (body, status, faults) in [
        ("name=a+b%C3%A9&count=10&tags=ab&tags=cd&codes=1,2&point[x]=3&meta=%7B%22id%22%3A1%7D", 200, &[][..]),
        ("name=&tags=ab", 200, &[]),
        ("&&name=x", 200, &[]),
        ("name=123456789&count=11", 422, &["body /count maximum", "body /name maxLength"]),
        ("count=1", 422, &["body /name required"]),
        ("name=a&count=1e1", 422, &["body /count type"]),
        ("name=a&tags=ab&tags=c", 422, &["body /tags/1 minLength"]),
        ("name=a&codes=1,x", 422, &["body /codes/1 type"]),
        ("name=a&point[x]=y", 422, &["body /point/x type"]),
        ("name=a&meta=%7B%7D", 422, &["body /meta/id required"]),
        ("name=a&name=b", 422, &["body /name explode"]),
        ("name=a&other=b", 422, &["body additionalProperties"]),
        ("name=%4", 400, &["body syntax"]),
        ("name=%ff", 400, &["body syntax"]),
    ] {
        let before = received.lock().unwrap().len();
        let answer = client.post("/pairs", "application/x-www-form-urlencoded", body).await;
        assert_judged(&answer, status, faults, body);
        let received = received.lock().unwrap()[before..].to_vec();
        assert_eq!(received, if status == 200 { vec![Some(body.len() as u64)] } else { vec![] }, "{body}");
    }
}

const MEDIA: &str = "multipart/form-data; boundary=b";

/// A form of these parts, each the rest of its `Content-Disposition`, the other lines of its header, and its content.
fn form(parts: &[&str]) -> String {
    let parts = parts.iter().map(|part| {
        let (name, rest) = part.split_once('|').unwrap();
        let (header, content) = rest.rsplit_once('|').unwrap_or(("", rest));
        let header = if header.is_empty() { String::new() } else { format!("{}\r\n", header.replace('|', "\r\n")) };
        format!("--b\r\nContent-Disposition: form-data; name={name}\r\n{header}\r\n{content}\r\n")
    });
    parts.collect::<String>() + "--b--\r\n"
}

const PNG: &str = "image; filename=a.png|Content-Type: image/png|X-Side: front|\u{89}PNG";

#[tokio::test]
async fn parts_are_judged_as_what_the_schema_and_the_encoding_want() {
    let (upstream, gateway, received) = receiving().await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        for (parts, status, faults) in [
            (
                &["name|a", "count|10", "tags|ab", "tags|cd", "meta|Content-Type: application/json|{\"id\":1}", PNG][..],
                200,
                &[][..],
            ),
            (&["name|a", "meta|{\"id\":1}", "file; filename=x|\0\0"], 200, &[]),
            (&["name|123456789", "count|eleven"], 422, &["body /count type", "body /name maxLength"]),
            (&["count|1"], 422, &["body /name required"]),
            (&["name|a", "name|b"], 422, &["body /name explode"]),
            (&["name|a", "tags|ab", "tags|c"], 422, &["body /tags/1 minLength"]),
            (&["name|a", "meta|{}"], 422, &["body /meta/id required"]),
            (&["name|a", "meta|{\"id\":1,\"id\":1}"], 422, &["body /meta contentType"]),
            (&["name|a", "meta|Content-Type: text/plain|{\"id\":1}"], 422, &["body /meta contentType"]),
            (&["name|a", "image|Content-Type: image/gif|X-Side: front|GIF"], 422, &["body /image contentType"]),
            (&["name|a", "image|Content-Type: image/png|PNG"], 422, &["body /image headers"]),
            (&["name|a", "image|Content-Type: image/png|X-Side: left|PNG"], 422, &["body /image headers"]),
            (
                &["name|a", "image|Content-Type: image/png|X-Side: back|123456789012345678901"],
                422,
                &["body /image maxLength"],
            ),
            (&["name|a", "other|b"], 422, &["body additionalProperties"]),
        ] {
            let body = form(parts);
            let before = (upstream.requests(), received.lock().unwrap().len());
            let answer = client.post("/parts", MEDIA, body.clone()).await;
            assert_judged(&answer, status, faults, &body);
            assert_eq!(upstream.requests() - before.0, u64::from(status == 200), "{body}");
            let received = received.lock().unwrap()[before.1..].to_vec();
            assert_eq!(received, if status == 200 { vec![Some(body.len() as u64)] } else { vec![] }, "{body}");
        }
    }
}

#[tokio::test]
async fn a_form_with_a_bad_end_or_frame_never_goes_upstream() {
    let (upstream, gateway, _received) = receiving().await;
    let good = form(&["name|a"]);
    let mut client = Client::http1(gateway.address()).await;
    assert_eq!(client.post("/parts", MEDIA, good.clone()).await.status, 200);
    for body in [
        good.replace("--b--\r\n", ""),
        good.replace("--b--", "--b"),
        good.replace("--b--\r\n", "--b--\r\nmore"),
        good.replace("--b--", "--bb--"),
        format!("preamble\r\n{good}"),
        good.replace("\r\n", "\n"),
        good.replace("name=a", "n=a").replace("; name", "; nome"),
        "--b".to_owned(),
    ] {
        assert_judged(&client.post("/parts", MEDIA, body.clone()).await, 400, &["body syntax"], &body);
    }
    for media in ["multipart/form-data", "multipart/form-data; boundary=\"a b \"", "multipart/mixed; boundary=b"] {
        assert_judged(&client.post("/parts", media, good.clone()).await, 415, &[], media);
    }
    for body in [good, form(&["count|1"])] {
        assert_judged(&client.post("/parts?n=x", MEDIA, body).await, 400, &["query n type"], "parameters come first");
    }
    assert_eq!(upstream.requests(), 1);
}

#[tokio::test]
async fn a_form_that_must_be_there_is_no_empty_body() {
    let (upstream, gateway, _received) = receiving().await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        let answer = client.post("/needed", MEDIA, String::new()).await;
        assert_judged(&answer, 400, &["body syntax"], "nothing, and a media type");
        assert_eq!(client.post("/needed", MEDIA, form(&["name|a"])).await.status, 200);
    }
    assert_eq!(upstream.requests(), 2);
}

const LARGE: u64 = 200 << 20;

/// A form with a large file, and these parts after it; its length.
fn with_file(length: u64, after: &[&str]) -> (Body, u64) {
    static CHUNK: [u8; 64 << 10] = [0; 64 << 10];
    let head = "--b\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\n";
    let tail = format!("\r\n{}", form(after));
    let whole = head.len() as u64 + length + tail.len() as u64;
    let chunks = (0..length / CHUNK.len() as u64).map(|_| Bytes::from_static(&CHUNK));
    let pieces = std::iter::once(Bytes::from(head)).chain(chunks).chain([Bytes::from(tail)]);
    let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    (StreamBody::new(stream::iter(frames)).boxed(), whole)
}

/// What a form that passes may add to the resident memory: what is held of it, buffers, the allocator's own.
const SLACK_BYTES: u64 = 12 << 20;

async fn upload(client: &mut Client, (body, length): (Body, u64), is_announced: bool) -> Answer {
    let mut request = client.request("POST", "/parts", body);
    request.headers_mut().insert("content-type", MEDIA.parse().unwrap());
    if is_announced {
        request.headers_mut().insert("content-length", length.into());
    }
    client.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_passes_in_constant_memory() {
    let (_upstream, gateway, received) = receiving().await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        let (body, length) = with_file(LARGE, &["name|a"]);
        let work = async { assert_eq!(upload(&mut client, (body, length), false).await.status, 200) };
        assert!(process::growth_bytes(gateway.pid(), work).await < SLACK_BYTES);
        assert_eq!(received.lock().unwrap().pop(), Some(Some(length)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_after_a_large_file_leaves_the_upstream_with_half_a_request() {
    let (upstream, gateway, received) = receiving().await;
    let mut expected = 0;
    for is_announced in [true, false] {
        for (status, faults, form) in [
            (422, &["body /name maxLength"][..], with_file(4 << 20, &["name|123456789"])),
            (422, &["body /name required"], with_file(4 << 20, &[])),
            (400, &["body syntax"], {
                let (file, length) = with_file(4 << 20, &["name|a"]);
                (more(file), length + 4)
            }),
        ] {
            let mut client = Client::http1(gateway.address()).await;
            let answer = upload(&mut client, form, is_announced).await;
            assert_judged(&answer, status, faults, &format!("announced: {is_announced}"));
            expected += 1;
        }
    }
    wait::until("the upstream has seen the last", async || received.lock().unwrap().len() == expected).await;
    assert_eq!(*received.lock().unwrap(), vec![None; expected], "never a whole one");
    assert_eq!(upstream.requests(), expected as u64);
}

/// The same with four bytes more.
fn more(body: Body) -> Body {
    let more = stream::iter([Ok(Frame::data(Bytes::from_static(b"more")))]);
    StreamBody::new(futures_util::StreamExt::chain(http_body_util::BodyStream::new(body), more)).boxed()
}

#[tokio::test]
async fn fields_that_are_too_long_together_are_413() {
    let (_upstream, gateway, received) = receiving().await;
    let long = format!("tags|{}", "x".repeat((1 << 20) + 1));
    let mut client = Client::http1(gateway.address()).await;
    let answer = client.post("/parts", MEDIA, form(&["name|a", &long])).await;
    assert_eq!((answer.status, &answer.json()["code"]), (413, &"body-too-large".into()));
    wait::until("nothing is whole", async || received.lock().unwrap().iter().all(Option::is_none)).await;
}

#[tokio::test]
async fn a_form_that_stalls_is_408_before_and_after_it_began_to_pass() {
    let upstream = Upstream::answering(|request| async move {
        drain(request.into_body()).await;
        Response::new(full("received"))
    })
    .await;
    let gateway = Gateway::compiled(DESCRIPTION, &upstream).set("--request-timeout", "500ms").start().await;
    for (length, requests) in [(10, 0), (1 << 20, 1)] {
        let mut raw = Raw::connect(gateway.address()).await;
        raw.say(format!("POST /parts HTTP/1.1\r\nhost: a\r\ncontent-type: {MEDIA}\r\ncontent-length: 4000000\r\n\r\n"))
            .await;
        raw.say("--b\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\n").await;
        raw.say(vec![0; length]).await;
        let said = String::from_utf8(raw.rest().await).unwrap();
        assert_eq!((&statuses(&said)[..], upstream.requests()), (&[408][..], requests), "{said}");
    }
}
