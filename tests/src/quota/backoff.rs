//! The peer: workers that send as soon as they can and back off exponentially with jitter when
//! they are refused, as SDKs do by default (base 1 s, doubling, at most 20 s). They know no budget
//! and do not read `Retry-After`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::SignedDuration;

use super::{Drained, LATENCY, Limiter, Vendor, floor};
use crate::sim::Dice;

/// Drains so many changes by so many workers.
pub fn drain_with_backoff(vendor: &Vendor, changes: usize, workers: usize) -> Drained {
    let began = "2026-03-02T08:00:00Z".parse().expect("an instant");
    let mut limiter = Limiter::new(&vendor.limits);
    let mut dice = Dice::new(7);
    let mut left = changes;
    // When each worker sends next, how often it was refused.
    let mut heap: BinaryHeap<Reverse<(jiff::Timestamp, usize, u32)>> = (0..workers)
        .map(|worker| Reverse((began, worker, 0)))
        .collect();
    let mut last = began;
    while left > 0 {
        let Some(Reverse((at, worker, refusals))) = heap.pop() else {
            break;
        };
        let done = at + LATENCY;
        if limiter.refuses(at, true).is_none() {
            left -= 1;
            last = last.max(done);
            heap.push(Reverse((done, worker, 0)));
        } else {
            let most = 1_000_u64 << refusals.min(10);
            let wait = dice.below(most.min(20_000));
            let wait = SignedDuration::from_millis(i64::try_from(wait).expect("some seconds"));
            heap.push(Reverse((done + wait, worker, refusals + 1)));
        }
    }
    Drained {
        makespan: last.duration_since(began),
        floor: floor(vendor, changes, 0),
        requests: limiter.requests(),
        throttled: limiter.refused(),
        doubled: 0,
        lost: left,
        dead: 0,
        slowest_ending: SignedDuration::ZERO,
        table_writes: 0.0,
    }
}
