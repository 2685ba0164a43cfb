//! What the whole-pipeline suites and the benchmarks share.

pub mod bench;
pub mod third_party;
