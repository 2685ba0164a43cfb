//! The adapter over the engine inside the process, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy sees only the test functions of this binary as tests"
)]

mod contract;
