//! Validate: whether the request is what its operation asks for.
//!
//! Parameters first, then the body, so that a refusal lists what is wrong with both. A body that must be judged is
//! read as a whole, under the limits that hold anyway, and what was judged is what goes on, byte for byte; a form with
//! files is looked at while it passes.

use std::rc::Rc;

use artifact_format::model::DefaultValues;
use bytes::Bytes;
use contract::OperationContract;
use contract::body::{Judge, Need, Plan, Presence, Unsupported};
use contract::parameter::Head;
use http::{HeaderValue, Request};
use http_body::Body;
use smallvec::SmallVec;

use super::{Exchange, Limited};
use crate::fault::Fault;
use crate::router::{Captures, RequestPath};
use crate::snapshot::{Endpoint, EndpointId};
use crate::upstream::RequestBody;
use crate::worker::View;

mod defaults;
mod form;
mod verdict;

use verdict::Verdict;

/// A request that is what its operation asks for.
#[derive(Debug)]
pub struct Validated {
    pub(super) request: Box<Request<RequestBody>>,
    pub(super) path: RequestPath,
    pub(super) captures: Captures,
    pub(super) view: Rc<View>,
    endpoint: EndpointId,
}

impl Validated {
    /// What was matched.
    pub fn endpoint(&self) -> &Endpoint {
        self.view.snapshot().endpoint(self.endpoint)
    }
}

/// Refuses what is not what the operation asks for.
///
/// # Errors
/// 400 for parameters, a body that is missing, cannot be read or is not what its media type says; 415 for a media
/// type that is not declared; 422, or 400 where that was chosen, for a body that its schema refuses.
pub async fn validate(exchange: &Exchange, limited: Limited) -> Result<Validated, Fault> {
    let Limited { mut request, path, captures, view, endpoint } = limited;
    let contract = &view.snapshot().endpoint(endpoint).contract;
    let mut verdict = Verdict::new(exchange.worker().settings().errors);
    judge_parameters(exchange, contract, (&request, &path, &captures), &mut verdict);
    match plan(contract, &request, &mut verdict)? {
        Plan::Opaque => {}
        Plan::Whole(_) | Plan::Multipart(_) if verdict.is_early(&request) => {}
        Plan::Whole(judge) => judge_body(exchange, judge, &mut request, &mut verdict).await?,
        Plan::Multipart(inspector) => {
            // The parts are looked at while they pass: parameters that are wrong cannot wait until then.
            verdict.check(&contract.validation)?;
            form::inspect(exchange, inspector, request.body_mut()).await?;
        }
    }
    verdict.check(&contract.validation)?;
    if contract.validation.defaults == DefaultValues::Inject {
        defaults::inject(exchange, contract, &mut request);
    }
    Ok(Validated { request, path, captures, view, endpoint })
}

/// The parts of a request that parameters stand in.
type Parts<'r> = (&'r Request<RequestBody>, &'r RequestPath, &'r Captures);

fn judge_parameters(
    exchange: &Exchange,
    contract: &OperationContract,
    (request, path, captures): Parts<'_>,
    verdict: &mut Verdict,
) {
    let raw = request.uri().path();
    let variables: SmallVec<[&str; 6]> = captures.iter().map(|capture| capture.text(raw, path)).collect();
    let head = Head { path: &variables, query: request.uri().query(), headers: request.headers() };
    let mut scratch = exchange.worker().scratch();
    contract.parameters.judge(&head, &mut scratch.parameters, &mut verdict.report);
    verdict.is_bad_request = !verdict.report.is_empty();
}

/// What is to be done with the body.
fn plan<'c>(
    contract: &'c OperationContract,
    request: &Request<RequestBody>,
    verdict: &mut Verdict,
) -> Result<Plan<'c>, Fault> {
    // Where the description says nothing about a body, any may be sent.
    let Some(expected) = &contract.body else { return Ok(Plan::Opaque) };
    let presence = Presence::of(request.headers(), request.body().size_hint().exact(), expected.need);
    match (presence, expected.need) {
        (Presence::Present, _) => {}
        (Presence::Absent, Need::Optional) => return Ok(Plan::Opaque),
        (Presence::Absent, Need::Required) => {
            verdict.bad_body("required", "a body is required");
            return Ok(Plan::Opaque);
        }
    }
    match expected.content.select(request.headers()) {
        Ok(plan) => Ok(plan),
        Err(unsupported) if verdict.report.is_empty() => Err(refusal(&unsupported, &expected.content.ranges())),
        Err(unsupported) => {
            verdict.bad_body("content", &unsupported.to_string());
            Ok(Plan::Opaque)
        }
    }
}

fn refusal(unsupported: &Unsupported, ranges: &str) -> Fault {
    match unsupported {
        Unsupported::Encoded => Fault::ContentCoding,
        why => Fault::MediaType {
            why: why.to_string(),
            accept: HeaderValue::try_from(ranges).unwrap_or(HeaderValue::from_static("*/*")),
        },
    }
}

/// Holds the body, and judges it.
async fn judge_body(
    exchange: &Exchange,
    judge: Judge<'_>,
    request: &mut Request<RequestBody>,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let limit = exchange.endpoint().map_or(0, |endpoint| endpoint.body_max_bytes);
    let waiting = exchange.connection().waits_for_body();
    let outcome = request.body_mut().hold(exchange.worker().settings().limits.request_timeout).await;
    drop(waiting);
    let content = outcome.map_err(|fault| Fault::of_body(fault, limit))?;
    judge_content(exchange, judge, &content, verdict);
    Ok(())
}

fn judge_content(exchange: &Exchange, judge: Judge<'_>, content: &Bytes, verdict: &mut Verdict) {
    let mut scratch = exchange.worker().scratch();
    if let Err(malformed) = judge.judge(content, &mut scratch.body, &mut verdict.report) {
        verdict.bad_body("syntax", &malformed.to_string());
    }
    if content.len() > LARGE_BYTES {
        scratch.body.shrink();
    }
}

/// Beyond this, what judging a body has grown is given back afterwards.
const LARGE_BYTES: usize = 1 << 20;
