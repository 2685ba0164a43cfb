//! A company on Microsoft 365: HR posts signed webhooks, and what follows goes to a Microsoft
//! Graph through a validating proxy that we did not write. Every test ends with the proof that
//! nothing broke Microsoft's description, in either direction, the parts of batches included.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a suite stops at what does not hold"
)]

mod calls;
mod company;
mod conflicts;
mod faults;
mod life;
mod night;
mod refused;
mod together;
mod transport;
