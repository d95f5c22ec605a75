//! Forms with files: looked at part by part while they pass.

use std::rc::Rc;

use artifact_format::model::Validation;
use contract::body::{Inspector, Malformed, Scratch};

use super::verdict::Verdict;
use crate::fault::Fault;
use crate::stage::Exchange;
use crate::stage::exchange::Refusal;
use crate::upstream::{Inspect, Refused, RequestBody};

/// The most bytes of fields, files aside, that are held of a form.
const FIELDS_MAX_BYTES: u32 = 1 << 20;

/// Has a form looked at while it passes.
pub(super) async fn inspect(
    exchange: &Exchange,
    inspector: Box<Inspector>,
    body: &mut RequestBody,
) -> Result<(), Fault> {
    let Some(endpoint) = exchange.endpoint() else { return Ok(()) };
    let settings = exchange.worker().settings();
    let watch = Watch {
        inspector: Some(inspector.with_fields_max_bytes(FIELDS_MAX_BYTES as usize)),
        verdict: Verdict::new(settings.errors),
        validation: endpoint.contract.validation,
        refusal: Rc::clone(exchange.refusal()),
    };
    let waiting = exchange.connection().waits_for_body();
    let inspected = body.inspect(Box::new(watch), settings.limits.request_timeout).await;
    drop(waiting);
    inspected.map_err(|fault| exchange.refused().unwrap_or_else(|| Fault::of_body(fault, endpoint.body_max_bytes)))
}

/// Looks at a form while it passes.
#[derive(Debug)]
struct Watch {
    /// `None` once the form has ended.
    inspector: Option<Inspector>,
    verdict: Verdict,
    validation: Validation,
    /// Where to say why it is refused.
    refusal: Refusal,
}

impl Watch {
    fn conclude(&mut self, looked: Result<(), Malformed>) -> Result<(), Refused> {
        let refused = match looked {
            Ok(()) => self.verdict.check(&self.validation),
            Err(malformed) if malformed.is_too_large() => {
                Err(Fault::BodyTooLarge { limit: u64::from(FIELDS_MAX_BYTES) })
            }
            Err(malformed) => {
                self.verdict.bad_body("syntax", &malformed.to_string());
                self.verdict.check(&self.validation)
            }
        };
        refused.map_err(|fault| {
            *self.refusal.borrow_mut() = Some(fault);
            Refused
        })
    }
}

impl Inspect for Watch {
    /// What is wrong with a part is said at the end, with all that is wrong, if the end is near; see
    /// [`Inspector`].
    fn feed(&mut self, piece: &[u8]) -> Result<(), Refused> {
        let Some(inspector) = &mut self.inspector else { return Ok(()) };
        match inspector.feed(piece, &mut self.verdict.report) {
            Ok(()) => Ok(()),
            malformed => self.conclude(malformed),
        }
    }

    fn finish(&mut self) -> Result<(), Refused> {
        let Some(inspector) = self.inspector.take() else { return Ok(()) };
        // Rare, and then for a form with files: not worth the worker's own.
        let looked = inspector.finish(&mut Scratch::default(), &mut self.verdict.report);
        self.conclude(looked)
    }
}
