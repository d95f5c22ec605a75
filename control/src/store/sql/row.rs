//! What statements give back.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use sqlx::{ColumnIndex, Decode, Row as _, Type};
use uuid::Uuid;

use super::Error;
use crate::domain::digest::Digest;
use crate::domain::version::Version;

/// A row of either database.
#[derive(Debug)]
pub enum Row {
    /// Of SQLite.
    Sqlite(SqliteRow),
    /// Of PostgreSQL.
    Postgres(PgRow),
}

/// What a column can be read as.
pub trait Column: Sized {
    /// Reads it.
    fn read(row: &Row, column: &'static str) -> Result<Self, Error>;
}

impl Row {
    /// The value of a column.
    pub fn get<T: Column>(&self, column: &'static str) -> Result<T, Error> {
        T::read(self, column)
    }

    /// The value of a column that holds text in the form of `T`.
    pub fn parse<T>(&self, column: &'static str) -> Result<T, Error>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        self.get::<String>(column)?.parse().map_err(|error: T::Err| wrong(column, error))
    }

    /// The same, where there is one.
    pub fn parse_some<T>(&self, column: &'static str) -> Result<Option<T>, Error>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        let text = self.get::<Option<String>>(column)?;
        text.map(|text| text.parse().map_err(|error: T::Err| wrong(column, error))).transpose()
    }

    /// The value of a column that holds JSON.
    pub fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        // Through text, so that both databases give the same value.
        let value = match self {
            Self::Sqlite(row) => row.try_get::<Json<serde_json::Value>, _>(column)?.0,
            Self::Postgres(row) => row.try_get::<Json<serde_json::Value>, _>(column)?.0,
        };
        serde_json::from_value(value).map_err(|error| wrong(column, error))
    }

    /// The value of a column that holds JSON, where there is one.
    pub fn json_some<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, Error> {
        let value = match self {
            Self::Sqlite(row) => row.try_get::<Option<Json<serde_json::Value>>, _>(column)?,
            Self::Postgres(row) => row.try_get::<Option<Json<serde_json::Value>>, _>(column)?,
        };
        value.map(|value| serde_json::from_value(value.0).map_err(|error| wrong(column, error))).transpose()
    }

    /// The value of a column that holds JSON as text in both databases, which thus keep it as it was written.
    pub fn json_text<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|error| wrong(column, error))
    }

    /// The same, where there is one.
    pub fn json_text_some<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, Error> {
        let text = self.get::<Option<String>>(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|error| wrong(column, error))).transpose()
    }

    /// A set of words that is kept as a JSON array.
    pub fn words<T: DeserializeOwned + Ord>(&self, column: &'static str) -> Result<BTreeSet<T>, Error> {
        self.json(column)
    }

    /// A word of a closed set.
    pub fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        let text = serde_json::Value::String(self.get(column)?);
        serde_json::from_value(text).map_err(|error| wrong(column, error))
    }

    /// The same, where there is one.
    pub fn word_some<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, Error> {
        let text = self.get::<Option<String>>(column)?;
        let word = text.map(|text| serde_json::from_value(serde_json::Value::String(text)));
        word.transpose().map_err(|error| wrong(column, error))
    }

    fn plain<T>(&self, column: &'static str) -> Result<T, Error>
    where
        T: for<'r> Decode<'r, sqlx::Sqlite> + Type<sqlx::Sqlite>,
        T: for<'r> Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres>,
        &'static str: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }
}

fn wrong(column: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Column { column, source: source.into() }
}

macro_rules! plain {
    ($($type:ty),+) => {$(
        impl Column for $type {
            fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
                row.plain(column)
            }
        }

        impl Column for Option<$type> {
            fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
                row.plain(column)
            }
        }
    )+};
}

plain!(bool, i64, String, Vec<u8>);

impl Column for Option<Uuid> {
    fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
        match row {
            Row::Sqlite(row) => {
                let text = row.try_get::<Option<String>, _>(column)?;
                text.map(|text| text.parse().map_err(|error: uuid::Error| wrong(column, error))).transpose()
            }
            Row::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}

impl Column for Uuid {
    fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
        Option::<Self>::read(row, column)?.ok_or_else(|| wrong(column, "nothing is there"))
    }
}

impl Column for Option<Timestamp> {
    fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
        let microseconds = row.plain::<Option<i64>>(column)?;
        microseconds.map(|at| Timestamp::from_microsecond(at).map_err(|error| wrong(column, error))).transpose()
    }
}

impl Column for Timestamp {
    fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
        Option::<Self>::read(row, column)?.ok_or_else(|| wrong(column, "nothing is there"))
    }
}

impl Column for Version {
    fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
        row.plain(column).map(Self)
    }
}

impl Column for Option<[u8; 32]> {
    fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
        let bytes: Option<Vec<u8>> = row.plain(column)?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| wrong(column, "it has not 32 bytes"))).transpose()
    }
}

impl Column for [u8; 32] {
    fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
        Option::<Self>::read(row, column)?.ok_or_else(|| wrong(column, "nothing is there"))
    }
}

impl Column for Option<Digest> {
    fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
        Ok(Option::<[u8; 32]>::read(row, column)?.map(Digest))
    }
}

impl Column for Digest {
    fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
        <[u8; 32]>::read(row, column).map(Self)
    }
}

macro_rules! ids {
    ($($name:ident),+) => {$(
        impl Column for crate::domain::id::$name {
            fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
                Uuid::read(row, column).map(Self)
            }
        }

        impl Column for Option<crate::domain::id::$name> {
            fn read(row: &Row, column: &'static str) -> Result<Self, Error> {
                Ok(Option::<Uuid>::read(row, column)?.map(crate::domain::id::$name))
            }
        }
    )+};
}

ids!(
    TeamId,
    ProjectId,
    SpecId,
    RevisionId,
    BuildId,
    DataPlaneId,
    ApiKeyId,
    TokenId,
    DeploymentId,
    SigningKeyId,
    EventId,
    InstallationId
);
