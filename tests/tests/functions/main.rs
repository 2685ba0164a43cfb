//! The functions' real binaries, started as Lambda starts them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a suite stops at what does not hold"
)]

mod events;
mod start;
