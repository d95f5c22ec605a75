//! Examine: whether the upstream's response is what the description promises.
//!
//! Off unless asked for. `report` looks at a share of the responses while they pass and changes none; `enforce` holds
//! each until it is judged and answers 502 instead of what breaks the contract.

use artifact_format::model::ResponseValidation;
use bytes::Bytes;
use contract::body::{Plan, Unsupported};
use contract::{Part, Place, Report};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame};

use super::Exchange;
use crate::fault::Fault;
use crate::metrics::Examination;
use crate::upstream::{Answer, Holding, ReceivedBody};

/// An upstream's answer that may be passed on.
#[derive(Debug)]
pub struct Examined {
    pub(super) answer: Answer,
    /// Looks at the body while it passes.
    pub(super) witness: Option<Box<Witness>>,
}

/// Keeps what passes, to judge it at the end.
#[derive(Debug)]
pub(super) struct Witness {
    status: StatusCode,
    headers: HeaderMap,
    /// `None` once it is too much.
    holding: Option<Holding>,
}

/// Looks at an answer as its operation's policy says.
///
/// # Errors
/// 502 where the policy is to enforce the contract and the answer breaks it, or cannot be judged.
pub async fn examine(exchange: &Exchange, answer: Answer) -> Result<Examined, Fault> {
    let policy = exchange.endpoint().map(|endpoint| endpoint.contract.validation.responses);
    match policy {
        None | Some(ResponseValidation::Off) => Ok(Examined { answer, witness: None }),
        Some(ResponseValidation::Report { sample_ppm }) => {
            let is_sampled = exchange.worker().samples(sample_ppm);
            let witness = is_sampled.then(|| Box::new(Witness::of(exchange, &answer)));
            Ok(Examined { answer, witness })
        }
        Some(ResponseValidation::Enforce) => enforce(exchange, answer).await,
    }
}

async fn enforce(exchange: &Exchange, answer: Answer) -> Result<Examined, Fault> {
    let Answer { response, lease, sent } = answer;
    let (head, received) = response.into_parts();
    let received = if needs_body(exchange, (head.status, &head.headers)) {
        held(exchange, &head, received).await?
    } else {
        conclude(exchange, (head.status, &head.headers), Some(&Bytes::new()))?;
        received
    };
    let answer = Answer { response: http::Response::from_parts(head, received), lease, sent };
    Ok(Examined { answer, witness: None })
}

/// Whether the body has to be held to be judged.
fn needs_body(exchange: &Exchange, (status, headers): (StatusCode, &HeaderMap)) -> bool {
    let contract = exchange.endpoint().map(|endpoint| &endpoint.contract);
    let response = contract.and_then(|contract| contract.response(status));
    let plan = response.map(|response| response.content.select(headers));
    has_body(exchange, status) && matches!(plan, Some(Ok(Plan::Whole(_) | Plan::Multipart(_))))
}

async fn held(exchange: &Exchange, head: &Parts, received: ReceivedBody) -> Result<ReceivedBody, Fault> {
    let limits = &exchange.worker().settings().limits;
    let waiting = exchange.connection().waits_for_body();
    let outcome = received.hold(limits.body_max_bytes, limits.request_timeout).await;
    drop(waiting);
    match outcome {
        Ok((received, content)) => {
            conclude(exchange, (head.status, &head.headers), Some(&content))?;
            Ok(received)
        }
        Err(error) => {
            tracing::warn!(request_id = request_id(exchange), %error, "a response could not be held to be judged");
            conclude(exchange, (head.status, &head.headers), None)?;
            Err(Fault::UpstreamContract)
        }
    }
}

impl Witness {
    fn of(exchange: &Exchange, answer: &Answer) -> Self {
        let response = &answer.response;
        let (status, headers) = (response.status(), response.headers().clone());
        let is_short = response.body().size_hint().lower() <= exchange.worker().settings().limits.body_max_bytes;
        let is_kept = is_short && needs_body(exchange, (status, &headers));
        Self { status, headers, holding: is_kept.then(Holding::default) }
    }

    /// A piece passes.
    pub(super) fn sees(&mut self, exchange: &Exchange, frame: &Frame<Bytes>) {
        let (Some(holding), Some(data)) = (&mut self.holding, frame.data_ref()) else { return };
        holding.add(Frame::data(data.clone()), 0);
        if holding.length() as u64 > exchange.worker().settings().limits.body_max_bytes {
            self.holding = None;
        }
    }

    /// All of it has passed.
    pub(super) fn concludes(self, exchange: &Exchange) {
        let content = self.holding.map(|holding| holding.finish().1);
        // It has gone already: what is wrong is counted and logged.
        let _verdict = conclude(exchange, (self.status, &self.headers), content.as_ref());
    }
}

/// Judges, counts and logs. No content: there was too much of it.
fn conclude(
    exchange: &Exchange,
    (status, headers): (StatusCode, &HeaderMap),
    content: Option<&Bytes>,
) -> Result<(), Fault> {
    let Some(endpoint) = exchange.endpoint() else { return Ok(()) };
    let mut report = Report::new(exchange.worker().settings().errors);
    let is_judged = judge(exchange, (status, headers), content, &mut report);
    let examination = match (report.is_empty(), is_judged) {
        (false, _) => Examination::Broken,
        (true, true) => Examination::Kept,
        (true, false) => Examination::Unjudged,
    };
    endpoint.metrics.examined(examination);
    if report.is_empty() {
        return Ok(());
    }
    let operation = &exchange.view().snapshot().operations()[endpoint.operation].id;
    let violations = serde_json::to_string(report.violations()).unwrap_or_default();
    let (request_id, status) = (request_id(exchange), status.as_u16());
    tracing::warn!(request_id, operation, status, violations, "the upstream broke its contract");
    Err(Fault::UpstreamContract)
}

/// Whether everything could be judged.
fn judge(
    exchange: &Exchange,
    (status, headers): (StatusCode, &HeaderMap),
    content: Option<&Bytes>,
    report: &mut Report,
) -> bool {
    let contract = exchange.endpoint().map(|endpoint| &endpoint.contract);
    let Some(response) = contract.and_then(|contract| contract.response(status)) else { return false };
    let mut scratch = exchange.worker().scratch();
    response.judge_headers(headers, &mut scratch.parameters, report);
    if !has_body(exchange, status) {
        return true;
    }
    match (response.content.select(headers), content) {
        (Ok(Plan::Opaque), _) | (Ok(_), None) => false,
        (Ok(plan), Some(content)) => {
            if let Err(malformed) = plan.judge(content, &mut scratch.body, report) {
                report.say(Place::whole(Part::Body), "syntax", &malformed.to_string());
            }
            true
        }
        // The client may have asked for a coding; where responses are enforced it was not allowed to.
        (Err(Unsupported::Encoded), _) if contract.is_some_and(|contract| !contract.is_enforced()) => false,
        (Err(unsupported), _) => {
            report.say(Place::whole(Part::Body), "content", &unsupported.to_string());
            true
        }
    }
}

/// RFC 9110 sections 9.3.2, 15.3.5, 15.4.5; a part of a content (15.3.7) is not judged either.
fn has_body(exchange: &Exchange, status: StatusCode) -> bool {
    !exchange.is_head()
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT)
}

fn request_id(exchange: &Exchange) -> &str {
    exchange.request_id().to_str().unwrap_or_default()
}
