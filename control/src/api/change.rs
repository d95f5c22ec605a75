//! Requests that change something.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::domain::store::changing;

/// Whoever changes something is let in, and what is looked at before it is read, by what is committed now: never by a
/// replica that is late.
pub(super) async fn by_what_is_now(request: Request, next: Next) -> Response {
    if request.method().is_safe() { next.run(request).await } else { changing(next.run(request)).await }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn;
    use axum::routing::any;
    use http::Method;
    use tower::ServiceExt as _;

    use super::*;
    use crate::domain::store::is_changing;

    #[tokio::test]
    async fn what_changes_something_reads_what_is_now() {
        let says = any(|| async { is_changing().to_string() });
        let router = Router::new().route("/x", says).layer(from_fn(by_what_is_now));
        let methods =
            [(Method::GET, "false"), (Method::POST, "true"), (Method::PATCH, "true"), (Method::DELETE, "true")];
        for (method, expected) in methods {
            let request = Request::builder().method(&method).uri("/x").body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), expected, "{method}");
        }
    }
}
