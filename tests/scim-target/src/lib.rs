//! A SCIM 2.0 service provider (RFC 7643, 7644, 9865) on loopback, for tests and for `lanyard demo`: strict by
//! default, and able to misbehave as real ones do.
//!
//! ```
//! use scim_target::{Fault, FaultKind, Options, ScimTarget};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let target = ScimTarget::start(Options::default()).await?;
//! let ana = target.insert_user(json!({ "userName": "ana", "externalId": "e-1" }))?;
//! let staff = target.add_group("staff")?;
//! target.add_member(&staff.id, &ana.id)?;
//!
//! target.faults().add(Fault::DropAfterCommit.once().method("POST").path("/Users"));
//! // ... run what is under test against `target.base_url()` with `target.token()` ...
//! assert_eq!(target.faults().fired(FaultKind::DropAfterCommit), 0);
//! assert_eq!(target.calls().user_post, 0);
//! target.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Options::dialect`] gives it the behaviour of a vendor; [`ScimTarget::truth`] says which that is, so that a test can
//! compare it with what a client found out.
//!
//! It keeps everything in memory, has no clock (time moves a millisecond with each write) and draws no random
//! numbers, so that the same requests give the same answers, ids and timestamps included. It does not do Bulk,
//! sorting, `/Me` or passwords.

mod accept;
mod admission;
mod answers;
mod calls;
mod dialect;
mod digest;
mod discovery;
mod error;
mod faults;
mod filter;
mod filter_forms;
mod http;
mod lenient;
mod list;
mod members;
mod options;
mod paging;
mod patch;
mod patch_forms;
mod patch_members;
mod patch_values;
mod read;
mod render;
mod reply;
mod resource;
mod rules;
mod schema;
mod server;
mod state;
mod store;
#[cfg(test)]
mod store_tests;
mod target;
mod truth;
mod vendors;
mod views;

pub use calls::{Calls, LoggedRequest};
pub use dialect::{Dialect, UnknownDialect};
pub use error::ScimError;
pub use faults::{
    AddPresent, ConflictStyle, Fault, FaultKind, Faults, PatchAnswer, PatchForm, RemoveAbsent,
    RetryAfter, Rule,
};
pub use options::{Options, Paging};
pub use schema::Kind;
pub use target::ScimTarget;
pub use truth::{
    AnswerType, Claims, ConfigPath, Conflict, CreateMembers, Deletion, DiscoveryTruth, Door,
    ExactlyOne, FilterForms, FilterTruth, Fold, GroupTruth, GroupWrite, MembersShown, NameRule,
    Narrowing, OddFilter, PagingTruth, Put, PutWithoutActive, Rate, Rated, RemoveAll, SetForm,
    ShapeTruth, Truth, UnknownMembers, UnknownNames, UserAgent, UserTruth, ValueList,
};
pub use views::{Group, User};
