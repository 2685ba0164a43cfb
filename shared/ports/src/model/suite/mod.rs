//! One contract suite per port. Each takes something that makes an empty adapter, and panics
//! where the adapter differs from the port's documentation. The reference models pass the same
//! suites, and `sequences` compares an adapter with its model over random operations.
#![expect(
    clippy::panic,
    reason = "a suite fails by panicking, like the test that calls it"
)]
#![allow(
    clippy::missing_panics_doc,
    reason = "every function here panics where the adapter is wrong"
)]

pub mod cases;
pub mod lanes;
pub mod objects;
pub mod sequences;
pub mod store;

mod made;

use crate::Fault;

/// The answer of a request that has to succeed.
fn ok<T>(answer: Result<T, Fault>) -> T {
    answer.unwrap_or_else(|fault| panic!("unexpected fault: {fault}"))
}

/// The fault of a request that has to be rejected.
fn rejected<T: std::fmt::Debug>(answer: &Result<T, Fault>) {
    assert!(
        matches!(answer, Err(Fault::Reject { .. })),
        "not rejected: {answer:?}"
    );
}

/// Numbers from a seed, the same on every machine (SplitMix64).
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// True so many times in a hundred.
    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
