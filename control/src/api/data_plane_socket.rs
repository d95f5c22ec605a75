//! `/ws/data-plane`: where data planes connect. What is said is in `fleet`; here are the socket and its deadlines.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, RawQuery, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use fleet::message::{FromDataPlane, Heard, Reason, read};
use fleet::{MESSAGE_MAX_BYTES, SUBPROTOCOL};
use tokio::time::{timeout, timeout_at};

use super::Api;
use super::guard::identify;
use super::problem::{Code, Problem};
use crate::domain::access::{Identity, Principal, Scope};
use crate::domain::act::{Act, Actor};
use crate::domain::error::{Error, Noun};
use crate::domain::id::ProjectId;
use crate::domain::secret::Secret;
use crate::fleet::{Guest, HELLO, SENDING, Session, Shown, Step, Turned, goodbye};
use crate::server::ClientAddress;
use crate::telemetry::RequestId;

/// How much is read from a connection at a time, and held for it: most messages are shorter.
const READ_BYTES: usize = 2 << 10;
/// How much may wait to be sent: one message and what goes with it, since nothing is said before the last has left.
const WRITE_BYTES_MAX: usize = 2 * MESSAGE_MAX_BYTES;

/// How long a peer may take to answer a close.
const CLOSING: Duration = Duration::from_secs(2);

pub(super) fn router() -> Router<Api> {
    Router::new().route(fleet::PATH, get(connect))
}

/// Refuses, or promises a conversation. The order is that of cost: what is cheap to refuse is refused first.
async fn connect(State(api): State<Api>, RawQuery(query): RawQuery, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let (principal, secret) = match identify(&api, &parts).await {
        Ok(identified) => identified,
        Err(problem) => return problem.into_response(),
    };
    let mut response = match let_in(&api, &mut parts, (&principal, secret), query.as_deref()).await {
        Ok((guest, upgrade)) => upgrade.on_upgrade(move |socket| converse(socket, guest)),
        Err(problem) => problem.into_response(),
    };
    // For the layer that writes down what is refused.
    response.extensions_mut().insert(principal);
    response
}

async fn let_in(
    api: &Api,
    parts: &mut http::request::Parts,
    (principal, secret): (&Principal, Secret),
    query: Option<&str>,
) -> Result<(Guest, WebSocketUpgrade), Problem> {
    principal.require(Scope::DataPlanesConnect)?;
    let project = project_of(query)?;
    let (Identity::ApiKey { project: own, .. }, Some(team)) = (principal.identity, principal.reach.team()) else {
        return Err(Error::MissingScope(Scope::DataPlanesConnect).into());
    };
    if own != project {
        return Err(Error::NotFound(Noun::Project).into());
    }
    let upgrade =
        WebSocketUpgrade::from_request_parts(parts, api).await.map_err(|rejection| not_a_socket(&rejection))?;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BYTES_MAX)
        .max_message_size(MESSAGE_MAX_BYTES)
        .max_frame_size(MESSAGE_MAX_BYTES);
    if upgrade.selected_protocol().is_none() {
        return Err(other_protocol());
    }
    let act = Act {
        actor: Actor::from(principal),
        request: parts.extensions.get::<RequestId>().map(|id| id.as_str().to_owned()),
        address: parts.extensions.get::<ClientAddress>().map(|address| address.0),
    };
    let shown = Shown { project, team, secret: secret.hash().0, act };
    Ok((api.hub.admit(shown).await.map_err(turned_away)?, upgrade))
}

fn project_of(query: Option<&str>) -> Result<ProjectId, Problem> {
    let given = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("project="));
    let project = given.and_then(|text| text.parse().ok());
    project.ok_or_else(|| {
        Problem::new(Code::InvalidParameter).detail("say which project is served: `/ws/data-plane?project=UUID`")
    })
}

fn not_a_socket(rejection: &WebSocketUpgradeRejection) -> Problem {
    Problem::new(Code::UpgradeRequired).detail(format!("connect with a WebSocket: {}", rejection.body_text()))
}

fn other_protocol() -> Problem {
    Problem::new(Code::UpgradeRequired).detail(format!("offer the subprotocol `{SUBPROTOCOL}`"))
}

fn turned_away(turned: Turned) -> Problem {
    match turned {
        Turned::Later(bound, time) => {
            Problem::new(Code::Busy).detail(format!("{bound}: come back later")).retry_after(time.as_secs().max(1))
        }
        Turned::Ending(time) => {
            let detail = "this control plane ends: connect to another one";
            Problem::new(Code::Unavailable).detail(detail).retry_after(time.as_secs().max(1))
        }
        Turned::Failed(error) => error.into(),
    }
}

/// One conversation, from its first frame to its last. However it ends, the data plane is not connected any more.
async fn converse(mut socket: WebSocket, guest: Guest) {
    let Some(hello) = first(&mut socket).await else { return part(socket, None).await };
    let registered = match hello {
        Ok(hello) => guest.register(hello).await,
        Err(farewell) => Err(farewell),
    };
    match registered {
        Ok(mut session) => {
            let farewell = match say(&mut socket, session.welcome()).await {
                Said::Yes => go_on(&mut socket, &mut session).await,
                Said::No => None,
            };
            // Before the close is waited for: whoever looks sees who is there.
            drop(session);
            part(socket, farewell).await;
        }
        Err(farewell) => part(socket, Some(farewell)).await,
    }
}

/// Who it is, or what to part with; nothing from whom nothing came in time, however slowly it comes.
async fn first(socket: &mut WebSocket) -> Option<Result<fleet::message::Hello, Bytes>> {
    let deadline = tokio::time::Instant::now() + HELLO;
    loop {
        let protocol = |detail: &str| Some(Err(goodbye(Reason::Protocol, detail)));
        let Ok(received) = timeout_at(deadline, socket.recv()).await else {
            return Some(Err(goodbye(Reason::Silent, "no `hello` came in time")));
        };
        match received?.ok()? {
            Message::Text(text) => {
                return match read(text.as_str()) {
                    Ok(Heard::Message(FromDataPlane::Hello(hello))) => Some(Ok(hello)),
                    Ok(_) => protocol("the first message is `hello`"),
                    Err(error) => protocol(&error.to_string()),
                };
            }
            Message::Binary(_) => return protocol("messages are text"),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => return None,
        }
    }
}

/// What to part with, if anything.
async fn go_on(socket: &mut WebSocket, session: &mut Session) -> Option<Bytes> {
    loop {
        let said = tokio::select! {
            step = session.next() => match step {
                Step::Say(frame) => say(socket, frame).await,
                Step::Ping => send(socket, Message::Ping(Bytes::new())).await,
                Step::Leave(farewell) => return Some(farewell),
            },
            received = socket.recv() => {
                let received = received?.ok()?;
                if let Err(farewell) = session.is_alive() {
                    return Some(farewell);
                }
                match received {
                    Message::Text(text) => match session.hear(text.as_str()) {
                        Ok(Some(answer)) => say(socket, answer).await,
                        Ok(None) => Said::Yes,
                        Err(farewell) => return Some(farewell),
                    },
                    Message::Binary(_) => return Some(goodbye(Reason::Protocol, "messages are text")),
                    // The answer to a ping is on its way.
                    Message::Ping(_) | Message::Pong(_) => Said::Yes,
                    Message::Close(_) => return None,
                }
            }
        };
        if said == Said::No {
            return None;
        }
    }
}

/// Whether a frame left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Yes,
    No,
}

async fn say(socket: &mut WebSocket, frame: Bytes) -> Said {
    match Utf8Bytes::try_from(frame) {
        Ok(text) => send(socket, Message::Text(text)).await,
        Err(_) => Said::No,
    }
}

/// Waits until it has left: a peer that reads nothing does not make us hold what is said to it.
async fn send(socket: &mut WebSocket, message: Message) -> Said {
    match timeout(SENDING, socket.send(message)).await {
        Ok(Ok(())) => Said::Yes,
        Ok(Err(_)) | Err(_) => Said::No,
    }
}

/// Says why, and closes; whoever does not answer is not waited for.
async fn part(mut socket: WebSocket, farewell: Option<Bytes>) {
    let Some(farewell) = farewell else { return };
    if say(&mut socket, farewell).await == Said::Yes && send(&mut socket, Message::Close(None)).await == Said::Yes {
        let closed = async { while let Some(Ok(_)) = socket.recv().await {} };
        let _closed_or_not = timeout(CLOSING, closed).await;
    }
}
