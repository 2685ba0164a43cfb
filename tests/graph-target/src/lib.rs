//! A Microsoft Graph (v1.0, the part that provisioning needs) with its token endpoint on loopback, for tests: strict
//! by default, and able to misbehave as the real one does.
//!
//! ```
//! use graph_target::{Fault, FaultKind, GraphTarget, Options};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let target = GraphTarget::start(Options::default()).await?;
//! let ana = target.insert_user(json!({ "userPrincipalName": "ana@contoso.com", "employeeId": "E1" }))?;
//! let staff = target.add_group("staff")?;
//! target.add_member(&staff.id, &ana.id)?;
//!
//! target.faults().add(Fault::DropAfterCommit.once().method("POST").path("/users"));
//! // ... run what is under test against `target.base_url()` and `target.token_url()` ...
//! assert_eq!(target.faults().fired(FaultKind::DropAfterCommit), 0);
//! assert_eq!(target.calls().of("POST", "/users"), 0);
//! target.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! It keeps everything in memory, draws no random numbers and has a clock that tests set (a write moves it by a
//! millisecond), so that the same requests give the same answers, ids, texts and orders included. It does not create,
//! rename or delete groups over HTTP, does not search or sort, and does not know owners, roles or policies.

mod access;
mod batch;
mod bulk;
mod calls;
mod deleted;
mod delta;
mod error;
mod faults;
mod filter;
mod groups;
mod hand;
mod http;
mod licenses;
mod members;
mod meter;
mod options;
mod paging;
mod query;
mod relations;
mod reply;
mod route;
mod rules;
mod schema;
mod server;
mod state;
mod store;
mod target;
mod token;
mod users;
mod views;
mod words;

pub use batch::Violation;
pub use bulk::Upload;
pub use calls::{Calls, LoggedRequest};
pub use error::{GraphError, Refusal};
pub use faults::{DuplicateStyle, Fault, FaultKind};
pub use meter::{Limits, Usage};
pub use options::Options;
pub use rules::{Faults, Rule};
pub use target::GraphTarget;
pub use views::{Group, User};
