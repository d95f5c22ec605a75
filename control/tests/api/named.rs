//! Ids that stand elsewhere than in a path: another team's are as good as none.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::routes::{Operation, operations, things};
use crate::served::{Served, text};

/// An id that is a parameter, or stands in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Id {
    Query(String),
    Body(String),
}

/// Parameters that take a text, which may be an id.
const TEXTS: [&str; 2] = ["actor", "target"];

/// What of an operation is an id.
pub(crate) fn ids(document: &Value, operation: &Value) -> Vec<Id> {
    let mut ids = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query") {
        let name = text(&parameter["name"]);
        if TEXTS.contains(&name.as_str()) || is_id(document, &parameter["schema"]) {
            ids.push(Id::Query(name));
        }
    }
    let media = operation["requestBody"]["content"].as_object().into_iter().flatten();
    for (_, content) in media {
        for (name, schema) in properties(document, &content["schema"]) {
            let found = Id::Body(name.clone());
            if is_id(document, schema) && !ids.contains(&found) {
                ids.push(found);
            }
            // What is further down is found here, and would have to be put there by `with_id`.
            let deeper = properties(document, schema).into_iter().find(|(_, schema)| is_id(document, schema));
            assert!(deeper.is_none(), "{name}: {deeper:?} is an id within a body: try another team's there, too");
        }
    }
    ids
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return resolve(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    let parts = ["oneOf", "anyOf", "allOf"].into_iter().flat_map(|of| schema[of].as_array().into_iter().flatten());
    let items = schema.get("items").into_iter();
    std::iter::once(schema).chain(parts.chain(items).flat_map(|part| resolve(document, part))).collect()
}

/// A UUID, or a digest.
fn is_id(document: &Value, schema: &Value) -> bool {
    resolve(document, schema).iter().any(|schema| {
        schema["format"] == "uuid" || schema["pattern"].as_str().is_some_and(|text| text.contains("{64}"))
    })
}

fn properties<'a>(document: &'a Value, schema: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let schemas = resolve(document, schema).into_iter();
    schemas.flat_map(|schema| schema["properties"].as_object().into_iter().flatten()).collect()
}

impl Operation {
    /// A request of somebody about their own things, in which one id is another thing's.
    async fn ask_with(&self, served: &Served, who: (&str, &BTreeMap<&str, String>), id: (&Id, &str)) -> (u16, String) {
        let ((secret, own), (place, value)) = (who, id);
        let mut target = self.target(own);
        let mut body = self.body();
        match place {
            Id::Query(name) => {
                let path = target.split('?').next().unwrap().to_owned();
                target = format!("{path}?{name}={value}");
            }
            Id::Body(name) => {
                let (media_type, text) = body.unwrap();
                let mut content: Value = serde_json::from_str(&text).unwrap();
                content[name] = json!(value);
                body = Some((media_type, content.to_string()));
            }
        }
        let mut request = served.ask(&self.method, &target).header("if-match", "*").with(secret);
        if let Some((media_type, body)) = body {
            request = request.body(media_type, body);
        }
        let answer = request.send().await;
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    }
}

/// The thing that an id is of.
fn thing<'a>(things: &'a BTreeMap<&str, String>, id: &Id) -> &'a str {
    let (Id::Query(name) | Id::Body(name)) = id;
    let kind = match name.as_str() {
        "with" => "artifact",
        "actor" => "token",
        "target" => "spec",
        name => name,
    };
    things.get(kind).unwrap_or_else(|| panic!("`{name}`: whose id is that? say so here"))
}

/// Also where they are not in the path.
#[tokio::test]
async fn another_teams_things_are_not_to_be_named() {
    let served = Served::start().await;
    let (red, blue) = (served.team("red").await, served.team("blue").await);
    let (theirs, own) = (things(&served, &red).await, things(&served, &blue).await);
    let admin = served.token(&json!({ "name": "admin", "role": "admin", "team": blue })).await;
    let operations: Vec<_> = operations().into_iter().filter(|operation| !operation.ids.is_empty()).collect();
    let taken: usize = operations.iter().map(|operation| operation.ids.len()).sum();
    assert!(taken >= 8, "the document was not understood: {operations:?}");
    for operation in &operations {
        for id in &operation.ids {
            let foreign = thing(&theirs, id);
            let (status, body) = operation.ask_with(&served, (&admin, &own), (id, foreign)).await;
            // As if it were of nothing.
            let nothing = if foreign.len() == 64 { "0".repeat(64) } else { uuid::Uuid::now_v7().to_string() };
            let (same_status, same_body) = operation.ask_with(&served, (&admin, &own), (id, &nothing)).await;
            let said = |body: &str, id: &str| {
                let mut said = serde_json::from_str::<Value>(&body.replace(id, "ID")).unwrap_or_default();
                said.as_object_mut().and_then(|said| said.remove("request_id"));
                said
            };
            assert_eq!(
                (status, said(&body, foreign)),
                (same_status, said(&same_body, &nothing)),
                "{}",
                operation.name()
            );
            let what = format!("{} with {id:?}: {status} {body}", operation.name());
            if operation.method == "GET" && status == 200 {
                // A filter that leaves nothing.
                let items = serde_json::from_str::<Value>(&body).map(|body| body["items"].clone());
                assert!(body.is_empty() || items.is_ok_and(|items| items == json!([])), "{what}");
            } else {
                assert!([403, 404, 422].contains(&status), "{what}");
            }
            let ids = theirs.values().filter(|id| id.len() >= 32 && *id != foreign);
            assert_eq!(ids.into_iter().find(|id| body.contains(id.as_str())), None, "{what}");
            // It is refused for that id alone: their own is known, whether or not its state allows what is asked for.
            let (status, body) = operation.ask_with(&served, (&admin, &own), (id, thing(&own, id))).await;
            let is_known = (200..300).contains(&status) || status == 409;
            assert!(is_known, "{} with its own {id:?}: {status} {body}", operation.name());
        }
    }
}
