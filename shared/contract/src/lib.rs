//! Everything that crosses a process boundary, versioned: queue messages, lane names, report
//! rows. Nothing in [`message`] can hold personal data: its fields are opaque keys and numbers.

pub mod lane;
pub mod message;
pub mod report;

pub use lane::Lane;
pub use message::{Cause, ConvergeRequest, PlanRequest};
