//! What is said about values that a schema refuses.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::num::NonZeroUsize;

use artifact_format::model::{Schema, SchemaId, Schemas};
use contract::json::{Limits, Tree};
use contract::schema::{Patterns, Validators};
use contract::{Detail, Part, Place, Report};

/// A table of schemas, of which the first is judged by: what is wrong with the instance, as `pointer keyword`?
fn check(schemas: &[&str], instance: &str, expected: &[&str]) {
    let schema = |text: &&str| {
        let parts = text.split(Schema::REFERENCE_PREFIX).skip(1);
        let mut references: Vec<SchemaId> =
            parts.map(|part| SchemaId(part.split('"').next().unwrap().parse().unwrap())).collect();
        references.sort_unstable();
        references.dedup();
        Schema { json: (*text).to_owned(), references }
    };
    let table = Schemas { schemas: schemas.iter().map(schema).collect(), ..Schemas::default() };
    let root = SchemaId(0);
    let validators = Validators::build(&table, &[root], (Patterns::Linear, NonZeroUsize::MIN)).unwrap();
    let mut tree = Tree::default();
    let value = tree.read(instance, &Limits::DEFAULT).unwrap();
    let validator = validators.get(root).unwrap();
    let mut report = Report::new(Detail::Brief);
    if !validator.is_valid(value) {
        validator.explain(value, &Place::whole(Part::Body), &mut report);
    }
    let said = report.violations().iter().map(|found| format!("{} {}", found.place.pointer, found.keyword));
    assert_eq!(said.collect::<Vec<_>>(), expected, "{instance}");
}

const CAT: &str = r#"{"type":"object","required":["kind","purrs"],"properties":{"purrs":{"type":"boolean"}}}"#;
const DOG: &str = r#"{"type":"object","required":["kind","barks"],"properties":{"barks":{"type":"boolean"}}}"#;
const PET: &str = r#"{"oneOf":[{"$ref":"portcullis:schema/1"},{"$ref":"portcullis:schema/2"}],
    "discriminator":{"propertyName":"kind",
        "mapping":{"cat":"portcullis:schema/1","dog":"portcullis:schema/2"}}}"#;

#[test]
fn a_discriminator_says_which_alternative_is_meant() {
    check(&[PET, CAT, DOG], r#"{"kind":"cat","purrs":1}"#, &["/purrs type"]);
    check(&[PET, CAT, DOG], r#"{"kind":"dog"}"#, &["/barks required"]);
    check(&[PET, CAT, DOG], r#"{"kind":"cow"}"#, &["/kind discriminator"]);
    check(&[PET, CAT, DOG], r#"{"kind":7}"#, &[" oneOf"]);
    check(&[PET, CAT, DOG], "{}", &[" oneOf"]);
    let herd = r#"{"items":{"$ref":"portcullis:schema/3"}}"#;
    let pet = PET;
    check(&[herd, CAT, DOG, pet], r#"[{"kind":"dog","barks":true},{"kind":"cat"}]"#, &["/1/purrs required"]);
}

#[test]
fn a_discriminator_changes_no_verdict() {
    // It says cat and is a dog: valid, since exactly one alternative matches.
    check(&[PET, CAT, DOG], r#"{"kind":"cat","barks":true}"#, &[]);
    check(&[PET, CAT, DOG], r#"{"kind":"cow","barks":true}"#, &[]);
    check(&[PET, CAT, DOG], r#"{"kind":"cat","barks":true,"purrs":true}"#, &[" oneOf"]);
}

#[test]
fn the_only_alternative_of_the_right_type_is_the_one_meant() {
    let nullable = r#"{"anyOf":[{"type":"null"},{"type":"object","required":["a"]}]}"#;
    check(&[nullable], "{}", &["/a required"]);
    check(&[nullable], "7", &[" anyOf"]);
    let objects = r#"{"anyOf":[{"type":"object","required":["b"]},{"type":"object","required":["a"]}]}"#;
    check(&[objects], "{}", &[" anyOf"]);
}

#[test]
fn every_fault_has_its_place() {
    let schema = r#"{"type":"object","required":["a/b"],"properties":{"n":{"type":"array","items":{"type":"integer","maximum":9}}},"additionalProperties":false}"#;
    check(
        &[schema],
        r#"{"n":[1,"x",10],"m":1}"#,
        &["/n/1 type", "/n/2 maximum", " additionalProperties", "/a~1b required"],
    );
}

#[test]
fn what_would_be_too_much_to_say_is_not_said() {
    let filter = r#"{"oneOf":[{"$ref":"portcullis:schema/1"},{"$ref":"portcullis:schema/2"},{"type":"integer"}]}"#;
    let node = |name: &str| {
        format!(
            r#"{{"type":"object","required":["{name}"],"properties":{{"args":{{"items":{{"$ref":"portcullis:schema/0"}}}}}}}}"#
        )
    };
    let (and, or) = (node("and"), node("or"));
    let deep = format!("{}{}", r#"{"op":"and","args":["#.repeat(40), r#""x""#) + &"]}".repeat(40);
    check(&[filter, &and, &or], &deep, &[" schema"]);
    // Wide and wrong everywhere: the first thing is said.
    let wide = format!("[{}]", vec!["{}"; 2_000].join(","));
    check(&[r#"{"items":{"required":["a","b","c"]}}"#], &wide, &["/0/a required"]);
}
