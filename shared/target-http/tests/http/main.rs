//! The client over HTTP.

#[cfg(test)]
mod auth;
#[cfg(test)]
mod client;
#[cfg(test)]
mod log;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
