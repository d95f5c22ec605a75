//! The protocol between control planes and data planes, under bad luck: a deterministic simulation.
//!
//! Several data planes, each the real [`fleet::agent`] machine, talk to several control planes that share a database and decide
//! with the real [`Plan`](control::domain::plan::Plan). Between them is a network that delays, loses, repeats and reorders
//! messages, breaks connections in a way that only one side notices, and separates some from others. Processes are killed,
//! disks refuse to write, clocks jump by years, artifacts are refused or kill whoever serves them, signing keys are rotated
//! and the trust roots that say so do not come, and somebody repeats old pointers. Then all of it ends, and what must be true is looked at. One number decides everything: a seed that finds
//! something finds it again.
//!
//! `make test` runs a few hundred seeds; `PORTCULLIS_SEEDS=10000 cargo nextest run -p tests --test simulation` more of them, and
//! `PORTCULLIS_SEED=7` one, with all that happened.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod control;
mod fate;
mod plane;
mod root;
mod truth;
mod withdrawal;
mod world;

use std::ops::Range;

use world::{Fault, World};

/// How many seeds are run where nobody says otherwise.
const SEEDS: u64 = 200;

#[allow(clippy::disallowed_methods, reason = "how long a test runs is said by whoever runs it")]
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not `{text}`")))
}

/// What goes wrong first, over several threads.
fn first_fault(seeds: Range<u64>, planted: Planted) -> Option<Fault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let found = std::thread::scope(|scope| {
        let run = |thread: usize| {
            let mine = seeds.clone().skip(thread).step_by(threads);
            scope.spawn(move || mine.map(|seed| World::new(seed, planted).run()).find_map(Result::err))
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().filter_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    found.into_iter().min_by_key(|fault| fault.seed)
}

/// A mistake that somebody might make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planted {
    /// None.
    Nothing,
    /// What is to be served is announced and never said again.
    SaidOnce,
    /// The newest pointer that was taken is not remembered over a restart.
    FloorForgotten,
    /// What is withdrawn gets no new pointer: the old one is offered again.
    OldPointerOffered,
    /// A connection's silence is borne for ever.
    SilenceBorne,
    /// Control planes learn of a newer trust root only when they look by themselves, and of what its key signed before.
    RootLearnedLate,
    /// What is withdrawn while it is fetched is put to work all the same.
    WithdrawnFollowed,
    /// Where nothing is wanted any more, what was withdrawn is said to be.
    WithdrawnOffered,
}

#[test]
fn no_bad_luck_breaks_what_is_promised() {
    if let Some(seed) = number("PORTCULLIS_SEED") {
        let ended = World::new(seed, Planted::Nothing).told().run();
        return assert!(ended.is_ok(), "{}", ended.unwrap_err());
    }
    let seeds = number("PORTCULLIS_SEEDS").unwrap_or(SEEDS);
    if let Some(fault) = first_fault(0..seeds, Planted::Nothing) {
        panic!("{fault}");
    }
    println!("{seeds} seeds: nothing found");
}

/// A simulation that finds nothing may be one that looks at nothing.
#[test]
fn mistakes_that_are_planted_are_found() {
    let all = [
        Planted::SaidOnce,
        Planted::FloorForgotten,
        Planted::OldPointerOffered,
        Planted::SilenceBorne,
        Planted::RootLearnedLate,
        Planted::WithdrawnFollowed,
        Planted::WithdrawnOffered,
    ];
    for planted in all {
        let fault = first_fault(0..SEEDS, planted).unwrap_or_else(|| panic!("{planted:?} is not found"));
        println!("{planted:?}: seed {}: {}", fault.seed, fault.what);
    }
}

#[test]
fn a_seed_always_gives_the_same() {
    let run = |seed| {
        let mut world = World::new(seed, Planted::Nothing);
        world.live();
        world.fingerprint()
    };
    for seed in 0..5 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
    assert_ne!(run(1), run(2));
}
