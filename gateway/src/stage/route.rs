//! Route: which operation is asked for.

use std::rc::Rc;

use http::{HeaderValue, Method, Request};

use super::{Admitted, Exchange};
use crate::fault::Fault;
use crate::router::{Captures, Found, RequestPath};
use crate::snapshot::{Endpoint, EndpointId};
use crate::upstream::RequestBody;
use crate::worker::View;

/// A request whose operation is known.
#[derive(Debug)]
pub struct Matched {
    pub(super) request: Box<Request<RequestBody>>,
    pub(super) path: RequestPath,
    pub(super) captures: Captures,
    pub(super) view: Rc<View>,
    pub(super) endpoint: EndpointId,
}

impl Matched {
    /// What was matched.
    pub fn endpoint(&self) -> &Endpoint {
        self.view.snapshot().endpoint(self.endpoint)
    }
}

/// What routing comes to.
#[derive(Debug)]
pub enum Routed {
    /// An operation.
    Operation(Matched),
    /// OPTIONS where no operation declares it (RFC 9110 section 9.3.7): what `Allow` says.
    Options(HeaderValue),
}

/// Finds the operation.
pub fn route(exchange: &mut Exchange, admitted: Admitted) -> Result<Routed, Fault> {
    let Admitted { request, path } = admitted;
    let view = exchange.view().clone();
    let router = &view.snapshot().routers[exchange.connection().listener()];
    match router.find(request.method(), request.uri().path(), &path) {
        Found::Endpoint(endpoint, captures) => {
            let endpoint = *endpoint;
            exchange.is_on(endpoint);
            Ok(Routed::Operation(Matched { request, path, captures, view, endpoint }))
        }
        Found::WrongMethod(methods) => {
            let allow = allow(&methods);
            match *request.method() {
                Method::OPTIONS => Ok(Routed::Options(allow)),
                _ => Err(Fault::MethodNotAllowed { allow }),
            }
        }
        Found::Nothing => Err(view.snapshot().miss()),
    }
}

fn allow(methods: &[&Method]) -> HeaderValue {
    let mut names: Vec<&str> = methods.iter().map(|method| method.as_str()).chain(["OPTIONS"]).collect();
    names.sort_unstable();
    names.dedup();
    // Methods are tokens (RFC 9110 section 9.1), which are header values.
    HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}
