//! What the whole-pipeline suites and the benchmarks share.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "this package is tests: what does not hold shall stop them"
)]

pub mod aws;
pub mod bench;
pub mod figures;
pub mod found;
pub mod metered;
pub mod ministack;
pub mod quota;
pub mod runtime_api;
pub mod services;
pub mod sim;
pub mod third_party;
pub mod wire;
pub mod world;
