//! What is answered.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::domain::secret::Secret;
use crate::domain::version::Version;

/// A thing in one of its states: 200 with its `ETag`.
#[derive(Debug)]
pub struct Current<T>(pub Version, pub T);

/// A thing that was just made: 201 with `Location` and, where it has states, `ETag`.
#[derive(Debug)]
pub struct Created<T> {
    /// Where it is.
    pub location: String,
    /// Its state.
    pub version: Option<Version>,
    /// What it is.
    pub body: T,
}

/// Work that goes on: 202 with `Location`, where to look.
#[derive(Debug)]
pub struct Accepted<T> {
    /// Where to look.
    pub location: String,
    /// What there is of it.
    pub body: T,
}

/// What holds a secret that is shown once: no cache keeps it, and neither does the control plane.
#[derive(Debug)]
pub struct Issued<T>(pub T);

/// Says that a response holds a secret.
#[derive(Debug, Clone, Copy)]
pub struct HoldsSecret;

/// Writes a secret into the one answer that shows it.
pub fn reveal<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.reveal())
}

impl<T: IntoResponse> IntoResponse for Issued<T> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(HoldsSecret);
        response
    }
}

impl<T: Serialize> IntoResponse for Current<T> {
    fn into_response(self) -> Response {
        tagged(Json(self.1).into_response(), Some(self.0))
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let response = (StatusCode::CREATED, Json(self.body)).into_response();
        tagged(located(response, &self.location), self.version)
    }
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        located((StatusCode::ACCEPTED, Json(self.body)).into_response(), &self.location)
    }
}

fn tagged(mut response: Response, version: Option<Version>) -> Response {
    // A number in quotes is a header value.
    if let Some(tag) = version.and_then(|version| HeaderValue::try_from(format!("\"{version}\"")).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

fn located(mut response: Response, location: &str) -> Response {
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
