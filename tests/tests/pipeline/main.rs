//! The whole pipeline over real HTTP and a real DynamoDB engine, one test per edge case of the
//! product page (T1 to T40). Every test ends where the product ends: with accounts in targets.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a suite stops at what does not hold"
)]

mod canary;
mod cases;
mod events;
mod leavers;
mod links;
mod movers;
mod night;
mod people;
mod targets;
mod tasks;
