//! What is remembered while a process begins: what it is about to try is on the disk before it is tried, and off it again
//! where the process ends in order before it serves.

use std::sync::Arc;

use artifact_format::container::Digest;
use fleet::agent::Failure;
use fleet::agent::record::Record;

use super::disk::Folder;

/// The record of a process that has not begun yet.
#[derive(Debug)]
pub(super) struct Notes {
    folder: Arc<Folder>,
    record: Record,
    /// What is on the disk, as far as is known.
    written: Option<Record>,
    /// What is to be there if the process does not come to begin, and was not ended by what it tried.
    untried: Option<Record>,
    failure: Option<Failure>,
}

impl Notes {
    /// Of a record that differs from what is on the disk, or not.
    pub(super) fn new(folder: Arc<Folder>, record: Record, written: Option<Record>) -> Self {
        Self { folder, record, written, untried: None, failure: None }
    }

    /// An artifact is there whole, and is loaded next.
    pub(super) fn tries(&mut self, candidate: Digest) {
        self.untried = Some(self.record.clone());
        self.record.boots(candidate);
        self.write();
    }

    /// One is not there whole.
    pub(super) fn misses(&mut self, candidate: Digest) {
        self.record.misses(candidate);
    }

    /// It was refused, and the process lived through it.
    pub(super) fn goes_without(&mut self, candidate: Digest) {
        self.untried = None;
        self.record.boots_without(candidate);
    }

    /// This is what the process is going to serve of what was deployed.
    pub(super) fn settles_for(&mut self, running: Option<Digest>) {
        self.record.booted(running);
        if let Some(untried) = &mut self.untried {
            untried.booted(running);
        }
        self.write();
    }

    /// What is remembered.
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// The process begins. What is remembered, and why it is not on the disk.
    pub(super) fn begins(mut self) -> (Record, Option<Failure>) {
        self.untried = None;
        let failure = self.failure.take().or_else(|| self.folder.failure());
        (std::mem::take(&mut self.record), failure)
    }

    fn write(&mut self) {
        if self.written.as_ref() == Some(&self.record) {
            return;
        }
        match self.folder.remember(&self.record) {
            Ok(()) => (self.written, self.failure) = (Some(self.record.clone()), None),
            Err(error) => {
                tracing::error!(%error, "the state folder cannot be written");
                (self.written, self.failure) = (None, Some(error.into()));
            }
        }
    }
}

impl Drop for Notes {
    /// An address was taken, say: that is nobody's fault but ours.
    fn drop(&mut self) {
        if let Some(untried) = self.untried.take() {
            self.record = untried;
            self.write();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::Memory;
    use super::*;

    fn digest(number: u8) -> Digest {
        Digest([number; 32])
    }

    /// What the next process finds if this one ends now.
    fn left(folder: &Folder) -> Record {
        match folder.memory().unwrap() {
            Memory::Known(record) => *record,
            memory => panic!("{memory:?}"),
        }
    }

    #[test]
    fn what_served_well_is_on_the_disk_as_doubted_while_it_is_loaded_and_no_longer() {
        let kept = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder::open(&kept.path().join("state"), "p").unwrap());
        let record = Record { current: Some(digest(1)), ..Record::new("p") };
        folder.remember(&record).unwrap();
        for _ in 0..3 {
            let boot = left(&folder).boot();
            assert_eq!((&boot.candidates[..], boot.set_aside), (&[digest(1)][..], None));
            let mut notes = Notes::new(folder.clone(), boot.record, None);
            notes.tries(digest(1));
            assert_eq!(left(&folder).loads.get(&digest(1)), Some(&1));
            notes.settles_for(Some(digest(1)));
            assert_eq!(left(&folder), record);
        }
    }
}
