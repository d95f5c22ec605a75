//! How often a credential may ask.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::domain::access::Identity;

/// How many seconds' worth of requests may come at once.
pub const BURST_SECONDS: u32 = 10;

type Limiter = RateLimiter<Identity, DashMapStateStore<Identity>, DefaultClock, StateInformationMiddleware>;

/// Requests, by credential (generic cell rate algorithm). There are as many entries as credentials that were shown in the
/// last seconds.
#[derive(Debug)]
pub struct Limits {
    limiter: Option<Limiter>,
    clock: DefaultClock,
}

/// Where a credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many requests may come at once.
    pub burst: u32,
    /// How many may come now.
    pub remaining: u32,
    /// When that is different: when the burst is whole again, or else, where none is left, when one may come.
    pub reset: Duration,
}

impl Limits {
    /// So many requests a second and credential; 0: as many as there are.
    pub fn new(requests_per_second: u32) -> Self {
        let limiter = NonZeroU32::new(requests_per_second).map(|rate| {
            let burst = NonZeroU32::new(rate.get().saturating_mul(BURST_SECONDS)).unwrap_or(rate);
            RateLimiter::dashmap(Quota::per_second(rate).allow_burst(burst)).with_middleware()
        });
        Self { limiter, clock: DefaultClock::default() }
    }

    /// One more request.
    ///
    /// # Errors
    /// It is one too many.
    pub fn take(&self, identity: Identity) -> Result<Option<Standing>, Standing> {
        let Some(limiter) = &self.limiter else { return Ok(None) };
        match limiter.check_key(&identity) {
            Ok(state) => {
                let (quota, remaining) = (state.quota(), state.remaining_burst_capacity());
                let burst = quota.burst_size().get();
                let reset = quota.replenish_interval() * burst.saturating_sub(remaining);
                Ok(Some(Standing { burst, remaining, reset }))
            }
            Err(until) => {
                let reset = until.wait_time_from(self.clock.now());
                Err(Standing { burst: until.quota().burst_size().get(), remaining: 0, reset })
            }
        }
    }

    /// Forgets whose burst is whole.
    pub fn forget_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::TokenId;

    #[test]
    fn a_burst_then_nothing_and_nobody_else_suffers() {
        let limits = Limits::new(1);
        let (busy, other) = (Identity::Token(TokenId::new()), Identity::Token(TokenId::new()));
        for left in (0..BURST_SECONDS).rev() {
            assert_eq!(limits.take(busy).unwrap().unwrap().remaining, left);
        }
        let refused = limits.take(busy).unwrap_err();
        assert_eq!((refused.burst, refused.remaining), (BURST_SECONDS, 0));
        assert!(refused.reset <= Duration::from_secs(1));
        assert!(limits.take(other).is_ok());
        assert_eq!(Limits::new(0).take(busy), Ok(None));
    }
}
