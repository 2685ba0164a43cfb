//! A SCIM 2.0 client as a target: reads users and groups, changes one thing at a time (RFC 7643,
//! RFC 7644, RFC 9865).
//!
//! It reads leniently and writes strictly. It never sends a `remove` on `members` without a
//! filter, never takes the first of several hits, never takes an answer to another question for
//! an answer, never retries in a loop, and never repeats a server's `detail` text, which may hold
//! personal data.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use target_scim::{ScimConfig, ScimTarget, Tokens};
//! # fn build(clock: Arc<dyn ports::Clock>) -> Result<(), ports::Fault> {
//! let config = ScimConfig {
//!     mapped: vec!["userName".into(), "externalId".into(), "name.givenName".into()],
//!     groups: [("wiki/readers".into(), "Readers".into())].into(),
//!     ..ScimConfig::new("wiki", "https://wiki.example.com/scim/v2", "wiki-token")
//! };
//! let secrets = Arc::new(Tokens::fixed([ports::secrets::Secret::new("t0ken")]));
//! let target = ScimTarget::new(config, secrets, clock)?;
//! # Ok(()) }
//! ```

mod any;
mod apply;
mod body;
mod config;
mod held;
mod member_form;
mod members;
mod observe;
mod page;
mod path;
pub mod probe;
mod read;
mod refusal;
mod resource;
mod rules;
mod target;
mod update;
mod wire;

pub use config::{ScimConfig, Tokens};
pub use observe::PageEnd;
pub use path::PathError;
pub use read::SeenUser;
pub use target::ScimTarget;
