//! Microsoft Graph (v1.0) as a target: users, memberships of groups, licences.
//!
//! It sends what belongs together in one `$batch`, branches on codes and state and never on the
//! text of an error, builds every URL from checked parts, and passes on no word of an answer that
//! may hold personal data. It never retries in a loop, never deletes or creates a group, and
//! never writes an account that is mastered on premises.
//!
//! In projections the paths `userName` and `externalId` stand for `userPrincipalName` and for the
//! property that holds our key; `manager` refers to the account of the manager; every other path
//! is the name of a property (`department`), nested ones with a full stop
//! (`employeeOrgData.costCenter`). Dates are written and read as `2026-03-01`.
//!
//! [`bulk`] sends records to the inbound provisioning API of Microsoft Entra instead.

mod anew;
mod apply;
mod batch;
pub mod bulk;
mod chain;
mod config;
mod delta;
mod find;
mod groups;
mod inside;
mod key;
mod licence;
mod listing;
mod members;
mod password;
mod permission;
mod property;
mod refusal;
mod settle;
mod target;
mod url;
mod user;
mod wire;

pub use config::GraphConfig;
pub use delta::{Changed, DeltaCursor, DeltaPage, Removed};
pub use permission::{Action, permission_for};
pub use property::PropertyError;
pub use target::GraphTarget;
