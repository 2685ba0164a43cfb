//! The ports' own tests, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy sees only the test functions of this binary as tests"
)]

mod batch;
mod store;

/// Runs a future to its end on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}
