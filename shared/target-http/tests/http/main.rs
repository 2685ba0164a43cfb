//! The client over HTTP.

#[cfg(test)]
mod client;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
