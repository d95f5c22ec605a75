//! The socket to the control plane (RFC 6455), over whatever connection HTTP made.

use std::pin::pin;
use std::time::Duration;

use fleet::agent::{Ended, Event};
use fleet::message::{self, FromControlPlane, Goodbye, Heard};
use fleet::{MESSAGE_MAX_BYTES, PATH, SUBPROTOCOL};
use futures_util::{SinkExt, StreamExt};
use reqwest::header::{
    CONNECTION, HeaderMap, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use reqwest::{StatusCode, Upgraded};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::{Client, answer};
use crate::connected::Signal;

/// What waits to be sent at most. Phases of one deployment are fewer.
const OUTBOX: usize = 32;
/// How long the other side may take to take a message.
const SEND_MAX: Duration = Duration::from_secs(10);
/// How long it may take to say goodbye.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// A socket, or the attempt to open one. Closed when it is dropped.
#[derive(Debug)]
pub(in crate::connected) struct Link {
    outbox: mpsc::Sender<String>,
    task: JoinHandle<()>,
}

impl Link {
    /// Opens a socket; everything that happens to it is said with this number.
    pub(in crate::connected) fn open(client: Client, number: u64, signals: mpsc::Sender<Signal>) -> Self {
        let (outbox, sent) = mpsc::channel(OUTBOX);
        let task = tokio::spawn(async move {
            let reporter = Reporter { number, signals };
            if let Some(ended) = run(&client, sent, &reporter).await {
                reporter.says(Event::Disconnected(ended)).await;
            }
        });
        Self { outbox, task }
    }

    /// Sends a frame. False where the other side takes none.
    pub(in crate::connected) fn send(&self, frame: String) -> Result<(), mpsc::error::TrySendError<String>> {
        self.outbox.try_send(frame)
    }

    /// Closes it, and waits for a moment until the other side has done so.
    pub(in crate::connected) async fn close(self) {
        drop(self.outbox);
        if timeout(CLOSE_MAX * 2, self.task).await.is_err() {
            tracing::debug!("the control plane does not close the connection");
        }
    }
}

/// Says what happens to a socket.
struct Reporter {
    number: u64,
    signals: mpsc::Sender<Signal>,
}

impl Reporter {
    async fn says(&self, event: Event) {
        // Nobody listens any more where the process ends.
        drop(self.signals.send(Signal::Socket(self.number, event)).await);
    }
}

/// Says why it ended; nothing where that was asked for.
async fn run(client: &Client, mut outbox: mpsc::Receiver<String>, reporter: &Reporter) -> Option<Ended> {
    let mut dialing = pin!(client.dial());
    let dialed = tokio::select! {
        dialed = &mut dialing => dialed,
        _ = outbox.recv() => return None,
    };
    let mut socket = match dialed {
        Ok(socket) => socket,
        Err(ended) => return Some(ended),
    };
    reporter.says(Event::Connected).await;
    loop {
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(frame)) => match heard(frame) {
                    Some(event) => reporter.says(event).await,
                    None => break,
                },
                Some(Err(error)) => {
                    tracing::debug!(%error, "the connection to the control plane broke");
                    break;
                }
                None => break,
            },
            frame = outbox.recv() => {
                let Some(frame) = frame else {
                    let _late = timeout(CLOSE_MAX, socket.close(None)).await;
                    return None;
                };
                match timeout(SEND_MAX, socket.send(Message::text(frame))).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => break,
                }
            }
        }
    }
    let _late = timeout(CLOSE_MAX, socket.close(None)).await;
    Some(Ended::Unavailable { retry_after: None })
}

/// What a frame means; none where the conversation is over.
fn heard(frame: Message) -> Option<Event> {
    match frame {
        Message::Text(text) => match message::read::<FromControlPlane>(text.as_str()) {
            Ok(Heard::Message(message)) => {
                if let FromControlPlane::Goodbye(Goodbye { reason, detail }) = &message {
                    tracing::warn!(?reason, detail, "the control plane ends the connection");
                }
                Some(Event::Received(Box::new(message)))
            }
            Ok(Heard::Unknown { kind }) => {
                tracing::debug!(kind, "the control plane says what this gateway does not know");
                Some(Event::Heard)
            }
            Err(error) => {
                tracing::warn!(%error, "the control plane does not keep to the protocol");
                None
            }
        },
        Message::Ping(_) | Message::Pong(_) => Some(Event::Heard),
        Message::Binary(_) => {
            tracing::warn!("the control plane does not keep to the protocol: it sent a binary frame");
            None
        }
        Message::Close(_) | Message::Frame(_) => None,
    }
}

impl Client {
    async fn dial(&self) -> Result<WebSocketStream<Upgraded>, Ended> {
        let key = generate_key();
        let mut url = self.at(PATH.trim_start_matches('/'));
        url.query_pairs_mut().append_pair("project", &self.project);
        let authorization = self.authorization().map_err(|error| unwanted("api_key", error.to_string()))?;
        let request = self.http.client().get(url).header(reqwest::header::AUTHORIZATION, authorization);
        let request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
        let request = request.header(SEC_WEBSOCKET_VERSION, "13").header(SEC_WEBSOCKET_KEY, &key);
        let response = request.header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL).send().await;
        let response = response.map_err(|error| {
            tracing::info!(error = answer::explain(&error), "the control plane cannot be reached");
            Ended::Unavailable { retry_after: None }
        })?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(refused(response).await);
        }
        if !is_agreed(response.headers(), &key) {
            return Err(unwanted("protocol", "the server does not speak this protocol".to_owned()));
        }
        let socket = response.upgrade().await.map_err(|error| {
            tracing::info!(error = answer::explain(&error), "the control plane did not open a socket");
            Ended::Unavailable { retry_after: None }
        })?;
        let config = WebSocketConfig::default()
            .read_buffer_size(4 << 10)
            .write_buffer_size(0)
            .max_write_buffer_size(4 * MESSAGE_MAX_BYTES)
            .max_message_size(Some(MESSAGE_MAX_BYTES))
            .max_frame_size(Some(MESSAGE_MAX_BYTES));
        Ok(WebSocketStream::from_raw_socket(socket, Role::Client, Some(config)).await)
    }
}

/// RFC 6455 section 4.1: what the answer to the handshake must say.
fn is_agreed(headers: &HeaderMap, key: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text(UPGRADE).eq_ignore_ascii_case("websocket")
        && text(SEC_WEBSOCKET_ACCEPT) == derive_accept_key(key.as_bytes())
        && text(SEC_WEBSOCKET_PROTOCOL) == SUBPROTOCOL
}

async fn refused(response: reqwest::Response) -> Ended {
    let (status, retry_after) = (response.status(), answer::retry_after(response.headers()));
    let body = answer::bounded(response, 64 << 10).await.unwrap_or_default();
    let problem = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or_default();
    let detail = format!("the control plane answered {status} {detail}").trim_end().to_owned();
    match status {
        StatusCode::UNAUTHORIZED => unwanted("unauthorized", detail),
        StatusCode::FORBIDDEN => unwanted("forbidden", detail),
        StatusCode::NOT_FOUND => unwanted("unknown_project", detail),
        StatusCode::UPGRADE_REQUIRED | StatusCode::SWITCHING_PROTOCOLS => unwanted("protocol", detail),
        _ => {
            tracing::info!(detail, ?retry_after, "the control plane has no time");
            Ended::Unavailable { retry_after }
        }
    }
}

fn unwanted(code: &'static str, detail: String) -> Ended {
    tracing::warn!(code, detail, "the control plane does not let this gateway in");
    Ended::Unwanted { code, detail }
}
