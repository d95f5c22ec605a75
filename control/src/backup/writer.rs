//! Writes the file, one part after the other.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::Error;
use super::format::{
    ARTIFACTS, Artifacts, HEADER, Header, MANIFEST, Manifest, PART_BYTES_MAX, SEAL, TableManifest, table_part,
};
use crate::domain::digest::Digest;
use crate::key::MasterKey;
use crate::key::seal::Purpose;

/// Parts of a tar archive begin where a multiple of this does.
const BLOCK_BYTES: usize = 512;

/// The file as far as it is written.
pub(super) struct Writer<W: Write> {
    out: GzEncoder<W>,
    modified_at: u64,
    header: Digest,
    artifacts: Artifacts,
    artifacts_hash: Sha256,
    tables: Vec<TableManifest>,
}

impl<W: Write> Writer<W> {
    /// Begins with what it is.
    pub(super) fn begin(out: W, header: &Header) -> Result<Self, Error> {
        let text = json(header)?;
        let mut writer = Self {
            out: GzEncoder::new(out, Compression::default()),
            modified_at: u64::try_from(header.created_at.as_second()).unwrap_or_default(),
            header: Digest(Sha256::digest(&text).into()),
            artifacts: Artifacts { count: 0, bytes: 0, sha256: Digest([0; 32]) },
            artifacts_hash: Sha256::new(),
            tables: Vec::new(),
        };
        writer.part(HEADER, &text)?;
        Ok(writer)
    }

    /// Begins an artifact, of which [`piece`](Self::piece)s follow with as many bytes as it has, and then its
    /// [`end`](Self::end).
    pub(super) fn artifact(&mut self, digest: Digest, bytes: u64) -> Result<(), Error> {
        self.artifacts.count += 1;
        self.artifacts.bytes += bytes;
        self.artifacts_hash.update(digest.0);
        self.begin_part(&format!("{ARTIFACTS}{digest}"), bytes)
    }

    /// More of the part that was begun.
    pub(super) fn piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(Error::Write)
    }

    /// Ends a part of so many bytes.
    pub(super) fn end(&mut self, bytes: u64) -> Result<(), Error> {
        let rest = usize::try_from(bytes % BLOCK_BYTES as u64).unwrap_or_default();
        let padding = if rest == 0 { 0 } else { BLOCK_BYTES - rest };
        self.piece(&[0; BLOCK_BYTES][..padding])
    }

    /// Writes the rows of a table, which come in portions.
    pub(super) fn table<'a>(&'a mut self, name: &'a str) -> Table<'a, W> {
        Table { writer: self, name, parts: 0, rows: 0, hash: Sha256::new() }
    }

    /// Ends the file: with what is in it, sealed under the passphrase's key if there is one.
    pub(super) fn finish(mut self, seal: Option<&MasterKey>) -> Result<(W, Manifest), Error> {
        let mut artifacts = self.artifacts.clone();
        artifacts.sha256 = Digest(self.artifacts_hash.clone().finalize().into());
        let manifest = Manifest { header: self.header, artifacts, tables: std::mem::take(&mut self.tables) };
        let text = json(&manifest)?;
        self.part(MANIFEST, &text)?;
        if let Some(key) = seal {
            let purpose = Purpose::Backup { manifest: Sha256::digest(&text).into() };
            let sealed = key.seal(b"", purpose).map_err(|source| Error::Secret { table: MANIFEST, source })?;
            self.part(SEAL, sealed.as_bytes())?;
        }
        // Two blocks of nothing are the end of an archive.
        self.piece(&[0; 2 * BLOCK_BYTES])?;
        let mut out = self.out.finish().map_err(Error::Write)?;
        out.flush().map_err(Error::Write)?;
        Ok((out, manifest))
    }

    fn part(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.begin_part(name, bytes.len() as u64)?;
        self.piece(bytes)?;
        self.end(bytes.len() as u64)
    }

    fn begin_part(&mut self, name: &str, bytes: u64) -> Result<(), Error> {
        if bytes > PART_BYTES_MAX {
            let text = format!("{name} has {bytes} bytes, and a part of a backup has at most {PART_BYTES_MAX}");
            return Err(Error::Write(std::io::Error::other(text)));
        }
        let mut header = tar::Header::new_ustar();
        header.set_path(name).map_err(Error::Write)?;
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.modified_at);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        self.piece(header.as_bytes())
    }
}

/// A table whose rows are being written.
pub(super) struct Table<'a, W: Write> {
    writer: &'a mut Writer<W>,
    name: &'a str,
    parts: u64,
    rows: u64,
    hash: Sha256,
}

impl<W: Write> Table<'_, W> {
    /// So many rows, each a line.
    pub(super) fn rows(&mut self, count: u64, lines: &[u8]) -> Result<(), Error> {
        self.writer.part(&table_part(self.name, self.parts), lines)?;
        self.parts += 1;
        self.rows += count;
        self.hash.update(lines);
        Ok(())
    }

    /// There are no more.
    pub(super) fn finish(self) {
        let sha256 = Digest(self.hash.finalize().into());
        self.writer.tables.push(TableManifest { name: self.name.to_owned(), rows: self.rows, sha256 });
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| Error::Write(error.into()))?;
    text.push(b'\n');
    Ok(text)
}
