//! A bucket to start from.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use artifact_format::container::digest;
use artifact_format::root::{Root, SignedRoot, Terms};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tests::api::test_key;
use tests::scripted_control::{PROJECT, pointer, signed};
use tests::{Gateway, ScriptedControl, Upstream};
use tokio::net::TcpListener;

use crate::{assert_runs, version};

/// Objects, behind whoever may get them and may not list them: what is not there is forbidden.
async fn bucket(objects: HashMap<String, Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, objects) = (listener.local_addr().unwrap(), Arc::new(objects));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let objects = objects.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let found = objects.get(request.uri().path()).cloned();
                let status = if found.is_some() { StatusCode::OK } else { StatusCode::FORBIDDEN };
                let mut response = Response::new(Full::new(Bytes::from(found.unwrap_or_default())));
                *response.status_mut() = status;
                async move { Ok::<_, Infallible>(response) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(async move { drop(http.serve_connection(TokioIo::new(stream), service).await) });
        }
    });
    address
}

/// What a control plane writes there, in a folder of its own.
fn objects(artifact: &[u8], roots: &[SignedRoot]) -> HashMap<String, Vec<u8>> {
    let pointer = serde_json::to_vec(&signed(pointer(5, artifact))).unwrap();
    let mut objects = HashMap::from([
        ("/edge/pointer.json".to_owned(), pointer),
        (format!("/edge/artifacts/{}", digest(artifact)), artifact.to_vec()),
    ]);
    for root in roots {
        objects.insert(format!("/edge/roots/{}.json", root.version()), serde_json::to_vec(root).unwrap());
    }
    objects
}

async fn starts_with(roots: &[SignedRoot]) -> Gateway {
    let (upstream, mut control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    control.dies();
    let state = tempfile::tempdir().unwrap();
    let bucket = bucket(objects(&version(&upstream, 1), roots)).await;
    let from = format!("http://{bucket}/edge");
    let gateway = Gateway::connected(&control, state.path()).set("--bootstrap", &from).start().await;
    assert_runs(&gateway, &version(&upstream, 1)).await;
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_forbids_what_it_does_not_have_is_started_from() {
    let gateway = starts_with(&[]).await;
    assert_eq!(gateway.status().await["control_plane"]["root_version"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_root_of_a_bucket_is_followed() {
    let terms = || Terms { threshold: 1.try_into().unwrap(), keys: vec![test_key().public()], issued_at: 1 };
    let first = Root::first(PROJECT, terms()).unwrap();
    let second = first.next(terms()).unwrap();
    let roots = [first, second].map(|root| SignedRoot::new(root).sign(&test_key()));
    let gateway = starts_with(&roots).await;
    assert_eq!(gateway.status().await["control_plane"]["root_version"], 2);
}
