//! Backups know the whole schema, whoever adds to it.

use std::collections::{BTreeMap, BTreeSet};

use control::domain::backup::Kind;
use control::store::backup::{LEFT_OUT, TABLES};
use control::store::sql::{Dialect, sql};

use crate::Kept;

crate::in_both!(every_table_and_column_is_known, tables_come_after_those_that_they_refer_to);

/// The columns of each table, with their types.
async fn schema(kept: &Kept) -> BTreeMap<String, BTreeMap<String, String>> {
    let select = match kept.store.database().dialect() {
        Dialect::Sqlite => sql("select t.name as in_table, c.name as named, lower(c.type) as typed \
             from sqlite_schema t join pragma_table_info(t.name) c \
             where t.type = 'table' and t.name not like 'sqlite_%'"),
        Dialect::Postgres => sql("select table_name::text as in_table, column_name::text as named, \
             data_type::text as typed from information_schema.columns where table_schema = current_schema()"),
    };
    let mut schema: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for row in kept.store.database().fetch_all(select).await.unwrap() {
        let table = schema.entry(row.get("in_table").unwrap()).or_default();
        table.insert(row.get("named").unwrap(), row.get("typed").unwrap());
    }
    // Of the program that applies migrations.
    assert!(schema.remove("_sqlx_migrations").is_some());
    schema
}

fn type_of(dialect: Dialect, kind: Kind) -> &'static str {
    match (dialect, kind) {
        (Dialect::Sqlite | Dialect::Postgres, Kind::Bool) => "boolean",
        (Dialect::Sqlite, Kind::Int) => "integer",
        (Dialect::Postgres, Kind::Int) => "bigint",
        (Dialect::Sqlite, Kind::Uuid | Kind::Text | Kind::Json) | (Dialect::Postgres, Kind::Text) => "text",
        (Dialect::Postgres, Kind::Uuid) => "uuid",
        (Dialect::Postgres, Kind::Json) => "jsonb",
        (Dialect::Sqlite, Kind::Bytes) => "blob",
        (Dialect::Postgres, Kind::Bytes) => "bytea",
    }
}

async fn every_table_and_column_is_known(kept: Kept) {
    let dialect = kept.store.database().dialect();
    let schema = schema(&kept).await;
    let known: BTreeSet<&str> = TABLES.iter().map(|table| table.name).chain(LEFT_OUT.iter().copied()).collect();
    let there: BTreeSet<&str> = schema.keys().map(String::as_str).collect();
    assert_eq!(known, there, "say in control/src/store/backup/tables.rs what backups do with it");
    for table in TABLES {
        let known = table.columns.iter();
        let known: BTreeMap<String, String> =
            known.map(|column| (column.name.to_owned(), type_of(dialect, column.kind).to_owned())).collect();
        assert_eq!(known, schema[table.name], "{}: say so in control/src/store/backup/tables.rs", table.name);
        assert!(table.order.split(", ").all(|name| table.column(name).is_some()), "{}", table.name);
    }
}

/// In the order in which they are restored.
async fn tables_come_after_those_that_they_refer_to(kept: Kept) {
    let select = match kept.store.database().dialect() {
        Dialect::Sqlite => sql("select t.name as owner, f.\"table\" as target from sqlite_schema t \
             join pragma_foreign_key_list(t.name) f where t.type = 'table'"),
        Dialect::Postgres => sql("select conrelid::regclass::text as owner, confrelid::regclass::text as target \
             from pg_constraint where contype = 'f'"),
    };
    let place = |name: &str| TABLES.iter().position(|table| table.name == name);
    let rows = kept.store.database().fetch_all(select).await.unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let (owner, target): (String, String) = (row.get("owner").unwrap(), row.get("target").unwrap());
        if !LEFT_OUT.contains(&owner.as_str()) {
            assert!(place(&target).is_some() && place(&target) < place(&owner), "{owner} refers to {target}");
        }
    }
}
