//! Lanes and objects on one machine, inside the process: what `lanyard demo` and `lanyard local`
//! run on.
//!
//! The lanes are our own and not an embedded SQS. The one that could be linked in
//! (`rustack-sqs-core` 0.12) keeps its queues in memory, reads the machine's clock and delivers
//! one message of a group per receive, so that durability, virtual time and batches would all
//! have been ours to add, under an HTTP protocol between two halves of one process. What crosses
//! a real SQS protocol is the SQS adapter, and that one is tested against servers that speak it.

mod fifo;
mod journal;
mod lanes;
mod objects;
mod secrets;

pub use journal::OpenError;
pub use lanes::EmbeddedLanes;
pub use objects::FolderObjects;
pub use secrets::StaticSecrets;
