//! Which processes.

use serde_json::{Value, json};

use crate::domain::id::DataPlaneId;
use crate::domain::registry::InstanceKey;
use crate::store::sql::{Dialect, Error, Row, Statement};

/// Which process a row is of.
pub(in crate::store) fn key(row: &Row) -> Result<InstanceKey, Error> {
    Ok(InstanceKey { data_plane: DataPlaneId(row.get("data_plane_id")?), instance: row.get("instance_id")? })
}

/// These, as a query of two columns.
pub(in crate::store) fn key_rows(
    statement: Statement,
    dialect: Dialect,
    keys: impl Iterator<Item = InstanceKey>,
) -> Statement {
    let all = keys.map(|key| json!({ "data_plane": key.data_plane, "instance": key.instance })).collect();
    let (before, after) = match dialect {
        Dialect::Postgres => {
            ("select k.data_plane, k.instance from jsonb_to_recordset(", ") as k (data_plane uuid, instance uuid)")
        }
        Dialect::Sqlite => ("select value ->> 'data_plane', value ->> 'instance' from json_each(", ")"),
    };
    statement.then_bind(before, Value::Array(all)).then(after)
}
