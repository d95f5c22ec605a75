//! What a client may not do for long, or too often.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Says something, leaves the connection open, and returns what comes until the server closes it.
async fn say(running: &Running, text: &str) -> String {
    let mut stream = running.connect().await;
    stream.write_all(text.as_bytes()).await.unwrap();
    rest(stream).await
}

async fn rest(mut stream: TcpStream) -> String {
    let mut received = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut received)).await.expect("the connection stays open");
    // A reset is an end as well.
    let _ = read;
    String::from_utf8_lossy(&received).into_owned()
}

#[tokio::test]
async fn a_head_takes_as_long_as_it_may() {
    let running = start(&["--header-read-timeout", "200ms", "--idle-timeout", "1h"]).await;
    assert_eq!(say(&running, "").await, "");
    assert_eq!(say(&running, "GET / HTTP/1.1\r\nHost:").await, "");
    assert_eq!(say(&running, "PRI * HTTP/2.0\r\n").await, "");
}

#[tokio::test]
async fn the_head_after_a_request_is_no_different() {
    let running = start(&["--header-read-timeout", "200ms", "--idle-timeout", "1h"]).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 16];
    stream.read_exact(&mut first).await.unwrap();
    // Silence between requests is measured by another limit.
    assert!(timeout(Duration::from_millis(1_500), stream.read_exact(&mut [0; 4096])).await.is_err());
    stream.write_all(b"GET / HT").await.unwrap();
    rest(stream).await;
}

/// What cannot be read is explained, also after what could be.
#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_with_a_problem() {
    let running = start(&[]).await;
    for requests in [0, 1, 2] {
        let mut stream = running.connect().await;
        for _ in 0..requests {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"127.0.0.1") {
                answer.push(stream.read_u8().await.unwrap());
            }
        }
        stream.write_all(b"what is this?\r\n\r\n").await.unwrap();
        let refusal = rest(stream).await;
        let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400"), "after {requests}: {refusal}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{refusal}"));
        let id = format!("\r\nx-request-id: {}\r\n", problem["request_id"].as_str().unwrap());
        assert!(head.contains(&id), "{refusal}");
    }
}

#[tokio::test]
async fn an_idle_connection_ends() {
    let running = start(&["--idle-timeout", "200ms"]).await;
    let response = say(&running, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let running = start(&["--idle-timeout", "200ms"]).await;
    let response = say(&running, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab").await;
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
}

#[tokio::test]
async fn a_response_that_is_not_read_is_not_waited_for() {
    let running = start(&["--idle-timeout", "200ms"]).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // Only the server can end this: nothing is read until it has.
    let mut running = running;
    running.stop();
    running.ended().await;
    assert!(rest(stream).await.len() < 64 << 20);
}

#[tokio::test]
async fn a_handler_takes_the_time_it_needs() {
    let running = start(&["--idle-timeout", "50ms", "--header-read-timeout", "50ms"]).await;
    let request = running.curl("/wait", &[]);
    let mut request = std::pin::pin!(request);
    assert!(timeout(Duration::from_millis(1_500), &mut request).await.is_err());
    running.desk.go_on.notify_one();
    assert_eq!(request.await, Ok("waited".to_owned()));
}

#[tokio::test]
async fn a_head_is_as_large_as_it_may_be() {
    let running = start(&["--header-max-bytes", "8192"]).await;
    let header = format!("X-Large: {}", "x".repeat(10_000));
    let status = ["--output", "/dev/null", "--write-out", "%{http_code}", "--header", &header];
    assert_eq!(running.curl("/", &status).await, Ok("431".to_owned()));
    assert_eq!(running.curl("/", &[&status[..], &["--http2-prior-knowledge"]].concat()).await, Ok("431".to_owned()));
}

#[tokio::test]
async fn who_finds_no_room_waits() {
    let running = start(&["--connections-max", "1", "--header-read-timeout", "1h"]).await;
    let first = running.connect().await;
    let second = running.curl("/", &[]);
    let mut second = std::pin::pin!(second);
    assert!(timeout(Duration::from_millis(300), &mut second).await.is_err());
    drop(first);
    assert_eq!(second.await, Ok("HTTP/1.1 127.0.0.1".to_owned()));
}
