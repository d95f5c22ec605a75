//! What is spoken, and who speaks.

use super::*;

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let running = start(&[]).await;
    assert_eq!(running.curl("/", &["--http1.1"]).await, Ok("HTTP/1.1 127.0.0.1".to_owned()));
    assert_eq!(running.curl("/", &["--http2-prior-knowledge"]).await, Ok("HTTP/2.0 127.0.0.1".to_owned()));
}

#[tokio::test]
async fn a_proxy_is_believed_if_it_is_trusted() {
    let header = ["--header", "X-Forwarded-For: 198.51.100.7"];
    let running = start(&[]).await;
    assert_eq!(running.curl("/", &header).await, Ok("HTTP/1.1 127.0.0.1".to_owned()));
    let running = start(&["--trusted-proxies", "127.0.0.0/8"]).await;
    assert_eq!(running.curl("/", &header).await, Ok("HTTP/1.1 198.51.100.7".to_owned()));
}

#[tokio::test]
async fn an_axum_router_is_served_at_every_address() {
    let options = parse(&["--listen", "127.0.0.1:0,127.0.0.1:0", "--connections-max", "1"]).unwrap();
    let server = Server::bind(&options).await.unwrap();
    let addresses = server.addresses().to_vec();
    let router: axum::Router = axum::Router::new().route("/{name}", axum::routing::get(|| async { "routed" }));
    let task = tokio::spawn(async move {
        server.serve(router, &watch::Sender::new(Phase::Serving), std::future::pending()).await;
    });
    for address in addresses {
        let text = reqwest::get(format!("http://{address}/x")).await.unwrap().text().await.unwrap();
        assert_eq!(text, "routed");
    }
    task.abort();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let running = start(&[]).await;
    let options = parse(&["--listen", &running.address.to_string()]).unwrap();
    let error = Server::bind(&options).await.unwrap_err();
    assert!(error.to_string().contains(&running.address.to_string()), "{error}");
}
