//! What was refused, written down without filling the disk: whoever is refused often has the first refusals in the audit
//! log as they were, and then one event that counts the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::throttle::Source;
use crate::domain::access::Identity;
use crate::domain::act::{Act, Actor};
use crate::domain::audit::Refusal;

/// How many refusals of one credential are events of their own, between two [`summaries`](Refusals::summaries).
const OF_ONE: u32 = 30;
/// How many of strangers together; of each address, the first one.
const OF_STRANGERS: u32 = 30;
/// How many are counted apart; the others together.
const COUNTED_MAX: usize = 256;

/// Refusals since the last summaries.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Tallies>);

#[derive(Debug, Default)]
struct Tallies {
    strangers_written: u32,
    tallies: HashMap<Who, Tally>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Known(Identity),
    Stranger(Source),
    /// Everybody for whom there is no room.
    Others,
}

#[derive(Debug)]
struct Tally {
    written: u32,
    unwritten: u64,
    /// The last one.
    example: Refusal,
}

impl Who {
    fn of(refusal: &Refusal) -> Self {
        match (&refusal.act.actor, refusal.act.address) {
            (Actor::Credential { identity, .. }, _) => Self::Known(*identity),
            (Actor::Unknown | Actor::Operator { .. } | Actor::System, Some(address)) => Self::Stranger(address.into()),
            (Actor::Unknown | Actor::Operator { .. } | Actor::System, None) => Self::Others,
        }
    }
}

impl Refusals {
    /// Whether this one is an event of its own, to be written now. Else it is counted.
    pub fn admit(&self, refusal: Refusal) -> Option<Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut who = Who::of(&refusal);
        if !all.tallies.contains_key(&who) && all.tallies.len() >= COUNTED_MAX {
            who = Who::Others;
        }
        let strangers_written = all.strangers_written;
        let tally =
            all.tallies.entry(who).or_insert_with(|| Tally { written: 0, unwritten: 0, example: refusal.clone() });
        let is_written = match who {
            Who::Known(_) => tally.written < OF_ONE,
            Who::Stranger(_) | Who::Others => tally.written == 0 && strangers_written < OF_STRANGERS,
        };
        if is_written {
            tally.written += 1;
            all.strangers_written += u32::from(!matches!(who, Who::Known(_)));
            return Some(refusal);
        }
        tally.unwritten += 1;
        tally.example = refusal;
        None
    }

    /// One event for each who was counted. After that it begins anew.
    pub fn summaries(&self) -> Vec<Refusal> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let counted = all.tallies.into_iter().filter(|(_, tally)| tally.unwritten > 0);
        counted.map(|(who, tally)| tally.summary(who)).collect()
    }
}

impl Tally {
    fn summary(self, who: Who) -> Refusal {
        let detail = serde_json::json!({ "summary": true, "refusals": self.unwritten });
        let Refusal { act, team, status, code, .. } = self.example;
        let (actor, address, team) = match who {
            Who::Others => (Actor::Unknown, None, None),
            Who::Known(_) | Who::Stranger(_) => (act.actor, act.address, team),
        };
        Refusal { act: Act { actor, request: None, address }, team, status, code, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::TokenId;

    fn refusal(actor: Actor, address: [u8; 4]) -> Refusal {
        let act = Act { actor, request: Some("r".into()), address: Some(address.into()) };
        Refusal { act, team: None, status: 401, code: "unauthenticated", detail: serde_json::json!({}) }
    }

    fn counts(refusals: &Refusals) -> Vec<String> {
        let mut counts: Vec<_> =
            refusals.summaries().iter().map(|summary| summary.detail["refusals"].to_string()).collect();
        counts.sort();
        counts
    }

    #[test]
    fn the_first_is_written_and_the_others_are_counted() {
        let refusals = Refusals::default();
        let written = (0..1000).filter_map(|_| refusals.admit(refusal(Actor::Unknown, [192, 0, 2, 1]))).count();
        assert_eq!((written, counts(&refusals)), (1, vec!["999".to_owned()]));
        // After the summaries, it begins anew.
        assert!(refusals.admit(refusal(Actor::Unknown, [192, 0, 2, 1])).is_some());
        assert!(counts(&refusals).is_empty());
    }

    #[test]
    fn many_addresses_fill_nothing() {
        let refusals = Refusals::default();
        let all = (0..100_000_u32).map(|number| refusal(Actor::Unknown, number.to_be_bytes()));
        let written = all.filter_map(|one| refusals.admit(one)).count();
        assert_eq!(written, OF_STRANGERS as usize);
        let summaries = refusals.summaries();
        assert!(summaries.len() <= COUNTED_MAX + 1);
        let counted: u64 =
            summaries.iter().map(|summary| summary.detail["refusals"].to_string().parse::<u64>().unwrap()).sum();
        assert_eq!(counted + written as u64, 100_000);
    }

    #[test]
    fn who_is_known_is_written_for_longer_and_not_for_ever() {
        let refusals = Refusals::default();
        let actor = Actor::Credential { identity: Identity::Token(TokenId::new()), name: "ci".into() };
        let written = (0..100).filter_map(|_| refusals.admit(refusal(actor.clone(), [192, 0, 2, 1]))).count();
        assert_eq!((written, counts(&refusals)), (30, vec!["70".to_owned()]));
    }
}
