//! The Style Examples of OpenAPI 3.0.4, 3.1.1 (section 4.8.12.4) and 3.2.0 (section 4.12.2.4), both ways.

mod judging;

use artifact_format::model::Location::{self, Cookie, Header, Path, Query};
use artifact_format::model::Style::{self, DeepObject, Form, Label, Matrix, PipeDelimited, Simple, SpaceDelimited};
use judging::{Contract, Request};
use serde_json::{Value, json};

const NAME: &str = "color";

struct Row {
    style: Style,
    explode: bool,
    locations: &'static [Location],
    /// The columns `undefined`, `string`, `array` and `object`; empty for `n/a`.
    columns: [&'static str; 4],
}

const fn row(style: Style, explode: bool, locations: &'static [Location], columns: [&'static str; 4]) -> Row {
    Row { style, explode, locations, columns }
}

/// Character for character; `?` belongs to the query and is left out, as before a cookie.
const TABLE: &[Row] = &[
    row(Matrix, false, &[Path], [";color", ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"]),
    row(Matrix, true, &[Path], [";color", ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"]),
    row(Label, false, &[Path], [".", ".blue", ".blue,black,brown", ".R,100,G,200,B,150"]),
    row(Label, true, &[Path], [".", ".blue", ".blue.black.brown", ".R=100.G=200.B=150"]),
    row(Simple, false, &[Path, Header], ["", "blue", "blue,black,brown", "R,100,G,200,B,150"]),
    row(Simple, true, &[Path, Header], ["", "blue", "blue,black,brown", "R=100,G=200,B=150"]),
    row(Form, false, &[Query, Cookie], ["color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"]),
    row(
        Form,
        true,
        &[Query, Cookie],
        ["color=", "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150"],
    ),
    row(SpaceDelimited, false, &[Query], ["", "", "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150"]),
    row(PipeDelimited, false, &[Query], ["", "", "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150"]),
    row(DeepObject, true, &[Query], ["", "", "", "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"]),
    row(Style::Cookie, false, &[Cookie], ["color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"]),
    row(
        Style::Cookie,
        true,
        &[Cookie],
        ["color=", "color=blue", "color=blue; color=black; color=brown", "R=100; G=200; B=150"],
    ),
];

/// What the columns stand for. `const` makes sure that what is accepted was read as this and nothing else.
fn schemas() -> [Value; 4] {
    let channel = json!({"type": "integer"});
    [
        json!({"type": ["null", "string"], "enum": [null, ""]}),
        json!({"type": "string", "const": "blue"}),
        json!({"type": "array", "items": {"type": "string"}, "const": ["blue", "black", "brown"]}),
        json!({
            "type": "object",
            "properties": {"R": channel, "G": channel, "B": channel},
            "required": ["R", "G", "B"],
            "additionalProperties": false,
            "const": {"R": 100, "G": 200, "B": 150},
        }),
    ]
}

fn violations(row: &Row, location: Location, schema: &Value, text: &str) -> Vec<String> {
    let contract = Contract::default().styled((NAME, location), (row.style, row.explode), schema).required();
    contract.build().judge(&Request::at(location, NAME, text))
}

/// Every example, where it may stand, with its column.
fn examples() -> impl Iterator<Item = (&'static Row, Location, usize, &'static str)> {
    let places = TABLE.iter().flat_map(|row| row.locations.iter().map(move |location| (row, *location)));
    places.flat_map(|(row, location)| {
        let is_there = move |text: &str| !text.is_empty() || (row.style == Simple);
        let columns = row.columns.iter().enumerate().filter(move |(_, text)| is_there(text));
        columns.map(move |(column, text)| (row, location, column, *text))
    })
}

#[test]
fn examples_are_read_as_what_they_are_examples_of() {
    let schemas = schemas();
    for (row, location, column, text) in examples() {
        let found = violations(row, location, &schemas[column], text);
        assert!(found.is_empty(), "{:?} {} {location:?} {text}: {found:?}", row.style, row.explode);
    }
}

#[test]
fn undefined_is_an_empty_list_or_object_as_well() {
    for (row, location, column, text) in examples().filter(|(_, _, column, _)| *column == 0) {
        // As the only member of an exploded object in a query or cookie it is another parameter.
        let is_apart = row.explode && matches!(location, Query | Cookie);
        for schema in [
            json!({"type": "array", "maxItems": 0}),
            json!({"type": "object", "maxProperties": 0, "properties": {"R": {}}}),
        ] {
            let is_object = schema["type"] == "object";
            let found = violations(row, location, &schema, text);
            assert_eq!(found.is_empty(), !(is_apart && is_object), "{:?} {} {text} {column}", row.style, row.explode);
        }
    }
}

#[test]
fn other_values_are_refused() {
    let schemas = schemas();
    for (row, location, column, text) in examples() {
        for other in (0..4).filter(|other| *other != column) {
            let found = violations(row, location, &schemas[other], text);
            assert!(!found.is_empty(), "{:?} {} {location:?} {text} as {}", row.style, row.explode, schemas[other]);
        }
    }
}

#[test]
fn other_writings_are_refused() {
    let schemas = schemas();
    for (row, location, column, text) in examples().filter(|(_, _, column, _)| *column > 0) {
        let own = row.columns[column];
        // A cookie of style `form` may be exploded as one of style `cookie` is, and `;` only parts cookies.
        let others = TABLE.iter().filter(|other| other.columns[column] != own && !other.columns[column].is_empty());
        for other in others.filter(|other| !is_the_same_in(location, (row, other))) {
            let found = violations(row, location, &schemas[column], other.columns[column]);
            assert!(
                !found.is_empty(),
                "{:?} {} read {} instead of {text}",
                row.style,
                row.explode,
                other.columns[column]
            );
        }
    }
}

fn is_the_same_in(location: Location, (row, other): (&Row, &Row)) -> bool {
    location == Cookie && (other.style == Matrix || (row.explode && row.style == Form && other.style == Style::Cookie))
}

#[test]
fn mutants_are_refused() {
    let schemas = schemas();
    for (row, location, column, text) in examples().filter(|(_, _, column, _)| *column > 1) {
        let mut mutants = vec![
            // Another name, which only names that are written can show.
            text.replace("color", "colour"),
            text.replace("%20", "%09").replace("%7C", "%3B").replace(',', "%2C"),
            text.replace("100", "100.0").replace("blue", "Blue"),
            text.replace("100", "0100").replace("black", "%62lackk"),
            text.replace('G', "g").replace("brown", ""),
            format!("{text},"),
            format!("{text}&color=red&R=1").replace('&', if location == Cookie { "; " } else { "&" }),
        ];
        if location == Path {
            mutants.extend([text[1..].to_owned(), format!("{text};"), format!("{text}."), format!(";{text}")]);
        }
        // Without the last value.
        mutants.extend(
            text.rfind(['0', 'n']).map(|_| text[..text.rfind([',', '=', '%', ';', '.', '&']).unwrap()].to_owned()),
        );
        for mutant in mutants.iter().filter(|mutant| *mutant != text) {
            let found = violations(row, location, &schemas[column], mutant);
            assert!(!found.is_empty(), "{:?} {} {location:?} {mutant}", row.style, row.explode);
        }
    }
}
