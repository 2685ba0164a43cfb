//! A plain in-memory reference of every port: exact, deterministic, and slow where slow is plain.
//! Tests and simulations use it as the world; the contract suite uses it as the oracle that every
//! adapter has to equal.

mod clock;
mod fuse;
mod lanes;
mod objects;
mod secrets;
mod store;
pub mod suite;

pub use clock::ManualClock;
pub use fuse::{Fuse, Fused};
pub use lanes::ModelLanes;
pub use objects::ModelObjects;
pub use secrets::ModelSecrets;
pub use store::ModelStore;

pub use crate::store::Counters;
