//! The model: people, facts, policy, plans. Pure and total: no I/O, no clock, no random number,
//! no environment, and no function here can fail at run time. What goes wrong is a value
//! ([`Finding`], [`Problem`]), never an error.
//!
//! The words are those of the field; ARCHITECTURE.md has the glossary.

pub mod attr;
pub mod budget;
pub mod case;
pub mod certify;
pub mod change;
pub mod compare;
pub mod converge;
pub mod correlate;
mod entitle;
pub mod evaluate;
pub mod expr;
pub mod fact;
pub mod feed;
pub mod finding;
pub mod fold;
pub mod identifier;
pub mod identity;
pub mod ids;
pub mod limit;
pub mod pii;
pub mod plan;
pub mod policy;
pub mod preview;
pub mod profile;
pub mod project;
pub mod record;
pub mod rollout;
pub mod snapshot;
pub mod sod;
pub mod standardise;
pub mod task;
pub mod text;
pub mod validate;

pub use attr::{Attr, Attrs, Slot};
pub use change::{Change, Plan, TargetPlan};
pub use fact::{Effective, Fact, FactBody};
pub use finding::{Finding, Problem};
pub use identity::{Engagement, IdentityState, IdentityView, Phase};
pub use ids::{
    AccountId, CaseId, EntitlementId, EventId, Generation, Hash, IdentityId, RecordKey, RoleId,
    RuleId, SourceId, TargetId, TaskId, WorkerId,
};
pub use pii::Pii;
pub use plan::Compiled;
pub use policy::Policy;
pub use profile::Profile;
pub use project::{AttrPath, Desired, Projection, Reason};
pub use record::{AccountRecord, IdentityRecord, Outcome, Ownership};
pub use snapshot::{Account, Certificate, Group, Incomplete};
