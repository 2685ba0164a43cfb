//! The functions wired under one version of policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::plan::Compiled;
use domain::{Hash, Policy, TargetId};
use hr_webhook::{Salt, Webhook};
use ports::embedded::{EmbeddedLanes, StaticSecrets};
use ports::{Cases, Fault, Store};
use target_http::Network;
use targets::{AnyTarget, Reach};

use super::SharedClock;

/// The functions under one version of policy.
pub(super) struct Edition<S> {
    pub(super) policy: Arc<Compiled>,
    pub(super) webhook: Webhook<S, EmbeddedLanes, StaticSecrets, SharedClock>,
    pub(super) planner: planner::Planner<S, EmbeddedLanes, SharedClock>,
    pub(super) connector: connectors::Connector<S, AnyTarget<StaticSecrets>, SharedClock>,
    /// The reconciler's own clients: it reads, and holds nothing that writes.
    pub(super) readers: BTreeMap<TargetId, AnyTarget<StaticSecrets>>,
}

impl<S: Store + Cases + Clone> Edition<S> {
    /// Wires the functions. [`Fault::Halt`] where a target's configuration cannot work.
    pub(super) fn new(
        store: &S,
        lanes: &EmbeddedLanes,
        clock: &SharedClock,
        salt: &Salt,
        network: Network,
        policy: Policy,
        secrets: &StaticSecrets,
    ) -> Result<Self, Fault> {
        let shared = Arc::new(secrets.clone());
        let clients = || -> Result<BTreeMap<TargetId, AnyTarget<StaticSecrets>>, Fault> {
            targets::callable(&policy)
                .map(|name| {
                    let (secrets, clock) = (Arc::clone(&shared), clock.to_dyn());
                    let client = AnyTarget::new(&policy, name, Reach::to(network), secrets, clock)?;
                    Ok((name.clone(), client))
                })
                .collect()
        };
        let (writers, readers) = (clients()?, clients()?);
        let policy = Arc::new(Compiled::new(policy));
        let (s, l, c) = (store, lanes, clock);
        Ok(Self {
            webhook: Webhook::new(
                s.clone(),
                l.clone(),
                secrets.clone(),
                c.clone(),
                Arc::clone(&policy.policy),
                salt.clone(),
            ),
            planner: planner::Planner::new(s.clone(), l.clone(), c.clone(), Arc::clone(&policy)),
            connector: connectors::Connector::new(
                s.clone(),
                writers,
                c.clone(),
                Arc::clone(&policy),
            ),
            policy,
            readers,
        })
    }
}

/// The version that new decisions are made under, and those whose decisions are still carried out.
pub(super) struct Editions<S> {
    pub(super) current: Arc<Edition<S>>,
    before: BTreeMap<Hash, Arc<Edition<S>>>,
}

impl<S> Clone for Editions<S> {
    fn clone(&self) -> Self {
        Self {
            current: Arc::clone(&self.current),
            before: self.before.clone(),
        }
    }
}

impl<S> Editions<S> {
    pub(super) fn new(edition: Edition<S>) -> Self {
        Self {
            current: Arc::new(edition),
            before: BTreeMap::new(),
        }
    }

    pub(super) fn switch(&mut self, next: Arc<Edition<S>>) {
        self.before.remove(&next.version());
        let was = std::mem::replace(&mut self.current, next);
        self.keep(was);
    }

    pub(super) fn keep(&mut self, earlier: Arc<Edition<S>>) {
        if earlier.version() != self.current.version() {
            self.before.insert(earlier.version(), earlier);
        }
    }

    pub(super) fn forget_but(&mut self, needed: &BTreeSet<Hash>) {
        self.before.retain(|version, _| needed.contains(version));
    }

    pub(super) fn is_changing(&self) -> bool {
        !self.before.is_empty()
    }

    /// The targets of all of them.
    pub(super) fn targets(&self) -> BTreeSet<TargetId> {
        let all = std::iter::once(&self.current).chain(self.before.values());
        all.flat_map(|edition| edition.policy.policy.targets.keys().cloned())
            .collect()
    }

    /// Under which version a decision is carried out: its own while that is kept.
    pub(super) fn of(&self, version: Hash) -> &Arc<Edition<S>> {
        self.before.get(&version).unwrap_or(&self.current)
    }
}

impl<S> Edition<S> {
    pub(super) fn version(&self) -> Hash {
        self.policy.policy.version
    }
}
