//! Requests to an S3 server, each with a span of its own, and with the trace that it belongs to in its head.

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::telemetry::trace;

/// Makes clients whose requests are told of.
#[derive(Debug)]
pub(super) struct Traced;

impl HttpConnector for Traced {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Telling { client: ReqwestConnector::default().connect(options)? }))
    }
}

#[derive(Debug)]
struct Telling {
    client: HttpClient,
}

#[async_trait]
impl HttpService for Telling {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let span = span(&request);
        // After the request was signed: its signature covers the fields that it had then, and more may come.
        if span.is_none() {
            trace::tell(request.headers_mut());
        } else {
            span.in_scope(|| trace::tell(request.headers_mut()));
        }
        let answer = self.client.execute(request).instrument(span.clone()).await;
        if let Ok(response) = &answer {
            span.record("http.response.status_code", response.status().as_u16());
            if !response.status().is_success() {
                span.record("otel.status_code", "ERROR");
            }
        } else {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", "_OTHER");
        }
        answer
    }
}

/// By the conventions for HTTP clients, within a span of ours and where somebody collects them.
fn span(request: &HttpRequest) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::debug_span!(
        "request",
        otel.name = request.method().as_str(),
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        http.response.status_code = Empty,
        server.address = request.uri().host(),
        server.port = request.uri().port_u16(),
        "error.type" = Empty,
    )
}
