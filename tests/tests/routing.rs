//! Which request reaches which operation, through the real gateway.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use tests::{Api, Client, Endpoint, Gateway, Upstream, raw};

/// An API whose operations, `METHOD /path`, each ask the upstream for a path that names it: `/0`, `/1` and so on.
async fn numbered(upstream: &Upstream, operations: &[&str]) -> Gateway {
    let api = operations.iter().enumerate().fold(Api::at(upstream), |api, (number, operation)| {
        let (method, path) = operation.split_once(' ').unwrap();
        api.with(Endpoint::new(method, path).rewritten_to(&format!("/{number}")))
    });
    Gateway::serving(&api).start().await
}

/// Sends the request and asserts the answer: the number of the operation that was reached, or a refusal's status.
async fn check(gateway: &Gateway, request: &str, expected: Result<usize, u16>) {
    let answer =
        raw::exchange(gateway.address(), format!("{request} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
    let answer = answer.await;
    let status = raw::statuses(&answer).first().copied();
    let target = answer.lines().find_map(|line| line.strip_prefix("x-echo-target: /"));
    let reached = match (status, target) {
        (Some(200), Some(number)) => Ok(number.split('?').next().unwrap().parse().unwrap()),
        (Some(status), None) => Err(status),
        _ => panic!("{request}: {answer}"),
    };
    assert_eq!(reached, expected, "{request}");
}

#[tokio::test]
async fn static_segments_beat_variables_and_matching_backtracks() {
    let upstream = Upstream::echo().await;
    let operations =
        ["GET /a/b/c", "GET /{x}/b", "GET /pets/{id}", "GET /pets/mine", "GET /pets/{id}/toys", "GET /{x}/mine/{y}"];
    let gateway = numbered(&upstream, &operations).await;
    check(&gateway, "GET /a/b/c", Ok(0)).await;
    check(&gateway, "GET /a/b", Ok(1)).await;
    check(&gateway, "GET /pets/7", Ok(2)).await;
    check(&gateway, "GET /pets/mine", Ok(3)).await;
    check(&gateway, "GET /pets/mine/toys", Ok(4)).await;
    check(&gateway, "GET /pets/mine/other", Ok(5)).await;
    check(&gateway, "GET /nothing", Err(404)).await;
}

#[tokio::test]
async fn a_method_that_the_nearest_path_lacks_is_looked_for_on_the_others() {
    let upstream = Upstream::echo().await;
    let gateway = numbered(&upstream, &["GET /pets/mine", "DELETE /pets/{id}", "PUT /{kind}/mine"]).await;
    check(&gateway, "DELETE /pets/mine", Ok(1)).await;
    check(&gateway, "PUT /pets/mine", Ok(2)).await;
    check(&gateway, "POST /pets/mine", Err(405)).await;
    let mut client = Client::http1(gateway.address()).await;
    let refused = client.send_body("POST", "/pets/mine", "").await;
    let mut allowed: Vec<&str> = refused.header("allow").split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "OPTIONS", "PUT"]);
}

#[tokio::test]
async fn segments_are_split_before_they_are_decoded() {
    let upstream = Upstream::echo().await;
    let gateway = numbered(&upstream, &["GET /u/me", "GET /u/{name}", "GET /u/{name}/x", "GET /plus/a+b"]).await;
    check(&gateway, "GET /u/m%65", Ok(0)).await;
    check(&gateway, "GET /u/a%2Fx", Ok(1)).await;
    check(&gateway, "GET /u/a/x", Ok(2)).await;
    check(&gateway, "GET /plus/a+b", Ok(3)).await;
    check(&gateway, "GET /plus/a%2Bb", Ok(3)).await;
    check(&gateway, "GET /plus/a%20b", Err(404)).await;
}

#[tokio::test]
async fn paths_that_cannot_be_meant_are_400() {
    let upstream = Upstream::echo().await;
    let gateway = numbered(&upstream, &["GET /{a}", "GET /{a}/{b}", "GET /{a}/{b}/{c}"]).await;
    for path in ["/a/../b", "/a/./b", "/..", "/a/%2e%2E", "/a/.%2e/b", "/%", "/%4", "/%zz", "/a%00", "/%ff", "/%c0%af"]
    {
        check(&gateway, &format!("GET {path}"), Err(400)).await;
    }
    assert_eq!(upstream.requests(), 0);
}

#[tokio::test]
async fn slashes_are_never_merged_and_a_trailing_one_counts() {
    let upstream = Upstream::echo().await;
    let gateway = numbered(&upstream, &["GET /a/b", "GET /a/b/", "GET /"]).await;
    check(&gateway, "GET /a/b", Ok(0)).await;
    check(&gateway, "GET /a/b/", Ok(1)).await;
    check(&gateway, "GET /", Ok(2)).await;
    check(&gateway, "GET /a//b", Err(404)).await;
    check(&gateway, "GET //a/b", Err(404)).await;
    check(&gateway, "GET /a/b//", Err(404)).await;
}

#[tokio::test]
async fn several_variables_stand_in_one_segment() {
    let upstream = Upstream::echo().await;
    let operations = ["GET /compare/{base}...{head}", "GET /files/{name}.{ext}", "GET /files/{name}", "GET /v{n}:run"];
    let gateway = numbered(&upstream, &operations).await;
    check(&gateway, "GET /compare/main...topic", Ok(0)).await;
    check(&gateway, "GET /compare/main..topic", Err(404)).await;
    check(&gateway, "GET /files/a.tar.gz", Ok(1)).await;
    check(&gateway, "GET /files/readme", Ok(2)).await;
    check(&gateway, "GET /v1:run", Ok(3)).await;
}

#[tokio::test]
async fn head_follows_get_and_options_is_answered() {
    let upstream = Upstream::echo().await;
    let gateway = numbered(&upstream, &["GET /pets", "POST /pets", "OPTIONS /own", "HEAD /own", "GET /own"]).await;
    check(&gateway, "HEAD /pets", Ok(0)).await;
    check(&gateway, "OPTIONS /own", Ok(2)).await;
    check(&gateway, "HEAD /own", Ok(3)).await;
    check(&gateway, "HEAD /nothing", Err(404)).await;
    let before = upstream.requests();
    let mut client = Client::http1(gateway.address()).await;
    let options = client.send_body("OPTIONS", "/pets", "").await;
    assert_eq!((options.status, options.header("allow")), (204, "GET, HEAD, OPTIONS, POST"));
    assert_eq!(upstream.requests(), before);
}

#[tokio::test]
async fn base_paths_are_served_and_kept_or_stripped_upstream() {
    let upstream = Upstream::echo().await;
    let api = Api::at(&upstream)
        .upstream_base("/behind")
        .with(Endpoint::new("GET", "/kept/{id}").under(&["/v1", "/v2"]))
        .with(Endpoint::new("GET", "/stripped/{id}").under(&["/v1", "/"]).without_base())
        .with(Endpoint::new("GET", "/moved/{id}").under(&["/v1"]).rewritten_to("/elsewhere/{id}/x"));
    let gateway = Gateway::serving(&api).start().await;
    for (asked, seen) in [
        ("/v1/kept/7?q=1", "/behind/v1/kept/7?q=1"),
        ("/v2/kept/a%2Fb", "/behind/v2/kept/a%2Fb"),
        ("/v1/stripped/7?q=%20&q", "/behind/stripped/7?q=%20&q"),
        ("/stripped/7", "/behind/stripped/7"),
        ("/v1/moved/a%2Fb?c", "/behind/elsewhere/a%2Fb/x?c"),
    ] {
        let answer = gateway.get(asked).await;
        assert_eq!((answer.status, answer.header("x-echo-target")), (200, seen), "{asked}");
    }
    assert_eq!(gateway.get("/kept/7").await.status, 404);
    assert_eq!(gateway.get("/v3/kept/7").await.status, 404);
}

#[tokio::test]
async fn methods_of_openapi_32_and_any_other_token_are_routed() {
    let upstream = Upstream::echo().await;
    let gateway = numbered(&upstream, &["QUERY /pets", "LINK /pets", "TRACE /pets", "PATCH /pets"]).await;
    for (number, method) in ["QUERY", "LINK", "TRACE", "PATCH"].into_iter().enumerate() {
        check(&gateway, &format!("{method} /pets"), Ok(number)).await;
    }
    check(&gateway, "link /pets", Err(405)).await;
    check(&gateway, "GET /pets", Err(405)).await;
}

#[tokio::test]
async fn an_operation_is_only_on_its_listeners() {
    let upstream = Upstream::echo().await;
    let api = Api::at(&upstream)
        .with(Endpoint::new("GET", "/public").on_listeners(&["public"]))
        .with(Endpoint::new("GET", "/both").on_listeners(&["public", "internal"]))
        .with(Endpoint::new("GET", "/internal").on_listeners(&["internal"]));
    let setup = Gateway::serving(&api).set("--listen", "public=127.0.0.1:0").set("--listen", "internal=127.0.0.1:0");
    let gateway = setup.start().await;
    for (listener, path, status) in [
        ("public", "/public", 200),
        ("public", "/both", 200),
        ("public", "/internal", 404),
        ("internal", "/public", 404),
        ("internal", "/both", 200),
        ("internal", "/internal", 200),
    ] {
        let answer = Client::http1(gateway.listener(listener)).await.get(path).await;
        assert_eq!(answer.status, status, "{path} on {listener}");
    }
}

#[tokio::test]
async fn a_refusal_explains_itself() {
    let upstream = Upstream::echo().await;
    let gateway = numbered(&upstream, &["GET /pets"]).await;
    for (path, status) in [("/nothing", 404), ("/%zz", 400)] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"));
        assert_eq!(answer.json()["status"], status);
        assert!(answer.json()["title"].is_string() && answer.json()["type"].is_string());
    }
}
