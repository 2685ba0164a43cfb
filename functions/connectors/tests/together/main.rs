//! Batches: what concerns one account alone is done for it alone, what several share goes to the
//! target together, and what one of them meets costs the others nothing.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

mod budget;
mod company;
mod dir;
mod ending;
mod health;
mod late;
mod pool;
mod time;
