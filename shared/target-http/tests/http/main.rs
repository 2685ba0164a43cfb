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

/// A server of the test's own, on this machine.
#[cfg(test)]
fn here(base: &str) -> target_http::HttpConfig {
    target_http::HttpConfig {
        network: target_http::Network::PUBLIC.and_this_machine(),
        ..target_http::HttpConfig::new(base)
    }
}
