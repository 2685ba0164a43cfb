//! The target against a stateful Microsoft Graph that we run, and against a scripted server.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod create;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod members;
#[cfg(test)]
mod privacy;
#[cfg(test)]
#[path = "../../../target-http/tests/support/mod.rs"]
mod script;
