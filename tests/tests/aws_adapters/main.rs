//! The adapters of queues, objects and secrets against a server that speaks AWS's protocols and
//! that we did not write: random operations give the same answers as the models and the embedded
//! adapters give. (The table's are in `store-dynamodb`, over an engine inside the process.) What
//! the server does otherwise than AWS, and what is left out for it, is in `docs/aws-emulators.md`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy sees only the test functions of this binary as tests"
)]

mod known;
mod lanes;
mod objects;
mod platform;
mod secrets;

use tests::ministack::Ministack;

/// How many random sequences there are.
const SEQUENCES: u64 = 1_000;

/// Runs every sequence, those of even and those of odd numbers at the same time, each on a server of
/// its own.
fn sequences(run: impl AsyncFn(&Ministack, u64) + Sync) {
    std::thread::scope(|scope| {
        let half = |first: u64| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server = Ministack::start().await;
                for seed in (first..SEQUENCES).step_by(2) {
                    run(&server, seed).await;
                }
            });
        };
        let halves = [0, 1].map(|first| scope.spawn(move || half(first)));
        for one in halves {
            if let Err(panic) = one.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// Numbers from a seed, the same on every machine (SplitMix64).
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }

    /// True so many times in a hundred.
    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
