//! When credentials were last shown: kept in memory and written now and then, so that no request waits for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::domain::access::Identity;

/// What was not written yet: as many entries as credentials were shown since.
#[derive(Debug, Default)]
pub struct Uses(Mutex<HashMap<Identity, Timestamp>>);

impl Uses {
    /// It was shown.
    pub fn note(&self, identity: Identity, at: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = uses.entry(identity).or_insert(at);
        *last = at.max(*last);
    }

    /// What is to be written.
    pub fn take(&self) -> Vec<(Identity, Timestamp)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    /// What could not be written: for the next time.
    pub fn put_back(&self, uses: Vec<(Identity, Timestamp)>) {
        uses.into_iter().for_each(|(identity, at)| self.note(identity, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::TokenId;

    #[test]
    fn what_could_not_be_written_does_not_hide_what_came_later() {
        let (uses, identity) = (Uses::default(), Identity::Token(TokenId::new()));
        let at = |second| Timestamp::from_second(second).unwrap();
        uses.note(identity, at(1));
        let taken = uses.take();
        assert_eq!((taken.as_slice(), uses.take().len()), (&[(identity, at(1))][..], 0));
        uses.note(identity, at(2));
        uses.put_back(taken);
        assert_eq!(uses.take(), [(identity, at(2))]);
    }
}
