//! The prober against the SCIM target of the tests, over HTTP.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod bench;
mod dialects;
mod ends;
mod switches;
