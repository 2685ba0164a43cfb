//! The target: what its reads and writes share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use domain::policy::EntitlementKind;
use domain::{EntitlementId, TargetId};
use ports::target::TargetError;
use ports::{Clock, Fault, Secrets};
use target_http::{Effect, Session};

use crate::GraphConfig;
use crate::batch::Reply;
use crate::groups::Groups;
use crate::permission::Action;
use crate::property::Plan;
use crate::url::ObjectId;
use crate::wire::Wire;

/// Microsoft Graph as a target: [`Observe`](ports::Observe) and [`Apply`](ports::Apply).
pub struct GraphTarget<S> {
    pub(crate) target: TargetId,
    pub(crate) wire: Wire<S>,
    pub(crate) plan: Plan,
    /// Without a slash at its end; references to objects begin with it.
    base: Box<str>,
    pub(crate) role_assignable: bool,
    pub(crate) entitlements: BTreeMap<EntitlementId, (EntitlementKind, Box<str>)>,
    pub(crate) groups: Mutex<Groups>,
}

impl<S> fmt::Debug for GraphTarget<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GraphTarget({})", self.target)
    }
}

impl<S: Secrets> GraphTarget<S> {
    /// A client for one target. [`Fault::Halt`] where the configuration cannot work; nothing is
    /// sent yet.
    pub fn new(config: GraphConfig, secrets: Arc<S>, clock: Arc<dyn Clock>) -> Result<Self, Fault> {
        let halt = |why: &dyn fmt::Display| Fault::halt(format!("`{}`: {why}", config.target));
        let session = Session::new(&config.http(), &config.auth, secrets, clock);
        let session = session.map_err(|e| halt(&e))?;
        let plan = Plan::new(&config.mapped, &config.settings).map_err(|e| halt(&e))?;
        for (id, (kind, name)) in &config.entitlements {
            if *kind == EntitlementKind::Licence && !ObjectId::is_guid(name) {
                return Err(halt(&format!(
                    "the licence of `{id}` is named `{name}`; write the id of its SKU, a GUID"
                )));
            }
        }
        Ok(Self {
            wire: Wire::new(session),
            plan,
            base: config.base_url.trim_end_matches('/').into(),
            role_assignable: config.settings.role_assignable,
            entitlements: config.entitlements,
            groups: Mutex::default(),
            target: config.target,
        })
    }

    /// The target, as policy names it.
    pub const fn target(&self) -> &TargetId {
        &self.target
    }

    /// HTTP requests sent so far; a batch is one, a request for a token is none.
    pub fn calls(&self) -> u64 {
        self.wire.calls()
    }

    /// A reference to an object, as bodies carry it.
    pub(crate) fn reference(&self, id: &ObjectId) -> String {
        format!("{}/directoryObjects/{id}", self.base)
    }

    /// What a refusal means to the caller of a port.
    pub(crate) fn refused(&self, reply: &Reply, action: Action, effect: Effect) -> TargetError {
        reply.error(action, effect, self.wire.now())
    }
}

/// An answer that does not have the form that it should have.
pub(crate) fn unreadable(what: &str) -> TargetError {
    TargetError::Fault(Fault::retry(format!(
        "{what}: the answer is none of Microsoft Graph's"
    )))
}
