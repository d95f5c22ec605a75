//! `state` and its copy: a line of JSON, and a line with its SHA-256.

use std::path::PathBuf;

use artifact_format::container::{Digest, digest};
use fleet::agent::record::Record;

use super::{Error, Folder, write};

const STATE: &str = "state";
const COPY: &str = "state.copy";
/// What is written never comes near.
const MAX_BYTES: u64 = 1 << 20;

/// What was remembered.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::connected) enum Memory {
    /// Nothing: this data plane is new.
    Fresh,
    /// This.
    Known(Box<Record>),
    /// This, and one of the two files says something else.
    Repaired(Box<Record>, String),
    /// Something, and neither file is of any use.
    Lost(String),
}

impl Folder {
    /// What was remembered. A file that is there and cannot be read may be as good as ever, and is not taken for a damaged one:
    /// what was remembered would be written over.
    pub(in crate::connected) fn memory(&self) -> Result<Memory, Error> {
        let memory = match (self.one(STATE), self.one(COPY)) {
            (Ok(Some(record)), Err(error @ Error::Damaged { .. })) => {
                Memory::Repaired(Box::new(record), error.to_string())
            }
            // Where it is older or not there, a process ended between the two.
            (Ok(Some(record)), _) => Memory::Known(Box::new(record)),
            (Ok(None), Ok(None)) => Memory::Fresh,
            // A process ended between the first file and the second, on its very first try: the copy is never first.
            (Ok(None), Ok(Some(record))) => Memory::Repaired(Box::new(record), self.missing()),
            (Err(error), Ok(Some(record))) => Memory::Repaired(Box::new(record), error.to_string()),
            (Err(error @ Error::Read { .. }), Ok(None) | Err(_))
            | (Ok(None) | Err(_), Err(error @ Error::Read { .. })) => return Err(error.needed()),
            (Err(error), Ok(None) | Err(_)) | (Ok(None), Err(error)) => Memory::Lost(error.to_string()),
        };
        match &memory {
            Memory::Known(record) | Memory::Repaired(record, _) if record.project != self.project => {
                let (folder, found, expected) = (self.path.clone(), record.project.clone(), self.project.clone());
                Err(Error::OtherProject { folder, found, expected })
            }
            Memory::Fresh | Memory::Known(_) | Memory::Repaired(..) | Memory::Lost(_) => Ok(memory),
        }
    }

    /// Remembers this from now on.
    pub(in crate::connected) fn remember(&self, record: &Record) -> Result<(), Error> {
        self.write_node_id()?;
        let json = serde_json::to_string(record).map_err(std::io::Error::from);
        let json = json.map_err(Error::write(&self.path.join(STATE)))?;
        let text = format!("{json}\n{}\n", digest(json.as_bytes()));
        write::replace(&self.path, STATE, text.as_bytes())?;
        write::replace(&self.path, COPY, text.as_bytes())
    }

    fn one(&self, name: &str) -> Result<Option<Record>, Error> {
        let file = self.path.join(name);
        let damaged = |what: &str| Error::Damaged { file: file.clone(), what: what.to_owned() };
        let Some(contents) = write::read(&file, MAX_BYTES)? else { return Ok(None) };
        let text = String::from_utf8(contents).map_err(|_| damaged("it is no text"))?;
        let mut lines = text.lines();
        let (Some(json), Some(sum)) = (lines.next(), lines.next()) else { return Err(damaged("it was cut short")) };
        if sum.parse::<Digest>().ok() != Some(digest(json.as_bytes())) {
            return Err(damaged("its last line is not the SHA-256 of its first"));
        }
        serde_json::from_str(json).map(Some).map_err(|error| damaged(&error.to_string()))
    }

    fn missing(&self) -> String {
        let file: PathBuf = self.path.join(STATE);
        format!("{} is missing", file.display())
    }
}
