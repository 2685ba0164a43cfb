//! What the functions need from the world, as narrow traits. Adapters implement them; functions
//! are generic over them. No adapter lives here but the machine's clock, the embedded lanes and
//! objects and, under the feature `model`, a plain in-memory reference of every port.

pub mod backlog;
pub mod batch;
pub mod cases;
pub mod clock;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod fault;
pub mod lanes;
pub mod meter;
#[cfg(feature = "model")]
pub mod model;
pub mod objects;
pub mod queue;
pub mod secrets;
pub mod store;
pub mod target;
pub mod trace;
mod walk;

pub use backlog::Backlog;
pub use cases::Cases;
pub use clock::Clock;
pub use fault::Fault;
pub use lanes::{Lanes, Outgoing};
pub use objects::Objects;
pub use queue::Queues;
pub use secrets::Secrets;
pub use store::Store;
pub use target::{Apply, Observe};
pub use trace::Trace;
pub use walk::Walk;
