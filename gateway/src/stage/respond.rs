//! Respond: from the upstream's response, or a fault, to the response that goes to the client.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};

use super::examine::Witness;
use super::rewrite::{REQUEST_ID, append_via, strip_hop_by_hop};
use super::{Examined, Exchange};
use crate::fault::Fault;
use crate::upstream::{Answer, BodyProgress, Lease, ReceivedBody};

/// What there is to answer with.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are the large one, and a box is an allocation for each")]
pub enum Reply {
    /// An upstream's answer.
    Upstream(Examined),
    /// What `Allow` says, to OPTIONS.
    Options(HeaderValue),
}

/// Makes the response to a request that was let through.
pub fn respond(mut exchange: Exchange, reply: Reply) -> Response<ResponseBody> {
    match reply {
        Reply::Upstream(Examined { answer: Answer { response, lease, sent }, witness }) => {
            let (mut head, received) = response.into_parts();
            strip_hop_by_hop(&mut head.headers);
            append_via(&mut head.headers, head.version);
            head.version = exchange.version();
            exchange.is_answered(head.status);
            finish_headers(&exchange, &mut head.headers);
            let mut streamed = Streamed { received, lease: Some(lease), sent, exchange, witness };
            if streamed.received.is_end_stream() {
                streamed.end();
            }
            Response::from_parts(head, ResponseBody::Streamed(Box::new(streamed)))
        }
        Reply::Options(allow) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert(ALLOW, allow);
            fixed(exchange, response)
        }
    }
}

/// Makes the response to a request that was refused or failed.
pub fn refuse(exchange: Exchange, fault: &Fault) -> Response<ResponseBody> {
    let response = fault.response(exchange.request_id());
    fixed(exchange, response)
}

fn fixed(mut exchange: Exchange, mut response: Response<Bytes>) -> Response<ResponseBody> {
    exchange.is_answered(response.status());
    finish_headers(&exchange, response.headers_mut());
    if exchange.version() == Version::HTTP_2 {
        response.headers_mut().remove(CONNECTION);
    }
    response.map(|body| ResponseBody::Fixed(Some(body).filter(|body| !body.is_empty())))
}

fn finish_headers(exchange: &Exchange, headers: &mut HeaderMap) {
    headers.insert(&REQUEST_ID, exchange.request_id().clone());
    if exchange.worker().is_draining() && exchange.version() <= Version::HTTP_11 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// The body of a response.
#[derive(Debug)]
pub enum ResponseBody {
    /// Passed on from the upstream as it comes.
    Streamed(Box<Streamed>),
    /// Our own; `None` once it was handed over.
    Fixed(Option<Bytes>),
}

/// An upstream's body, and what to do when it ends.
#[derive(Debug)]
pub struct Streamed {
    received: ReceivedBody,
    lease: Option<Lease>,
    sent: Rc<BodyProgress>,
    exchange: Exchange,
    witness: Option<Box<Witness>>,
}

impl Streamed {
    /// Gives the connection back if the request has ended too, and has the response judged, once it has ended.
    fn end(&mut self) {
        if self.sent.is_finished()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back(self.exchange.worker().now());
        }
        if let Some(witness) = self.witness.take() {
            witness.concludes(&self.exchange);
        }
    }

    /// A piece passes. That it is the last one, a body of unknown length says by trailers, or by having no more; nobody
    /// asks for more after trailers.
    fn pass(&mut self, frame: Option<&Frame<Bytes>>) {
        if let (Some(witness), Some(frame)) = (&mut self.witness, frame) {
            witness.sees(&self.exchange, frame);
        }
        if frame.is_none_or(Frame::is_trailers) || self.received.is_end_stream() {
            self.end();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Fixed(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Streamed(streamed) => {
                let frame = ready!(Pin::new(&mut streamed.received).poll_frame(cx));
                streamed.exchange.connection().is_alive();
                match &frame {
                    Some(Ok(frame)) => streamed.pass(Some(frame)),
                    None => streamed.pass(None),
                    // It broke off: there is nothing to judge, and no connection to keep.
                    Some(Err(_)) => {}
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Fixed(body) => body.is_none(),
            Self::Streamed(streamed) => streamed.received.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Fixed(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Streamed(streamed) => streamed.received.size_hint(),
        }
    }
}
