//! SARIF 2.1.0 (OASIS), which code scanning services read.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::super::{Code, Diagnostics, Located, Place, Position};
use super::{page, pretty};

/// What a path may not hold as it is in a URI reference.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b':')
    .add(b'[')
    .add(b']');

pub(super) fn render(diagnostics: &Diagnostics) -> String {
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "portcullis-control",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": diagnostics.iter().map(result).collect::<Vec<_>>(),
        }],
    }))
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.to_string(),
        "name": code.name(),
        "shortDescription": { "text": code.title() },
        "help": { "text": format!("See {}", page(code)) },
    })
}

fn result(located: &Located) -> Value {
    let diagnostic = &located.diagnostic;
    let related = diagnostic.related.iter().zip(&located.related).map(|((place, what), position)| {
        let mut location = location(place, *position);
        location["message"] = json!({ "text": what });
        location
    });
    let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!(". Help: {hint}"));
    json!({
        "ruleId": diagnostic.code.to_string(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == diagnostic.code),
        "level": diagnostic.severity.name(),
        "message": { "text": format!("{}{hint}", diagnostic.message) },
        "locations": [location(&diagnostic.place, located.position)],
        "relatedLocations": related.collect::<Vec<_>>(),
    })
}

fn location(place: &Place, position: Option<Position>) -> Value {
    let uri = utf8_percent_encode(&place.file, ESCAPED).to_string();
    let mut location = json!({ "physicalLocation": { "artifactLocation": { "uri": uri } } });
    if let Some(at) = position {
        location["physicalLocation"]["region"] = json!({ "startLine": at.line, "startColumn": at.column });
    }
    if let Some(pointer) = place.pointer() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": format!("#{pointer}") }]);
    }
    location
}
