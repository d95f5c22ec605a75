//! The official test suite of JSON Schema 2020-12, judged by the running gateway: every group is the body of an
//! operation, every test a request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use referencing::meta;
use serde_json::{Value, json};
use tests::{Client, Gateway, Upstream, compiled, config};

/// Where the suite's own references lead.
const REMOTES: &str = "http://localhost:1234/draft2020-12/";

struct Group {
    name: String,
    schema: Value,
    tests: Vec<(String, Value, bool)>,
}

fn groups(file: &Path) -> Vec<Group> {
    let groups: Vec<Value> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let test = |test: &Value| {
        let name = test["description"].as_str().unwrap().to_owned();
        (name, test["data"].clone(), test["valid"].as_bool().unwrap())
    };
    let group = |group: &Value| Group {
        name: format!("{stem}: {}", group["description"].as_str().unwrap()),
        schema: group["schema"].clone(),
        tests: group["tests"].as_array().unwrap().iter().map(test).collect(),
    };
    groups.iter().map(group).collect()
}

/// The metaschema and its vocabularies, which some groups refer to.
static METASCHEMAS: [&LazyLock<Arc<Value>>; 8] = [
    &meta::DRAFT202012,
    &meta::DRAFT202012_CORE,
    &meta::DRAFT202012_APPLICATOR,
    &meta::DRAFT202012_UNEVALUATED,
    &meta::DRAFT202012_VALIDATION,
    &meta::DRAFT202012_META_DATA,
    &meta::DRAFT202012_FORMAT_ANNOTATION,
    &meta::DRAFT202012_CONTENT,
];

/// What groups refer to without holding it: the documents that the suite serves by HTTP, each under the URI it is
/// fetched by, and the metaschema. Nothing is fetched, so they come along.
fn remotes(folder: &Path) -> Value {
    let mut found = Vec::new();
    collect(folder, folder, &mut found);
    found.extend(METASCHEMAS.iter().map(|schema| (String::new(), Value::clone(schema))));
    let mut components = serde_json::Map::new();
    for (number, (uri, mut schema)) in found.into_iter().enumerate() {
        if let Some(schema) = schema.as_object_mut() {
            let id = schema.entry("$id").or_insert_with(|| json!(uri)).clone();
            // One that calls itself otherwise than it is fetched is to be found under both names.
            if !uri.is_empty() && id.as_str().is_some_and(|id| !id.starts_with("tag:") && id != uri) {
                components.insert(format!("alias{number}"), json!({ "$id": uri, "$ref": id }));
            }
        }
        components.insert(format!("remote{number}"), schema);
    }
    components.into()
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, Value)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(root, &path, found);
            continue;
        }
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        // These ask for a vocabulary that asserts formats; whether they are is an option here.
        if !name.starts_with("format-assertion") {
            found.push((format!("{REMOTES}{name}"), serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()));
        }
    }
}

/// A description with one operation for every group.
fn description(groups: &[&Group], components: &Value, formats: &str) -> String {
    let operation = |(number, group): (usize, &&Group)| {
        let mut schema = group.schema.clone();
        if let Value::Object(schema) = &mut schema {
            // What `#` means in the suite: the schema, not the description around it.
            schema.entry("$id").or_insert_with(|| json!(format!("https://example.com/suite/{number}")));
        }
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        let operation = json!({ "requestBody": body, "responses": { "204": { "description": "Done" } } });
        (format!("/{number}"), json!({ "post": operation }))
    };
    let paths: serde_json::Map<_, _> = groups.iter().enumerate().map(operation).collect();
    json!({
        "openapi": "3.1.1",
        "info": { "title": "Suite", "version": "1" },
        "x-portcullis": { "validation": { "formats": formats } },
        "paths": paths,
        "components": { "schemas": components },
    })
    .to_string()
}

async fn judge(file: &Path, components: &Value, formats: &str) -> (usize, Vec<String>) {
    let all = groups(file);
    let judged: Vec<&Group> = all.iter().collect();
    let upstream = Upstream::echo().await;
    let artifact = compiled::text(&description(&judged, components, formats), &upstream);
    let gateway = Gateway::serving_file(compiled::signed(&artifact)).start().await;
    let mut client = Client::http1(gateway.address()).await;
    let (mut count, mut wrong) = (0, Vec::new());
    for (number, group) in judged.iter().enumerate() {
        for (name, data, valid) in &group.tests {
            let mut request = client.request("POST", &format!("/{number}"), tests::client::full(data.to_string()));
            request.headers_mut().insert("content-type", "application/json".parse().unwrap());
            let answer = client.send(request).await;
            count += 1;
            if answer.status != if *valid { 200 } else { 422 } {
                wrong.push(format!("{}: {name}: {}", group.name, answer.status));
            }
        }
    }
    (count, wrong)
}

#[tokio::test]
async fn every_required_test_is_judged_as_the_suite_says() {
    let Some(suite) = config::corpus().map(|corpus| corpus.join("json-schema-test-suite")) else { return };
    let folder = suite.join("tests/draft2020-12");
    let components = remotes(&suite.join("remotes/draft2020-12"));
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    let (mut judged, mut wrong) = (0, Vec::new());
    for file in files {
        // What the suite requires of `format` is that it asserts nothing.
        let formats = if file.ends_with("format.json") { "annotate" } else { "assert" };
        let needs_remotes = ["refRemote.json", "dynamicRef.json", "ref.json", "defs.json", "vocabulary.json"]
            .iter()
            .any(|name| file.ends_with(name));
        let components = if needs_remotes { &components } else { &json!({}) };
        let (count, differing) = judge(&file, components, formats).await;
        judged += count;
        wrong.extend(differing);
    }
    println!("{judged} tests judged by the gateway");
    assert_eq!(wrong, Vec::<String>::new());
    assert!(judged > 1_200, "the corpus is incomplete: {judged}");
}
