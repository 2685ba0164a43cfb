//! The one HTTP client that talks to targets. It sends to one configured origin, follows no
//! redirect, knows no proxy, bounds time and size, and tells apart "certainly not sent" from
//! "sent, and the answer is lost".
//!
//! A [`Session`] adds who asks: it proves itself with secrets that may be renewed at any moment,
//! and answers a refused proof (401) once with another one.
//!
//! It does not retry, does not sleep, does not interpret the bodies of targets, and never logs or
//! keeps a URL: log lines and errors carry the method and a path template.

mod auth;
mod client;
mod error;
mod limit;
mod origin;
mod resolve;
mod retry_after;
mod session;

pub use auth::{Credentials, Proof};
pub use client::{Answer, Body, HttpClient, HttpConfig, Method, Request, To};
pub use error::{ConfigError, Effect, HttpError};
pub use limit::within;
pub use origin::{Network, Origin};
pub use retry_after::retry_after;
pub use session::{SendError, Session};
