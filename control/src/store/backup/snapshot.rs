//! Every table, as it is at one moment.

use futures_util::stream::{BoxStream, StreamExt as _};

use crate::domain::backup::{Cell, Column, Kind, Table};
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::domain::store::{self as domain, Result};
use crate::store::sql::{self, Error as SqlError, Row, Statement, sql};

/// The state of one moment.
pub(super) struct Snapshot {
    database: sql::Snapshot,
}

impl Snapshot {
    pub(super) fn new(database: sql::Snapshot) -> Self {
        Self { database }
    }
}

impl domain::Snapshot for Snapshot {
    fn artifacts(&mut self) -> BoxStream<'_, Result<(Digest, u64)>> {
        // Two projects with the same artifact say the same of it.
        let select = sql("select digest, max(size) as size from artifacts group by digest order by digest");
        let rows = self.database.fetch(select);
        rows.map(|row| {
            let row = row?;
            let size = u64::try_from(row.get::<i64>("size")?).map_err(|_| Error::Damaged(Noun::Artifact))?;
            Ok((row.get("digest")?, size))
        })
        .boxed()
    }

    fn rows(&mut self, table: &'static Table) -> BoxStream<'_, Result<Vec<Cell>>> {
        let rows = self.database.fetch(select(table));
        rows.map(|row| {
            let row = row?;
            Ok(table.columns.iter().map(|column| cell(&row, column)).collect::<Result<_, SqlError>>()?)
        })
        .boxed()
    }
}

fn select(table: &'static Table) -> Statement {
    let select = table.columns.iter().enumerate().fold(sql("select "), |select, (index, column)| {
        select.then(if index == 0 { "" } else { ", " }).then(column.name)
    });
    select.then(" from ").then(table.name).then(" order by ").then(table.order)
}

fn cell(row: &Row, column: &'static Column) -> Result<Cell, SqlError> {
    fn or_null<T>(value: Option<T>, cell: impl Fn(T) -> Cell) -> Cell {
        value.map_or(Cell::Null, cell)
    }
    let name = column.name;
    Ok(match column.kind {
        Kind::Bool => or_null(row.get(name)?, Cell::Bool),
        Kind::Int => or_null(row.get(name)?, Cell::Int),
        Kind::Text => or_null(row.get(name)?, Cell::Text),
        Kind::Uuid => or_null(row.get(name)?, Cell::Uuid),
        Kind::Bytes => or_null(row.get(name)?, Cell::Bytes),
        Kind::Json => or_null(row.json_some(name)?, Cell::Json),
    })
}
