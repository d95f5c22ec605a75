//! Which target a request goes to.

use std::cell::RefCell;
use std::rc::Rc;

use artifact_format::model::{Balance, Timeouts, Upstream};

use super::Pool;

/// An upstream as one worker sees it.
#[derive(Debug)]
pub struct UpstreamTargets {
    targets: Box<[Weighted]>,
    balance: Balance,
    timeouts: Timeouts,
    /// For each target, how far it is behind its share.
    credits: RefCell<Box<[i64]>>,
}

#[derive(Debug)]
struct Weighted {
    pool: Rc<Pool>,
    weight: i64,
}

impl UpstreamTargets {
    /// `pools` are those of the upstream's targets, in their order.
    pub fn new(upstream: &Upstream, pools: impl Iterator<Item = Rc<Pool>>) -> Self {
        let weights = upstream.targets.iter().map(|target| i64::from(target.weight.max(1)));
        let targets: Box<[_]> = pools.zip(weights).map(|(pool, weight)| Weighted { pool, weight }).collect();
        let credits = RefCell::new(vec![0; targets.len()].into());
        Self { targets, balance: upstream.balance, timeouts: upstream.timeouts, credits }
    }

    /// How long to wait.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// The next target; `None` once every one of them is in `tried`.
    pub fn choose(&self, tried: &[Rc<Pool>]) -> Option<Rc<Pool>> {
        if let ([only], []) = (&*self.targets, tried) {
            return Some(only.pool.clone());
        }
        let is_left = |target: &Weighted| !tried.iter().any(|pool| Rc::ptr_eq(pool, &target.pool));
        let left = self.targets.iter().enumerate().filter(|(_, target)| is_left(target));
        match self.balance {
            Balance::RoundRobin => self.next_in_turn(left),
            Balance::LeastRequest => left
                .min_by(|(_, a), (_, b)| {
                    let load = |target: &Weighted, other: &Weighted| {
                        i64::try_from(target.pool.in_flight()).unwrap_or(i64::MAX).saturating_mul(other.weight)
                    };
                    load(a, b).cmp(&load(b, a))
                })
                .map(|(_, target)| target.pool.clone()),
        }
    }

    /// Smooth weighted round robin: each target earns its weight every turn, the richest one pays for all. So 5:1:1
    /// comes out as a a b a c a a, and not as a a a a a b c.
    fn next_in_turn<'t>(&self, left: impl Iterator<Item = (usize, &'t Weighted)>) -> Option<Rc<Pool>> {
        let mut credits = self.credits.borrow_mut();
        let mut total = 0;
        let mut richest: Option<(usize, &Weighted)> = None;
        for (index, target) in left {
            credits[index] += target.weight;
            total += target.weight;
            if richest.is_none_or(|(best, _)| credits[index] > credits[best]) {
                richest = Some((index, target));
            }
        }
        richest.map(|(index, target)| {
            credits[index] -= total;
            target.pool.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use artifact_format::model::{Target, UpstreamScheme};

    use super::*;

    fn targets(balance: Balance, weights: &[(&str, u32)]) -> (UpstreamTargets, Vec<Rc<Pool>>) {
        let target = |(host, weight): &(&str, u32)| Target {
            scheme: UpstreamScheme::Http,
            host: (*host).to_owned(),
            port: 80,
            base_path: String::new(),
            weight: *weight,
        };
        let targets: Vec<_> = weights.iter().map(target).collect();
        let pools: Vec<_> = targets.iter().map(|target| Rc::new(Pool::new(target).unwrap())).collect();
        let (name, timeouts) = (String::new(), Timeouts::default());
        let upstream = Upstream { name, targets, balance, timeouts, health: None, retries: None };
        (UpstreamTargets::new(&upstream, pools.iter().cloned()), pools)
    }

    #[test]
    fn turns_are_by_weight_and_spread() {
        let (upstream, _) = targets(Balance::RoundRobin, &[("a", 5), ("b", 1), ("c", 1)]);
        let order: String = (0..7).map(|_| upstream.choose(&[]).unwrap().host().to_owned()).collect();
        assert_eq!(order, "aabacaa");
    }

    #[test]
    fn a_target_is_tried_once() {
        let (upstream, pools) = targets(Balance::RoundRobin, &[("a", 1), ("b", 1)]);
        assert_eq!(upstream.choose(&pools[..1]).unwrap().host(), "b");
        assert!(upstream.choose(&pools).is_none());
        let (upstream, pools) = targets(Balance::RoundRobin, &[("a", 1)]);
        assert!(upstream.choose(&pools).is_none());
    }

    #[test]
    fn the_least_busy_by_weight_is_next() {
        let (upstream, pools) = targets(Balance::LeastRequest, &[("a", 1), ("b", 2)]);
        let _one = pools[1].begin();
        assert_eq!(upstream.choose(&[]).unwrap().host(), "a");
        let _two = pools[0].begin();
        assert_eq!(upstream.choose(&[]).unwrap().host(), "b");
    }
}
