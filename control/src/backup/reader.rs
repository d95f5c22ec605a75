//! Reads the file, one part after the other, and believes none of it: every part has to stand where it belongs, and to be
//! what the manifest says.

use std::collections::HashSet;
use std::io::{BufRead, Read};

use flate2::bufread::GzDecoder;
use sha2::{Digest as _, Sha256};
use tar::{Archive, Entries, Entry};

use super::format::{
    ARTIFACTS, AnyHeader, Artifacts, FORMAT, HEADER, Header, MANIFEST, Manifest, PART_BYTES_MAX, SEAL, TableManifest,
    table_part,
};
use super::{Error, cells};
use crate::domain::backup::{Cell, Column, Rows, Table};
use crate::domain::digest::Digest;
use crate::file::read_at_most;
use crate::store::backup::{ARTIFACTS_TABLE, OLDEST_SCHEMA, TABLES, schema_version};

/// What unpacks the file.
pub(super) type Unpacked<R> = Archive<GzDecoder<R>>;

/// Begins to unpack.
pub(super) fn unpack<R: BufRead>(input: R) -> Unpacked<R> {
    Archive::new(GzDecoder::new(input))
}

/// A part, in the order of the file.
#[derive(Debug)]
pub(super) enum Part {
    /// The bytes of an artifact.
    Artifact {
        /// Its SHA-256, which is that of the bytes.
        digest: Digest,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// Rows of a table, secrets sealed.
    Rows(Rows),
    /// What everything was. Nothing follows.
    End {
        /// As it was read, and as it is.
        manifest: Manifest,
        /// SHA-256 of its text.
        sha256: [u8; 32],
        /// What stands under the passphrase's key.
        seal: Option<Vec<u8>>,
    },
}

/// The file as far as it is read.
pub(super) struct Reader<'a, R: BufRead> {
    entries: Entries<'a, GzDecoder<R>>,
    pub(super) header: Header,
    tables: Vec<(&'static Table, Vec<&'static Column>)>,
    header_sha256: Digest,
    artifacts: Artifacts,
    artifacts_hash: Sha256,
    digests: HashSet<[u8; 32]>,
    last: Option<Digest>,
    /// The table whose parts come now, counted from 0, and what is known of it.
    at: usize,
    parts: u64,
    rows: u64,
    hash: Sha256,
    read: Vec<TableManifest>,
}

impl<'a, R: BufRead> Reader<'a, R> {
    /// Reads what it is.
    pub(super) fn begin(unpacked: &'a mut Unpacked<R>) -> Result<Self, Error> {
        let not = |error: std::io::Error| match Error::reading(error) {
            Error::Read(error) => Error::Read(error),
            other => Error::NotABackup(other.to_string()),
        };
        // No entry that changes the meaning of another is interpreted.
        let mut entries = unpacked.entries().map_err(not)?.raw(true);
        let first = entries.next().ok_or_else(|| Error::NotABackup("there is nothing in it".to_owned()))?;
        let mut first = first.map_err(not)?;
        if first.path_bytes() != HEADER.as_bytes() {
            return Err(Error::NotABackup(format!("it does not begin with {HEADER}")));
        }
        let text = contents(&mut first)?;
        let header = parse_header(&text)?;
        let tables = known(&header)?;
        Ok(Self {
            entries,
            header,
            tables,
            header_sha256: Digest(Sha256::digest(&text).into()),
            artifacts: Artifacts { count: 0, bytes: 0, sha256: Digest([0; 32]) },
            artifacts_hash: Sha256::new(),
            digests: HashSet::new(),
            last: None,
            at: 0,
            parts: 0,
            rows: 0,
            hash: Sha256::new(),
            read: Vec::new(),
        })
    }

    /// The tables that the header names.
    pub(super) fn tables(&self) -> impl Iterator<Item = &'static Table> {
        self.tables.iter().map(|(table, _)| *table)
    }

    /// The next part.
    pub(super) fn next(&mut self) -> Result<Part, Error> {
        let mut entry = self.entry()?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let bytes = contents(&mut entry)?;
        if let Some(digest) = name.strip_prefix(ARTIFACTS) {
            return self.artifact(digest, bytes);
        }
        if name == MANIFEST {
            return self.end(&bytes);
        }
        while self.at < self.tables.len() {
            if name == table_part(self.tables[self.at].0.name, self.parts) {
                return self.table(&bytes);
            }
            self.end_table();
        }
        Err(Error::Damaged(format!("`{}` is not where it belongs", crate::output::printable(&name))))
    }

    fn entry(&mut self) -> Result<Entry<'a, GzDecoder<R>>, Error> {
        let entry = self.entries.next().ok_or(Error::Truncated)?.map_err(Error::reading)?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(Error::Damaged("something in it is no file".to_owned()));
        }
        Ok(entry)
    }

    fn artifact(&mut self, digest: &str, bytes: Vec<u8>) -> Result<Part, Error> {
        let wrong = |what: &str| Error::Damaged(format!("an artifact {what}"));
        let digest: Digest = digest.parse().map_err(|_| wrong("has no name"))?;
        if self.at > 0 || self.parts > 0 || self.last.is_some_and(|last| last >= digest) {
            return Err(wrong("is not where it belongs"));
        }
        if Sha256::digest(&bytes).as_slice() != digest.0 {
            return Err(Error::Damaged(format!("artifact {digest} has other bytes than it had")));
        }
        self.last = Some(digest);
        self.digests.insert(digest.0);
        self.artifacts.count += 1;
        self.artifacts.bytes += bytes.len() as u64;
        self.artifacts_hash.update(digest.0);
        Ok(Part::Artifact { digest, bytes })
    }

    fn table(&mut self, lines: &[u8]) -> Result<Part, Error> {
        let (table, columns) = &self.tables[self.at];
        let (table, columns) = (*table, columns.clone());
        let wrong = |why: String| Error::Damaged(format!("table `{}`: {why}", table.name));
        let whole = lines.strip_suffix(b"\n").ok_or_else(|| wrong("a row has no end".to_owned()))?;
        let rows = whole.split(|byte| *byte == b'\n').map(|line| cells::read(line, &columns));
        let rows: Vec<Vec<Cell>> = rows.collect::<Result<_, _>>().map_err(|fault| wrong(fault.to_string()))?;
        self.parts += 1;
        self.rows += rows.len() as u64;
        self.hash.update(lines);
        let rows = Rows { table, columns, rows };
        if table.name == ARTIFACTS_TABLE {
            self.check_artifacts(&rows)?;
        }
        Ok(Part::Rows(rows))
    }

    /// Every artifact that is named has its bytes.
    fn check_artifacts(&self, rows: &Rows) -> Result<(), Error> {
        let wrong = || Error::Damaged("an artifact is named whose bytes are not there".to_owned());
        let at = rows.position("digest").ok_or_else(wrong)?;
        let is_there = |row: &Vec<Cell>| match row.get(at) {
            Some(Cell::Bytes(digest)) => self.digests.contains(digest.as_slice()),
            _ => false,
        };
        if rows.rows.iter().all(is_there) { Ok(()) } else { Err(wrong()) }
    }

    fn end_table(&mut self) {
        let name = self.tables[self.at].0.name.to_owned();
        let sha256 = Digest(std::mem::take(&mut self.hash).finalize().into());
        self.read.push(TableManifest { name, rows: std::mem::take(&mut self.rows), sha256 });
        self.at += 1;
        self.parts = 0;
    }

    fn end(&mut self, text: &[u8]) -> Result<Part, Error> {
        while self.at < self.tables.len() {
            self.end_table();
        }
        self.artifacts.sha256 = Digest(self.artifacts_hash.clone().finalize().into());
        let manifest: Manifest = serde_json::from_slice(text)
            .map_err(|error| Error::Damaged(format!("{MANIFEST} cannot be read: {error}")))?;
        let found = Manifest {
            header: self.header_sha256,
            artifacts: self.artifacts.clone(),
            tables: std::mem::take(&mut self.read),
        };
        if manifest != found {
            return Err(Error::Damaged(format!("what is in it is not what {MANIFEST} says")));
        }
        let seal = if self.header.secrets.is_some() {
            let mut entry = self.entry()?;
            if entry.path_bytes() != SEAL.as_bytes() {
                return Err(Error::Damaged(format!("{SEAL} is missing")));
            }
            Some(contents(&mut entry)?)
        } else {
            None
        };
        match self.entries.next() {
            None => Ok(Part::End { manifest, sha256: Sha256::digest(text).into(), seal }),
            Some(entry) => {
                entry.map_err(Error::reading)?;
                Err(Error::Damaged("there is something after its end".to_owned()))
            }
        }
    }
}

/// What is left when everything was read: the second half of the archive's end, and the checksum over all of it.
pub(super) fn finish<R: BufRead>(unpacked: Unpacked<R>) -> Result<(), Error> {
    const REST: usize = 512;
    let mut decoder = unpacked.into_inner();
    let rest = read_at_most(&mut decoder, REST as u64).map_err(Error::reading)?;
    let after = || Error::Damaged("there is something after its end".to_owned());
    let rest = rest.ok_or_else(after)?;
    if rest.len() < REST {
        return Err(Error::Truncated);
    }
    if rest.iter().any(|byte| *byte != 0) || !decoder.into_inner().fill_buf().map_err(Error::reading)?.is_empty() {
        return Err(after());
    }
    Ok(())
}

fn contents(entry: &mut impl Read) -> Result<Vec<u8>, Error> {
    let bytes = read_at_most(entry, PART_BYTES_MAX).map_err(Error::reading)?;
    bytes.ok_or_else(|| Error::Damaged(format!("a part of it has more than {PART_BYTES_MAX} bytes")))
}

fn parse_header(text: &[u8]) -> Result<Header, Error> {
    let not = |error: serde_json::Error| Error::NotABackup(format!("{HEADER} cannot be read: {error}"));
    let any: AnyHeader = serde_json::from_slice(text).map_err(not)?;
    if any.format != FORMAT {
        return Err(Error::Format { found: any.format });
    }
    let header: Header = serde_json::from_slice(text).map_err(not)?;
    let (found, own, program) = (header.schema, schema_version(), header.program.clone());
    if found > own {
        return Err(Error::NewerSchema { found, own, program });
    }
    if found < OLDEST_SCHEMA {
        return Err(Error::OlderSchema { found, oldest: OLDEST_SCHEMA, program });
    }
    Ok(header)
}

/// The tables and columns that a header names, each of which this program knows, in the order in which it restores them.
fn known(header: &Header) -> Result<Vec<(&'static Table, Vec<&'static Column>)>, Error> {
    let mut rest = TABLES.iter();
    let mut known = Vec::with_capacity(header.tables.len());
    for named in &header.tables {
        let unknown = |what: &str| {
            let what = crate::output::printable(what);
            Error::Damaged(format!("it holds `{what}`, which this program does not know there"))
        };
        let table = rest.find(|table| table.name == named.name).ok_or_else(|| unknown(&named.name))?;
        let mut columns: Vec<&'static Column> = Vec::with_capacity(named.columns.len());
        for name in &named.columns {
            let column = table.column(name).ok_or_else(|| unknown(name))?;
            if columns.contains(&column) {
                return Err(unknown(name));
            }
            columns.push(column);
        }
        known.push((table, columns));
    }
    Ok(known)
}
