//! What the `main.rs` of every function has in common: settings read once and all at once, one
//! configuration for the clients of AWS, log lines, the start, and the loop that takes events from
//! Lambda.
//!
//! It knows no function and no adapter. What goes wrong at the start is said in one place and
//! ends the process, so that a function that cannot work takes no event.

mod aws;
mod environment;
mod run;
mod start;
mod timeouts;

pub use aws::{Aws, Endpoint, LONGEST_REQUEST, configure};
pub use environment::{Environment, SettingsError, Wrong};
pub use ports::clock::SystemClock;
pub use run::{Failure, prime, run};
pub use start::StartError;
pub use timeouts::{BEFORE_FUNCTION, BEFORE_VISIBLE};
