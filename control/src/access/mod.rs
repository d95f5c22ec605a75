//! What stands between requests and what they ask for, whatever they ask for. Knows neither HTTP nor SQL, and keeps a
//! bounded amount of memory whoever asks.
//!
//! - [`throttle`]: who guesses secrets waits, longer and longer;
//! - [`known`]: whose secrets were shown just now; [`limits`]: how often a credential may ask;
//! - [`uses`]: when a credential was last shown;
//! - [`refusals`]: what was refused, written down without filling the disk;
//! - [`upkeep`]: what is done every now and then.

pub mod known;
pub mod limits;
pub mod refusals;
pub mod throttle;
pub mod upkeep;
pub mod uses;

use known::Known;
use limits::Limits;
use refusals::Refusals;
use throttle::Throttle;
use uses::Uses;

/// What a control plane remembers of those who ask. Each replica has its own.
#[derive(Debug)]
pub struct Access {
    /// Who guesses.
    pub throttle: Throttle,
    /// Who was here just now.
    pub known: Known,
    /// Who asks too often.
    pub limits: Limits,
    /// Who was here.
    pub uses: Uses,
    /// Who was refused.
    pub refusals: Refusals,
}

impl Access {
    /// Remembers nothing yet. Each credential may make so many requests a second; 0: as many as it likes.
    pub fn new(requests_per_second: u32) -> Self {
        Self {
            throttle: Throttle::default(),
            known: Known::default(),
            limits: Limits::new(requests_per_second),
            uses: Uses::default(),
            refusals: Refusals::default(),
        }
    }
}
