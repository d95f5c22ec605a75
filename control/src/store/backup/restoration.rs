//! An empty database that is being filled: in one transaction, so that it stays empty or becomes whole.

use artifact_format::signature::PublicKey;
use async_trait::async_trait;

use super::tables::TABLES;
use crate::domain::act::{Act, Action};
use crate::domain::backup::{Cell, Column, Kind, Orphan, Refounding, Rows};
use crate::domain::error::{Error, Noun};
use crate::domain::id::SigningKeyId;
use crate::domain::project::Project;
use crate::domain::store::{self as domain, Result};
use crate::domain::time::now;
use crate::key::MasterKeyId;
use crate::store::audit::{Target, record};
use crate::store::sql::{Database, Dialect, Statement, Transaction, Value, sql};
use crate::store::{projects, sealing, signing_keys};

/// How many rows are sent at once. SQLite takes 32766 values, and the widest table has fewer than 30 columns.
const ROWS_MAX: usize = 500;
/// How many bytes are sent at once, beyond the first row's.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// The transaction that fills it.
pub(super) struct Restoration {
    transaction: Transaction,
}

impl Restoration {
    pub(super) async fn begin(database: &Database, master_key: MasterKeyId) -> Result<Self> {
        let mut transaction = database.begin_long().await?;
        match transaction.dialect() {
            // Its only writer is here.
            Dialect::Sqlite => {}
            Dialect::Postgres => {
                for table in TABLES {
                    let lock = sql("lock table ").then(table.name).then(" in exclusive mode");
                    transaction.execute(lock).await?;
                }
            }
        }
        for table in TABLES {
            let any = sql("select 1 as one from ").then(table.name).then(" limit 1");
            if transaction.fetch_optional(any).await?.is_some() {
                let name = table.name;
                return Err(Error::Conflict(format!(
                    "the database is not empty: there are rows in `{name}`. A backup is restored only where nothing is \
                     lost by it: give a database and a data folder that no control plane has served"
                )));
            }
        }
        let sealed_by = sealing::current(&mut transaction, master_key).await?;
        if sealed_by != master_key {
            return Err(Error::Conflict(format!(
                "the database is kept under master key {sealed_by}, and the master key here is {master_key}: give the \
                 other one with --master-key"
            )));
        }
        Ok(Self { transaction })
    }
}

#[async_trait]
impl domain::Restoration for Restoration {
    async fn insert(&mut self, rows: Rows) -> Result<()> {
        let Rows { table, columns, rows } = rows;
        let mut batch = Vec::new();
        let mut bytes = 0;
        for row in rows {
            let more = row.iter().map(size).sum::<usize>();
            if !batch.is_empty() && (batch.len() == ROWS_MAX || bytes + more > BATCH_BYTES_MAX) {
                let full = std::mem::take(&mut batch);
                self.transaction.execute(insert(table.name, &columns, full)).await?;
                bytes = 0;
            }
            bytes += more;
            batch.push(row);
        }
        if !batch.is_empty() {
            self.transaction.execute(insert(table.name, &columns, batch)).await?;
        }
        Ok(())
    }

    async fn orphans(&mut self) -> Result<Vec<Orphan>> {
        // What is believed still, and signs no more: its private half is elsewhere, if anywhere.
        let lost = sql("update signing_keys set kind = 'public' where sealed is null and retired_at is null \
             and kind in ('generated', 'imported')");
        self.transaction.execute(lost).await?;
        let select = sql("select p.* from projects p join signing_keys k on k.project_id = p.id \
             where k.is_active and k.kind = 'public' order by p.id");
        let rows = self.transaction.fetch_all(select).await?;
        let mut orphans = Vec::with_capacity(rows.len());
        for row in rows {
            let project = projects::read(&row)?;
            let believed = believed(&mut self.transaction, &project).await?;
            orphans.push(Orphan { project, believed });
        }
        Ok(orphans)
    }

    async fn refound(&mut self, act: &Act, orphan: &Orphan, refounding: Refounding) -> Result<()> {
        let (project, transaction) = (&orphan.project, &mut self.transaction);
        let Refounding { key, root, retired } = refounding;
        let inactive = sql("update signing_keys set is_active = false where project_id = $1").bind(project.id);
        transaction.execute(inactive).await?;
        for id in retired {
            let retire = sql("update signing_keys set retired_at = $1 where id = $2").bind(now()).bind(id);
            transaction.execute(retire).await?;
        }
        // Nobody can sign what would follow them.
        transaction.execute(sql("delete from trust_roots where project_id = $1").bind(project.id)).await?;
        signing_keys::found(transaction, (project, act), &key, &root).await?;
        let detail = serde_json::json!({
            "kind": key.custody.kind(), "key_id": key.key_id(), "trust_root": root.version().get(),
        });
        let target = Target::new(Noun::SigningKey, key.id.0, Some(key.name.as_str())).of_team(project.team);
        let target = target.of_project(project.id).with(detail);
        Ok(record(transaction, act, Action::SigningKeyCreate, target).await?)
    }

    async fn commit(mut self: Box<Self>, act: &Act, detail: serde_json::Value) -> Result<()> {
        let target = Target::of_installation(Noun::Backup).with(detail);
        record(&mut self.transaction, act, Action::BackupRestore, target).await?;
        Ok(self.transaction.commit().await?)
    }
}

/// Keys whose signatures a project believes, newest first.
async fn believed(transaction: &mut Transaction, project: &Project) -> Result<Vec<(SigningKeyId, PublicKey)>> {
    let select = sql("select id, public_key from signing_keys where project_id = $1 and retired_at is null \
         order by is_active desc, id desc");
    let rows = transaction.fetch_all(select.bind(project.id)).await?;
    let read = rows.iter().map(|row| {
        let public = PublicKey::parse(&row.get::<String>("public_key")?);
        Ok((row.get("id")?, public.map_err(|_| Error::Damaged(Noun::SigningKey))?))
    });
    read.collect()
}

fn insert(table: &'static str, columns: &[&'static Column], rows: Vec<Vec<Cell>>) -> Statement {
    let names = sql("insert into ").then(table).then(" (");
    let comma = |index| if index == 0 { "" } else { ", " };
    let names =
        columns.iter().enumerate().fold(names, |names, (index, column)| names.then(comma(index)).then(column.name));
    rows.into_iter().enumerate().fold(names.then(") values "), |insert, (index, row)| {
        let cells = row.into_iter().zip(columns).enumerate();
        let insert = insert.then(comma(index)).then("(");
        cells
            .fold(insert, |insert, (index, (cell, column))| insert.then_bind(comma(index), value(cell, column.kind)))
            .then(")")
    })
}

/// How many bytes a cell has, more or less.
fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Uuid(_) => 16,
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
        Cell::Json(value) => value.to_string().len(),
    }
}

fn value(cell: Cell, kind: Kind) -> Value {
    match cell {
        Cell::Bool(value) => Value::Bool(Some(value)),
        Cell::Int(value) => Value::Int(Some(value)),
        Cell::Text(value) => Value::Text(Some(value)),
        Cell::Uuid(value) => Value::Uuid(Some(value)),
        Cell::Bytes(value) => Value::Bytes(Some(value)),
        Cell::Json(value) => Value::Json(Some(value)),
        Cell::Null => match kind {
            Kind::Bool => Value::Bool(None),
            Kind::Int => Value::Int(None),
            Kind::Text => Value::Text(None),
            Kind::Uuid => Value::Uuid(None),
            Kind::Bytes => Value::Bytes(None),
            Kind::Json => Value::Json(None),
        },
    }
}
