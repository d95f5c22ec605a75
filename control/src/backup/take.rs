//! Takes a backup: one state of the database, and the bytes of every artifact that it names.

use std::io::Write;

use futures_util::StreamExt as _;
use jiff::Timestamp;

use super::format::{FORMAT, Header, Manifest, ROWS_BYTES, Secrets, TableHeader};
use super::secrets::Taking;
use super::writer::Writer;
use super::{Error, cells};
use crate::domain::act::Act;
use crate::domain::artifact::ArtifactBytes;
use crate::domain::backup::Table;
use crate::domain::store::{Backups, Snapshot};
use crate::domain::time::now;
use crate::key::MasterKey;
use crate::key::passphrase::{Passphrase, Stretching};
use crate::store::backup::{TABLES, schema_version};

/// What a backup is taken of.
#[derive(Debug)]
pub struct Source<'a, S> {
    /// Who takes it.
    pub act: &'a Act,
    /// Everything but the bytes of artifacts.
    pub store: &'a S,
    /// The bytes of artifacts.
    pub artifacts: &'a dyn ArtifactBytes,
    /// What private keys are sealed under, and what they are to be sealed under; absent: no secret is taken.
    pub secrets: Option<(&'a MasterKey, &'a Passphrase)>,
}

/// The key that a passphrase makes, and how.
struct PassphraseKey {
    stretching: Stretching,
    key: MasterKey,
}

/// Writes a backup. Returns what it was written to, and what is in it.
///
/// Few rows and a piece of an artifact are in memory at a time.
///
/// # Errors
/// What was written by then ends in the middle, and nothing restores it.
pub async fn take<S: Backups, W: Write>(source: &Source<'_, S>, out: W) -> Result<(W, Header, Manifest), Error> {
    let passphrase = source.secrets.map(|(_, passphrase)| PassphraseKey::of(passphrase)).transpose()?;
    let taking = match (source.secrets, &passphrase) {
        (Some((master, _)), Some(passphrase)) => Taking::With { master, passphrase: &passphrase.key },
        (Some(_), None) | (None, _) => Taking::Without,
    };
    let detail = serde_json::json!({ "secrets": passphrase.is_some() });
    let mut snapshot = source.store.snapshot(source.act, detail).await?;
    let header = header(now(), taking, passphrase.as_ref());
    let mut writer = Writer::begin(out, &header)?;
    artifacts(&mut *snapshot, source.artifacts, &mut writer).await?;
    for table in TABLES.iter().filter(|table| taking.holds(table)) {
        rows(&mut *snapshot, (table, taking), &mut writer).await?;
    }
    let (out, manifest) = writer.finish(passphrase.as_ref().map(|passphrase| &passphrase.key))?;
    Ok((out, header, manifest))
}

impl PassphraseKey {
    fn of(passphrase: &Passphrase) -> Result<Self, Error> {
        passphrase.check_strength()?;
        let stretching = Stretching::new()?;
        let key = passphrase.stretch(&stretching)?;
        Ok(Self { stretching, key })
    }
}

fn header(created_at: Timestamp, taking: Taking<'_>, passphrase: Option<&PassphraseKey>) -> Header {
    let tables = TABLES.iter().filter(|table| taking.holds(table)).map(|table| TableHeader {
        name: table.name.to_owned(),
        columns: table.columns.iter().map(|column| column.name.to_owned()).collect(),
    });
    Header {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: schema_version(),
        created_at,
        tables: tables.collect(),
        secrets: passphrase.map(|made| Secrets { stretching: made.stretching.clone(), key: made.key.id().to_string() }),
    }
}

async fn artifacts<W: Write>(
    snapshot: &mut dyn Snapshot,
    bytes: &dyn ArtifactBytes,
    writer: &mut Writer<W>,
) -> Result<(), Error> {
    let mut artifacts = snapshot.artifacts();
    while let Some(artifact) = artifacts.next().await {
        let (digest, size) = artifact?;
        let failed = |source| Error::Artifact { digest, source };
        writer.artifact(digest, size)?;
        // What comes is what was stored, all of it, or an error.
        let mut pieces = bytes.read(digest, 0..size).await.map_err(failed)?;
        while let Some(piece) = pieces.next().await {
            writer.piece(&piece.map_err(failed)?)?;
        }
        writer.end(size)?;
    }
    Ok(())
}

async fn rows<W: Write>(
    snapshot: &mut dyn Snapshot,
    (table, taking): (&'static Table, Taking<'_>),
    writer: &mut Writer<W>,
) -> Result<(), Error> {
    let mut rows = snapshot.rows(table);
    let mut written = writer.table(table.name);
    let (mut count, mut lines) = (0, Vec::new());
    while let Some(row) = rows.next().await {
        let row = taking.row(table, row?)?;
        cells::write(row, &mut lines).map_err(|error| Error::Row { table: table.name, why: error.to_string() })?;
        count += 1;
        if lines.len() >= ROWS_BYTES {
            written.rows(count, &lines)?;
            (count, lines) = (0, Vec::new());
        }
    }
    if count > 0 {
        written.rows(count, &lines)?;
    }
    written.finish();
    Ok(())
}
