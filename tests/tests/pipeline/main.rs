//! The whole pipeline over real HTTP and a real DynamoDB engine, one test per edge case of the
//! product page (T1 to T40). Every test ends where the product ends: with accounts in targets.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a suite stops at what does not hold"
)]

mod access;
mod canary;
mod cases;
mod clocks;
mod duties;
mod edges;
mod events;
mod feeds;
mod flat_feeds;
mod histories;
mod incidents;
mod language;
mod leavers;
mod limits;
mod links;
mod movers;
mod night;
mod people;
mod targets;
mod tasks;
