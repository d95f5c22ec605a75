//! A row as a line of JSON: bytes in base64, UUIDs as text, everything else as it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::domain::backup::{Cell, Column, Kind};

/// Adds a row and the end of its line.
pub(super) fn write(row: Vec<Cell>, into: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let values: Vec<Value> = row.into_iter().map(to_json).collect();
    serde_json::to_writer(&mut *into, &values)?;
    into.push(b'\n');
    Ok(())
}

/// Reads a line back. An error says what is wrong, and nothing of what stands there.
pub(super) fn read(line: &[u8], columns: &[&'static Column]) -> Result<Vec<Cell>, Fault> {
    let values: Vec<Value> = serde_json::from_slice(line).map_err(|_| Fault::Line)?;
    if values.len() != columns.len() {
        return Err(Fault::Count { found: values.len(), expected: columns.len() });
    }
    let cells = values.into_iter().zip(columns);
    cells.map(|(value, column)| from_json(value, column.kind).ok_or(Fault::Column { name: column.name })).collect()
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// No JSON.
    #[error("a row is no JSON array")]
    Line,
    /// Too much or too little.
    #[error("a row has {found} columns instead of {expected}")]
    Count {
        /// How many it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// Something else than the column holds.
    #[error("column `{name}` of a row holds what it cannot hold")]
    Column {
        /// Which.
        name: &'static str,
    },
}

fn to_json(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Bool(value) => value.into(),
        Cell::Int(value) => value.into(),
        Cell::Text(value) => value.into(),
        Cell::Uuid(value) => value.to_string().into(),
        Cell::Bytes(value) => BASE64.encode(value).into(),
        // In an array of its own: JSON has a `null`, and that is something.
        Cell::Json(value) => Value::Array(vec![value]),
    }
}

fn from_json(value: Value, kind: Kind) -> Option<Cell> {
    Some(match (kind, value) {
        (_, Value::Null) => Cell::Null,
        (Kind::Bool, Value::Bool(value)) => Cell::Bool(value),
        (Kind::Int, Value::Number(value)) => Cell::Int(value.as_i64()?),
        (Kind::Text, Value::String(value)) => Cell::Text(value),
        (Kind::Uuid, Value::String(value)) => Cell::Uuid(value.parse().ok()?),
        (Kind::Bytes, Value::String(value)) => Cell::Bytes(BASE64.decode(value).ok()?),
        (Kind::Json, Value::Array(mut value)) if value.len() == 1 => Cell::Json(value.pop()?),
        (
            Kind::Bool | Kind::Int | Kind::Text | Kind::Uuid | Kind::Bytes | Kind::Json,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_),
        ) => return None,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::backup::Secrecy;

    static COLUMNS: [Column; 6] = [
        Column { name: "bool", kind: Kind::Bool, secrecy: Secrecy::Open },
        Column { name: "int", kind: Kind::Int, secrecy: Secrecy::Open },
        Column { name: "text", kind: Kind::Text, secrecy: Secrecy::Open },
        Column { name: "uuid", kind: Kind::Uuid, secrecy: Secrecy::Open },
        Column { name: "bytes", kind: Kind::Bytes, secrecy: Secrecy::Open },
        Column { name: "json", kind: Kind::Json, secrecy: Secrecy::Open },
    ];

    fn columns() -> Vec<&'static Column> {
        COLUMNS.iter().collect()
    }

    fn check(row: &[Cell]) {
        let mut line = Vec::new();
        write(row.to_vec(), &mut line).unwrap();
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
        assert_eq!(read(&line, &columns()).unwrap(), row);
    }

    #[test]
    fn a_row_comes_back_as_it_was() {
        check(&[
            Cell::Bool(true),
            Cell::Int(i64::MIN),
            Cell::Text("two\nlines \u{0}\"".into()),
            Cell::Uuid(Uuid::from_u128(7)),
            Cell::Bytes(vec![0, 255, 10]),
            Cell::Json(serde_json::json!({"b": [1.5, null], "a": "x"})),
        ]);
        check(&[Cell::Null, Cell::Null, Cell::Null, Cell::Null, Cell::Null, Cell::Null]);
        let null = Cell::Json(Value::Null);
        check(&[Cell::Bool(false), Cell::Int(i64::MAX), Cell::Text(String::new()), Cell::Null, Cell::Null, null]);
    }

    #[test]
    fn what_a_column_cannot_hold_is_refused() {
        let read = |line: &str| read(line.as_bytes(), &columns()).unwrap_err();
        assert_eq!(read("{}"), Fault::Line);
        assert_eq!(read("[1]"), Fault::Count { found: 1, expected: 6 });
        assert_eq!(read("[1,1,null,null,null,null]"), Fault::Column { name: "bool" });
        assert_eq!(read("[null,1.5,null,null,null,null]"), Fault::Column { name: "int" });
        assert_eq!(read("[null,1,{},null,null,null]"), Fault::Column { name: "text" });
        assert_eq!(read("[null,1,\"\",\"x\",null,null]"), Fault::Column { name: "uuid" });
        assert_eq!(read("[null,1,\"\",null,\"?\",null]"), Fault::Column { name: "bytes" });
        assert_eq!(read("[null,1,\"\",null,null,{}]"), Fault::Column { name: "json" });
    }
}
