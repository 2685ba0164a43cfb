//! The function against the reference models of its ports.

mod bamboohr;
mod canonical;
mod feeds;
mod intake;
mod properties;
mod refusals;
mod vectors;
pub(crate) mod world;
