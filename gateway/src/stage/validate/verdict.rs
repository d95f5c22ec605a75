//! What is wrong with a request, and the status that it comes to.

use artifact_format::model::{InvalidStatus, Validation};
use contract::{Detail, Part, Place, Report};
use http::header::EXPECT;
use http::{Request, StatusCode};

use crate::fault::Fault;
use crate::upstream::RequestBody;

/// What is wrong so far.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) report: Report,
    /// Whether it is more than a body which its schema refuses.
    pub(super) is_bad_request: bool,
}

impl Verdict {
    /// Nothing is.
    pub(super) fn new(detail: Detail) -> Self {
        Self { report: Report::new(detail), is_bad_request: false }
    }

    /// Something is wrong with the body before it comes to its schema.
    pub(super) fn bad_body(&mut self, keyword: &str, message: &str) {
        self.is_bad_request = true;
        self.report.say(Place::whole(Part::Body), keyword, message);
    }

    /// Whether to refuse the request before its body comes: the client waits to be asked for it (RFC 9110 section
    /// 10.1.1).
    pub(super) fn is_early(&self, request: &Request<RequestBody>) -> bool {
        self.is_bad_request && request.headers().contains_key(EXPECT)
    }

    /// The refusal, if anything is wrong. Leaves nothing wrong behind.
    pub(super) fn check(&mut self, validation: &Validation) -> Result<(), Fault> {
        if self.report.is_empty() {
            return Ok(());
        }
        let status = match validation.invalid_status {
            InvalidStatus::UnprocessableContent if !self.is_bad_request => StatusCode::UNPROCESSABLE_ENTITY,
            InvalidStatus::UnprocessableContent | InvalidStatus::BadRequest => StatusCode::BAD_REQUEST,
        };
        let detail = self.report.detail();
        let report = std::mem::replace(&mut self.report, Report::new(detail));
        Err(Fault::Invalid { status, report: Box::new(report) })
    }
}
