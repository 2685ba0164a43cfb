//! Whole runs over the reference models of the ports and scripted targets.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the parts that tests share are test code too"
)]

mod company;
mod history;
mod holds;
mod incidents;
mod kills;
mod laws;
mod machine;
mod metrics;
mod races;
mod repairs;
mod rests;
mod sending;
mod steps;
mod target;
