//! Every kind of target behind one type, made from what policy says of it: for whoever needs
//! several at once (the nightly run, the command line, the suites). A function that writes to one
//! kind of target takes that kind alone.
//!
//! It adds no behaviour: each call goes to the target that it is for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::budget::Cost;
use domain::policy::{GraphSettings, Target, TargetKind};
use domain::{Account, AccountId, Change, EntitlementId, Group, Policy, TargetId};
use ports::target::{
    AccountChanges, Applied, Check, Cursor, Found, Lookup, MemberChange, Page, Roster, TargetError,
};
use ports::{Apply, Clock, Fault, Observe, Secrets};
use target_graph::bulk::{BulkConfig, EntraBulk};
use target_graph::{GraphConfig, GraphTarget};
use target_http::Network;
use target_scim::{ScimConfig, ScimTarget};

/// For a whole exchange with a target; must be below the function's time-out.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A target of any kind.
pub enum AnyTarget<S> {
    /// SCIM 2.0.
    Scim(Box<ScimTarget<S>>),
    /// Microsoft Graph.
    Graph(Box<GraphTarget<S>>),
    /// The inbound provisioning API of Microsoft Entra.
    EntraBulk(Box<EntraBulk<S>>),
}

impl<S> fmt::Debug for AnyTarget<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scim(_) => "AnyTarget(scim)",
            Self::Graph(_) => "AnyTarget(graph)",
            Self::EntraBulk(_) => "AnyTarget(entra_bulk)",
        })
    }
}

/// The targets of a policy that can be called.
pub fn callable(policy: &Policy) -> impl Iterator<Item = &TargetId> {
    let targets = policy.targets.iter();
    targets
        .filter(|(_, target)| !matches!(target.kind, TargetKind::Manual(_)))
        .map(|(name, _)| name)
}

/// Where a target may be, and how long a request to it may take.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Which addresses its host may have.
    pub network: Network,
    /// For a whole exchange.
    pub timeout: Duration,
}

impl Reach {
    /// Ten seconds.
    pub const fn to(network: Network) -> Self {
        Self {
            network,
            timeout: TIMEOUT,
        }
    }
}

impl<S: Secrets> AnyTarget<S> {
    /// The client for a target of the policy. [`Fault::Halt`] where its configuration cannot work;
    /// nothing is sent yet.
    pub fn new(
        policy: &Policy,
        name: &TargetId,
        reach: Reach,
        secrets: Arc<S>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Fault> {
        let Some(target) = policy.targets.get(name) else {
            return Err(Fault::halt(format!(
                "there is no target `{name}` in policy"
            )));
        };
        Ok(match &target.kind {
            TargetKind::Scim => {
                let config = scim_config(policy, name, target, reach);
                Self::Scim(Box::new(ScimTarget::new(config, secrets, clock)?))
            }
            TargetKind::Graph(settings) => {
                let config = graph_config(policy, name, target, settings, reach);
                Self::Graph(Box::new(GraphTarget::new(config, secrets, clock)?))
            }
            TargetKind::Manual(_) => {
                return Err(Fault::halt(format!(
                    "target `{name}` is worked on by hand: there is nothing to call"
                )));
            }
            TargetKind::EntraBulk(job) => {
                let config = BulkConfig {
                    target: name.clone(),
                    base_url: target.base_url.clone(),
                    network: reach.network,
                    auth: target.auth.clone(),
                    job: job.clone(),
                    mapped: target.mappings.iter().map(|m| m.path.clone()).collect(),
                    timeout: reach.timeout,
                };
                Self::EntraBulk(Box::new(EntraBulk::new(config, secrets, clock)?))
            }
        })
    }

    /// Requests sent so far.
    pub fn calls(&self) -> u64 {
        match self {
            Self::Scim(target) => target.calls(),
            Self::Graph(target) => target.calls(),
            Self::EntraBulk(target) => target.calls(),
        }
    }
}

/// What a SCIM target of the policy is made of.
pub fn scim_config(policy: &Policy, name: &TargetId, target: &Target, reach: Reach) -> ScimConfig {
    let here = policy
        .entitlements
        .iter()
        .filter(|(_, entitlement)| entitlement.target == *name);
    ScimConfig {
        network: reach.network,
        timeout: reach.timeout,
        auth: target.auth.clone(),
        profile: target.profile.clone(),
        mapped: target.mappings.iter().map(|m| m.path.clone()).collect(),
        groups: here.map(|(id, e)| (id.clone(), e.group.clone())).collect(),
        ..ScimConfig::new(name.clone(), target.base_url.clone(), target.auth.secret())
    }
}

fn graph_config(
    policy: &Policy,
    name: &TargetId,
    target: &Target,
    settings: &GraphSettings,
    reach: Reach,
) -> GraphConfig {
    let here = policy
        .entitlements
        .iter()
        .filter(|(_, entitlement)| entitlement.target == *name);
    GraphConfig {
        network: reach.network,
        timeout: reach.timeout,
        settings: settings.clone(),
        mapped: target.mappings.iter().map(|m| m.path.clone()).collect(),
        entitlements: here
            .map(|(id, e)| (id.clone(), (e.kind, e.group.clone())))
            .collect(),
        ..GraphConfig::new(name.clone(), target.base_url.clone(), target.auth.clone())
    }
}

impl<S: Secrets> Observe for AnyTarget<S> {
    async fn users(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        match self {
            Self::Scim(target) => target.users(after).await,
            Self::Graph(target) => target.users(after).await,
            Self::EntraBulk(target) => target.users(after).await,
        }
    }

    async fn groups(&self, after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        match self {
            Self::Scim(target) => target.groups(after).await,
            Self::Graph(target) => target.groups(after).await,
            Self::EntraBulk(target) => target.groups(after).await,
        }
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        match self {
            Self::Scim(target) => target.find(lookup).await,
            Self::Graph(target) => target.find(lookup).await,
            Self::EntraBulk(target) => target.find(lookup).await,
        }
    }

    async fn held(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        match self {
            Self::Scim(target) => target.held(account, of).await,
            Self::Graph(target) => target.held(account, of).await,
            Self::EntraBulk(target) => target.held(account, of).await,
        }
    }

    async fn check(&self, account: &AccountId, of: &[EntitlementId]) -> Result<Check, TargetError> {
        match self {
            Self::Scim(target) => target.check(account, of).await,
            Self::Graph(target) => target.check(account, of).await,
            Self::EntraBulk(target) => target.check(account, of).await,
        }
    }

    async fn holders(
        &self,
        entitlement: &EntitlementId,
        accounts: &[AccountId],
    ) -> Result<Option<Vec<AccountId>>, TargetError> {
        match self {
            Self::Scim(target) => target.holders(entitlement, accounts).await,
            Self::Graph(target) => target.holders(entitlement, accounts).await,
            Self::EntraBulk(target) => target.holders(entitlement, accounts).await,
        }
    }

    async fn roster(&self, entitlement: &EntitlementId) -> Result<Roster, TargetError> {
        match self {
            Self::Scim(target) => target.roster(entitlement).await,
            Self::Graph(target) => target.roster(entitlement).await,
            Self::EntraBulk(target) => target.roster(entitlement).await,
        }
    }
}

impl<S: Secrets> Apply for AnyTarget<S> {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        match self {
            Self::Scim(target) => target.apply(change, account).await,
            Self::Graph(target) => target.apply(change, account).await,
            Self::EntraBulk(target) => target.apply(change, account).await,
        }
    }

    async fn apply_all(
        &self,
        changes: &[Change],
        account: &AccountId,
    ) -> Vec<Result<Applied, TargetError>> {
        match self {
            Self::Scim(target) => target.apply_all(changes, account).await,
            Self::Graph(target) => target.apply_all(changes, account).await,
            Self::EntraBulk(target) => target.apply_all(changes, account).await,
        }
    }

    async fn memberships(&self, changes: &[MemberChange]) -> Vec<Result<Applied, TargetError>> {
        match self {
            Self::Scim(target) => target.memberships(changes).await,
            Self::Graph(target) => target.memberships(changes).await,
            Self::EntraBulk(target) => target.memberships(changes).await,
        }
    }

    fn joins_groups(&self) -> bool {
        match self {
            Self::Scim(target) => target.joins_groups(),
            Self::Graph(target) => target.joins_groups(),
            Self::EntraBulk(target) => target.joins_groups(),
        }
    }

    fn takes_many(&self) -> bool {
        match self {
            Self::Scim(target) => target.takes_many(),
            Self::Graph(target) => target.takes_many(),
            Self::EntraBulk(target) => target.takes_many(),
        }
    }

    async fn apply_each(&self, works: &[AccountChanges]) -> Vec<Vec<Result<Applied, TargetError>>> {
        match self {
            Self::Scim(target) => target.apply_each(works).await,
            Self::Graph(target) => target.apply_each(works).await,
            Self::EntraBulk(target) => target.apply_each(works).await,
        }
    }

    fn cost(&self, changes: &[Change]) -> Cost {
        match self {
            Self::Scim(target) => target.cost(changes),
            Self::Graph(target) => target.cost(changes),
            Self::EntraBulk(target) => target.cost(changes),
        }
    }
}
