//! W3C trace context (`traceparent`, `tracestate`): <https://www.w3.org/TR/trace-context/>.

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::domain::trace::{Recording, TraceParent};

/// Lets a span continue the trace that a caller's headers name, if they name one.
pub fn continue_from(span: &Span, headers: &HeaderMap) {
    let caller = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    if caller.span().span_context().is_valid() {
        // A span that is not traced has no parent to be told of.
        let _untraced = span.set_parent(caller).is_err();
    }
}

/// Tells whoever is called next which trace the current span belongs to.
pub fn tell(headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut HeaderInjector(headers));
}

/// The current span, for what it causes that is done later. What else `tracestate` says is not kept.
pub fn current() -> Option<TraceParent> {
    let context = Span::current().context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| TraceParent {
        trace: u128::from_be_bytes(context.trace_id().to_bytes()),
        span: u64::from_be_bytes(context.span_id().to_bytes()),
        recording: if context.is_sampled() { Recording::Yes } else { Recording::No },
    })
}

/// Lets a span continue the trace of the span that caused it, whoever made that.
pub fn continue_later(span: &Span, parent: TraceParent) {
    let flags = match parent.recording {
        Recording::Yes => TraceFlags::SAMPLED,
        Recording::No => TraceFlags::default(),
    };
    let cause = SpanContext::new(parent.trace.into(), parent.span.into(), flags, true, TraceState::default());
    // A span that is not traced has no parent to be told of.
    let _untraced = span.set_parent(Context::new().with_remote_span_context(cause)).is_err();
}

/// The trace that a span belongs to, as 32 hexadecimal digits; `None` where nothing is traced.
pub fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| context.trace_id().to_string())
}
