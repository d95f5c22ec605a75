//! The verdict of a JSON Schema validator that shares no code with ours.
#![allow(clippy::unwrap_used, dead_code, reason = "shared by several programs")]

use boon::{Compiler, Draft, Schemas};
use serde_json::Value;

/// Whether `instance` satisfies a JSON Schema 2020-12.
pub(crate) fn is_valid(schema: &Value, instance: &Value) -> bool {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.set_default_draft(Draft::V2020_12);
    compiler.add_resource("schema.json", schema.clone()).unwrap();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    schemas.validate(instance, schema).is_ok()
}
