//! Restores a backup, once all of it is known to be sound: into an empty database, in one transaction.

use std::fs::File;
use std::io::{BufReader, Seek as _};

use super::Error;
use super::format::{Header, Manifest};
use super::reader::{Part, Reader, finish, unpack};
use super::secrets::Reading;
use crate::custody::Keys;
use crate::domain::act::Act;
use crate::domain::artifact::ArtifactBytes;
use crate::domain::digest::Digest;
use crate::domain::id::ProjectId;
use crate::domain::store::{Backups, Restoration};
use crate::key::MasterKey;
use crate::key::passphrase::Passphrase;
use crate::key::seal::{Purpose, Sealed};

/// Where a backup is restored.
#[derive(Debug)]
pub struct Target<'a, S> {
    /// Who restores it.
    pub act: &'a Act,
    /// Everything but the bytes of artifacts. Empty.
    pub store: &'a S,
    /// The bytes of artifacts.
    pub artifacts: &'a dyn ArtifactBytes,
    /// What private keys are to be kept under, and what makes new ones.
    pub keys: &'a Keys,
}

/// A backup that is sound, and whose secrets open.
#[derive(Debug)]
pub struct Checked {
    /// What it is.
    pub header: Header,
    /// What is in it.
    pub manifest: Manifest,
    passphrase: Option<MasterKey>,
}

/// A project that has a new key, and a new trust root with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refounded {
    /// Which project.
    pub project: ProjectId,
    /// What it is called.
    pub name: String,
    /// What artifacts and trust roots call the key.
    pub key_id: Digest,
}

/// Reads all of a backup and restores nothing.
///
/// # Errors
/// It is not sound, or holds secrets that the passphrase does not open.
pub fn check(file: &File, passphrase: Option<&Passphrase>) -> Result<Checked, Error> {
    let mut unpacked = unpack(from_start(file)?);
    let mut reader = Reader::begin(&mut unpacked)?;
    let header = reader.header.clone();
    let passphrase = passphrase_key(&header, passphrase)?;
    let reading = passphrase.as_ref().map_or(Reading::Without, |passphrase| Reading::Check { passphrase });
    check_held(&reader, reading)?;
    let manifest = loop {
        match reader.next()? {
            Part::Artifact { .. } => {}
            Part::Rows(rows) => drop(reading.rows(rows)?),
            Part::End { manifest, sha256, seal } => {
                check_seal(passphrase.as_ref(), sha256, seal)?;
                break manifest;
            }
        }
    };
    drop(reader);
    finish(unpacked)?;
    Ok(Checked { header, manifest, passphrase })
}

/// Restores a backup that was checked. Returns the projects whose private keys were not in it, each with its new one.
///
/// # Errors
/// Nothing was restored: the database is as empty as it was. Bytes of artifacts may have been stored, which nothing names.
pub async fn restore<S: Backups>(
    file: &File,
    checked: &Checked,
    target: &Target<'_, S>,
) -> Result<Vec<Refounded>, Error> {
    let master = target.keys.master();
    let reading = match &checked.passphrase {
        Some(passphrase) => Reading::Restore { passphrase, master },
        None => Reading::Without,
    };
    let mut restoration = target.store.restoration(master.id()).await?;
    let mut unpacked = unpack(from_start(file)?);
    let mut reader = Reader::begin(&mut unpacked)?;
    let manifest = loop {
        match reader.next()? {
            Part::Artifact { digest, bytes } => target.artifacts.put(digest, bytes.into()).await?,
            Part::Rows(rows) => restoration.insert(reading.rows(rows)?).await?,
            Part::End { manifest, .. } => break manifest,
        }
    };
    drop(reader);
    finish(unpacked)?;
    if manifest != checked.manifest {
        return Err(Error::Altered("it is another one than when it was checked".to_owned()));
    }
    let refounded = refound(&mut *restoration, (target.act, target.keys)).await?;
    let detail = serde_json::json!({
        "created_at": checked.header.created_at,
        "program": checked.header.program,
        "schema": checked.header.schema,
        "secrets": checked.passphrase.is_some(),
        "rows": manifest.rows(),
        "artifacts": manifest.artifacts.count,
    });
    restoration.commit(target.act, detail).await?;
    Ok(refounded)
}

async fn refound(restoration: &mut dyn Restoration, (act, keys): (&Act, &Keys)) -> Result<Vec<Refounded>, Error> {
    let mut refounded = Vec::new();
    for orphan in restoration.orphans().await? {
        let refounding = keys.refound(&orphan).await?;
        let key_id = refounding.key.key_id();
        restoration.refound(act, &orphan, refounding).await?;
        let name = orphan.project.name.to_string();
        refounded.push(Refounded { project: orphan.project.id, name, key_id });
    }
    Ok(refounded)
}

fn from_start(mut file: &File) -> Result<BufReader<&File>, Error> {
    file.rewind().map_err(Error::Read)?;
    Ok(BufReader::new(file))
}

/// The key that opens the backup's secrets, if it holds any.
fn passphrase_key(header: &Header, passphrase: Option<&Passphrase>) -> Result<Option<MasterKey>, Error> {
    let Some(secrets) = &header.secrets else {
        // Whoever gives one expects a seal: a backup that anybody could have made is not taken for theirs.
        return match passphrase {
            None => Ok(None),
            Some(_) => Err(Error::Altered(
                "it has no secrets, and so no seal that a passphrase could be held to: give none if that is meant"
                    .to_owned(),
            )),
        };
    };
    let key = passphrase.ok_or(Error::PassphraseNeeded)?.stretch(&secrets.stretching)?;
    if key.id().to_string() == secrets.key { Ok(Some(key)) } else { Err(Error::WrongPassphrase) }
}

/// A backup without secrets has no table whose rows are secrets.
fn check_held<R: std::io::BufRead>(reader: &Reader<'_, R>, reading: Reading<'_>) -> Result<(), Error> {
    match reader.tables().find(|table| !reading.holds(table)) {
        None => Ok(()),
        Some(table) => Err(Error::Altered(format!("it holds `{}`, and says that it has no secrets", table.name))),
    }
}

/// Whoever wrote the manifest knew the passphrase.
fn check_seal(passphrase: Option<&MasterKey>, manifest: [u8; 32], seal: Option<Vec<u8>>) -> Result<(), Error> {
    let (key, seal) = match (passphrase, seal) {
        (Some(key), Some(seal)) => (key, seal),
        (None, None) => return Ok(()),
        (Some(_), None) | (None, Some(_)) => return Err(Error::Altered("its seal is missing".to_owned())),
    };
    let altered = |_| Error::Altered("its seal does not fit".to_owned());
    let seal = Sealed::from_bytes(seal).map_err(altered)?;
    key.open(&seal, Purpose::Backup { manifest }).map_err(altered)?;
    Ok(())
}
