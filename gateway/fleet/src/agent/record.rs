//! What a data plane has to remember beyond the end of its process.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use artifact_format::container::Digest;
use artifact_format::pointer::{Floor, Pointer};
use serde::{Deserialize, Serialize};

/// How many times the process may end while an artifact is put to work before the artifact is set aside.
pub const TRIALS_MAX: u32 = 2;
/// How many artifacts that were set aside are remembered.
const QUARANTINED_MAX: usize = 64;

/// What is remembered, all of it: one document, written whole, so that no crash leaves half of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Whose data plane this is: the project's id.
    pub project: String,
    /// The newest pointer that was ever taken.
    pub taken: Option<Taken>,
    /// That nobody wants what it says any more: no older one is taken for that, and nothing begins with it.
    #[serde(default)]
    pub withdrawn: bool,
    /// The newest trust root that was ever believed. Where it is lost, the keys that it replaced are not believed instead.
    #[serde(default)]
    pub root_version: Option<NonZeroU64>,
    /// The artifact that was put to work last. It is what serves, unless this process could not serve it.
    pub current: Option<Digest>,
    /// The one before.
    pub previous: Option<Digest>,
    /// How many times each artifact was put to work and was not seen to be well. One that is not here is believed to be.
    #[serde(default)]
    pub trials: BTreeMap<Digest, u32>,
    /// How many processes in a row began to load an artifact that had been seen to be well, and were not done.
    #[serde(default)]
    pub loads: BTreeMap<Digest, u32>,
    /// Artifacts that ended the process more than once, oldest first.
    #[serde(default)]
    pub quarantined: Vec<Digest>,
}

/// A pointer that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Its serial and its name.
    #[serde(flatten)]
    pub floor: Floor,
    /// What it says is to be served.
    pub artifact: Digest,
    /// Its length in bytes.
    pub length: NonZeroU64,
    /// When it expires, in seconds since 1970-01-01T00:00:00Z.
    pub expires_at: u64,
}

impl From<&Pointer> for Taken {
    fn from(pointer: &Pointer) -> Self {
        let Pointer { artifact, length, expires_at, .. } = *pointer;
        Self { floor: Floor::of(pointer), artifact, length, expires_at }
    }
}

/// What is done when a process starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// What is to be remembered from now on.
    pub record: Record,
    /// What to serve: the first of them that is there and can be loaded. Each one is said to [`Record::boots`] first.
    pub candidates: Vec<Digest>,
    /// What was to be served and is set aside.
    pub set_aside: Option<Digest>,
}

impl Record {
    /// Nothing yet.
    pub fn new(project: &str) -> Self {
        Self { project: project.to_owned(), ..Self::default() }
    }

    /// A process starts: artifacts that ended the last ones are set aside. Nothing is tried yet.
    #[must_use]
    pub fn boot(mut self) -> Boot {
        let mut set_aside = None;
        for digest in often(&self.trials) {
            set_aside = self.sets_aside(digest).or(set_aside);
        }
        for digest in often(&self.loads) {
            // What was proven and is all there is is tried for ever: it serves again as soon as there is memory for it, or
            // the program that it was proven with.
            if self.current.into_iter().chain(self.previous).any(|other| other != digest) {
                set_aside = self.sets_aside(digest).or(set_aside);
            }
        }
        let mut candidates: Vec<Digest> = self.current.into_iter().chain(self.previous).collect();
        if candidates.is_empty() {
            // The process ended between the swap and the record of it: what was taken may be there whole.
            let wanted = self.wanted().map(|wanted| wanted.artifact);
            candidates.extend(wanted.filter(|wanted| !self.is_quarantined(wanted)));
        }
        Boot { record: self, candidates, set_aside }
    }

    /// A candidate is there whole, and is about to be loaded: to be written down before, as it may end this process too.
    pub fn boots(&mut self, candidate: Digest) {
        let served = self.has_served(candidate);
        match self.trials.get_mut(&candidate) {
            Some(trials) => *trials += 1,
            // Whoever was proven is not doubted because a machine lost power while it served. But it was proven with as
            // much memory as there was then, say, and by another program.
            None if served => *self.loads.entry(candidate).or_default() += 1,
            None => self.begin_trial(candidate),
        }
    }

    /// A candidate was refused, in order: the process lived through it. It may serve the next time, and is doubted as
    /// it was.
    pub fn boots_without(&mut self, candidate: Digest) {
        self.suspend_trial(candidate);
        self.loads.remove(&candidate);
    }

    /// A candidate is not there whole any more.
    pub fn misses(&mut self, candidate: Digest) {
        self.previous = self.previous.filter(|previous| *previous != candidate);
        if self.current == Some(candidate) {
            self.current = self.previous.take();
        }
    }

    /// This is what the process serves of what was deployed, and it lived through loading it. Where that is nothing, or
    /// the one before, for want of a listener or a key, say, what served last is what the next process tries.
    pub fn booted(&mut self, running: Option<Digest>) {
        self.loads.clear();
        if running.is_some_and(|running| !self.has_served(running)) {
            self.current = running;
            self.previous = None;
        }
    }

    /// Whether an artifact that was deployed is what was put to work last, or the one before.
    pub fn has_served(&self, digest: Digest) -> bool {
        self.current == Some(digest) || self.previous == Some(digest)
    }

    /// Whether an artifact was set aside.
    pub fn is_quarantined(&self, digest: &Digest) -> bool {
        self.quarantined.contains(digest)
    }

    /// The pointer that is to be followed.
    pub fn wanted(&self) -> Option<Taken> {
        self.taken.filter(|_| !self.withdrawn)
    }

    /// Artifacts that are still of use.
    pub fn needed(&self) -> impl Iterator<Item = Digest> {
        let wanted = self.wanted().map(|wanted| wanted.artifact).filter(|wanted| !self.is_quarantined(wanted));
        self.current.into_iter().chain(self.previous).chain(wanted)
    }

    /// An artifact is about to be put to work.
    pub(super) fn begin_trial(&mut self, digest: Digest) {
        *self.trials.entry(digest).or_default() += 1;
    }

    /// The process lived through it.
    pub(super) fn end_trial(&mut self, digest: Digest) {
        self.trials.remove(&digest);
    }

    /// It was not put to work after all: what was known of it is known.
    pub(super) fn call_off_trial(&mut self, digest: Digest) {
        self.suspend_trial(digest);
        if self.trials.get(&digest) == Some(&0) {
            self.trials.remove(&digest);
        }
    }

    /// Another one is put to work before it was seen how this one fares: it is not to blame for what comes, and not
    /// believed to be well either.
    pub(super) fn suspend_trial(&mut self, digest: Digest) {
        if let Some(trials) = self.trials.get_mut(&digest) {
            *trials = trials.saturating_sub(1);
        }
    }

    /// Sets an artifact aside, and names it if it was to be served.
    fn sets_aside(&mut self, digest: Digest) -> Option<Digest> {
        let is_wanted = self.wanted().is_some_and(|wanted| wanted.artifact == digest);
        let was_to_be_served = self.current == Some(digest) || is_wanted;
        self.trials.remove(&digest);
        self.loads.remove(&digest);
        self.misses(digest);
        self.quarantined.push(digest);
        if self.quarantined.len() > QUARANTINED_MAX {
            self.quarantined.remove(0);
        }
        was_to_be_served.then_some(digest)
    }
}

/// What ended the process too often, by one of the counts.
fn often(counts: &BTreeMap<Digest, u32>) -> Vec<Digest> {
    counts.iter().filter(|(_, times)| **times >= TRIALS_MAX).map(|(digest, _)| *digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u8) -> Digest {
        Digest([number; 32])
    }

    fn taken(artifact: u8) -> Taken {
        let (hash, artifact) = ("07".repeat(32), digest(artifact));
        let taken = format!(r#"{{"serial":7,"hash":"{hash}","artifact":"{artifact}","length":9,"expires_at":8}}"#);
        serde_json::from_str(&taken).unwrap()
    }

    fn record(trials: &[(u8, u32)]) -> Record {
        let trials = trials.iter().map(|(number, trials)| (digest(*number), *trials)).collect();
        Record { current: Some(digest(1)), previous: Some(digest(2)), trials, ..Record::new("p") }
    }

    /// A start that finds everything where it was, and ends while the first is loaded.
    fn dies_at_boot(record: Record) -> Boot {
        let mut boot = record.boot();
        boot.candidates.first().into_iter().for_each(|first| boot.record.boots(*first));
        boot
    }

    #[test]
    fn two_failed_boots_set_an_artifact_aside() {
        let first = dies_at_boot(record(&[(1, 1)]));
        assert_eq!((first.candidates, first.set_aside), (vec![digest(1), digest(2)], None));
        let second = first.record.boot();
        assert_eq!((second.candidates, second.set_aside), (vec![digest(2)], Some(digest(1))));
        assert_eq!((second.record.current, second.record.previous), (Some(digest(2)), None));
        assert!(second.record.is_quarantined(&digest(1)) && second.record.trials.is_empty());
    }

    #[test]
    fn an_artifact_that_never_came_to_serve_is_set_aside_and_what_served_stays() {
        let boot = record(&[(3, 2)]).boot();
        assert_eq!((boot.candidates, boot.set_aside), (vec![digest(1), digest(2)], None));
        assert!(boot.record.is_quarantined(&digest(3)));
    }

    /// The machine loses power, again and again, and sometimes while the artifact is loaded.
    #[test]
    fn what_was_proven_is_booted_as_often_as_need_be() {
        let mut record = record(&[]);
        for _ in 0..5 {
            record = dies_at_boot(record).record;
            record = dies_at_boot(record).record;
            record.booted(Some(digest(1)));
            assert!(record.loads.is_empty() && record.trials.is_empty());
        }
        assert_eq!((record.current, record.quarantined), (Some(digest(1)), Vec::new()));
    }

    /// There is less memory than there was, say.
    #[test]
    fn what_was_proven_and_ends_two_boots_in_a_row_while_it_is_loaded_is_set_aside() {
        let first = dies_at_boot(record(&[]));
        let second = dies_at_boot(first.record);
        assert_eq!((&second.candidates[..], second.set_aside), (&[digest(1), digest(2)][..], None));
        let third = dies_at_boot(second.record);
        assert_eq!((&third.candidates[..], third.set_aside), (&[digest(2)][..], Some(digest(1))));
        assert!(third.record.is_quarantined(&digest(1)));
        assert_eq!(third.record.loads, BTreeMap::from([(digest(2), 1)]), "whoever is gone back to is counted as well");
    }

    /// There is nothing that could serve in its place.
    #[test]
    fn what_was_proven_and_is_all_there_is_is_tried_for_ever() {
        let mut alone = Record { previous: None, taken: Some(taken(1)), ..record(&[]) };
        for _ in 0..5 {
            let Boot { record, candidates, set_aside } = dies_at_boot(alone);
            assert_eq!((&candidates[..], set_aside), (&[digest(1)][..], None));
            assert!(record.needed().any(|needed| needed == digest(1)) && record.quarantined.is_empty());
            alone = record;
        }
        alone.booted(Some(digest(1)));
        assert!(alone.loads.is_empty());

        // Both end it: the one that is left when the other one is set aside.
        let mut both = record(&[]);
        for (first, set_aside) in [(1, None), (1, None), (2, Some(1)), (2, None), (2, None), (2, None)] {
            let boot = dies_at_boot(both);
            assert_eq!((boot.candidates[0], boot.set_aside), (digest(first), set_aside.map(digest)));
            both = boot.record;
        }
        assert_eq!((both.current, both.quarantined), (Some(digest(2)), vec![digest(1)]));
    }

    #[test]
    fn what_was_proven_and_is_refused_in_order_is_not_counted() {
        let mut boot = dies_at_boot(record(&[]));
        boot.record.boots(digest(1));
        boot.record.boots_without(digest(1));
        boot.record.boots(digest(2));
        assert_eq!(boot.record.loads, BTreeMap::from([(digest(2), 1)]));
    }

    #[test]
    fn what_was_taken_is_tried_where_nothing_else_is_left() {
        let mut fresh = Record { taken: Some(taken(3)), ..Record::new("p") };
        fresh.begin_trial(digest(3));
        let boot = dies_at_boot(fresh);
        assert_eq!((boot.candidates, boot.record.trials.get(&digest(3))), (vec![digest(3)], Some(&2)));
        let boot = boot.record.boot();
        assert_eq!((boot.candidates, boot.set_aside), (vec![], Some(digest(3))));
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_begun_with() {
        let record = Record { taken: Some(taken(3)), withdrawn: true, ..Record::new("p") };
        assert_eq!(record.needed().count(), 0);
        let boot = record.boot();
        assert_eq!((boot.candidates, boot.record.taken), (vec![], Some(taken(3))));
    }

    #[test]
    fn a_record_of_an_older_program_is_of_something_that_is_wanted() {
        let text = serde_json::to_string(&Record { taken: Some(taken(3)), ..Record::new("p") }).unwrap();
        let older = text.replace(r#""withdrawn":false,"#, "").replace(r#""loads":{},"#, "");
        assert!(!older.contains("withdrawn") && !older.contains("loads"), "{older}");
        assert_eq!(serde_json::from_str::<Record>(&older).unwrap().wanted(), Some(taken(3)));
    }

    #[test]
    fn what_is_not_there_is_not_tried() {
        let mut record = Record { taken: Some(taken(3)), ..Record::new("p") };
        for _ in 0..5 {
            let boot = record.boot();
            assert_eq!((&boot.candidates[..], boot.set_aside), (&[digest(3)][..], None));
            record = boot.record;
            record.booted(None);
        }
        assert_eq!((record.current, &record.trials, &record.quarantined[..]), (None, &BTreeMap::new(), &[][..]));
    }

    #[test]
    fn what_is_booted_instead_is_doubted_as_it_was_and_its_successor_is_remembered_and_doubted_as_it_was() {
        let mut boot = record(&[(1, 1), (2, 0)]).boot();
        boot.record.boots(digest(1));
        boot.record.boots_without(digest(1));
        boot.record.boots(digest(2));
        boot.record.booted(Some(digest(2)));
        let Record { current, previous, trials, .. } = boot.record;
        assert_eq!((current, previous), (Some(digest(1)), Some(digest(2))));
        assert_eq!(trials, BTreeMap::from([(digest(1), 1), (digest(2), 1)]));
    }

    #[test]
    fn what_served_last_is_remembered_where_this_process_cannot_serve_it() {
        let Boot { mut record, candidates, .. } = record(&[]).boot();
        for candidate in candidates {
            record.boots(candidate);
            record.boots_without(candidate);
        }
        record.booted(None);
        assert_eq!((record.current, record.previous), (Some(digest(1)), Some(digest(2))));
    }

    #[test]
    fn what_is_not_there_any_more_is_not_what_served_last() {
        let mut record = record(&[]);
        record.misses(digest(1));
        assert_eq!((record.current, record.previous), (Some(digest(2)), None));
        record.misses(digest(2));
        assert_eq!((record.current, record.previous), (None, None));
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut record = record(&[(3, 1)]);
        record.taken = Some(taken(3));
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
