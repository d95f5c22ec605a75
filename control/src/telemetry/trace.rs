//! W3C trace context (`traceparent`, `tracestate`): <https://www.w3.org/TR/trace-context/>.

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

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

/// The trace that a span belongs to, as 32 hexadecimal digits; `None` where nothing is traced.
pub fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| context.trace_id().to_string())
}
