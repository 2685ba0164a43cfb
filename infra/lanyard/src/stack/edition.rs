//! The functions wired under one version of policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::plan::Compiled;
use domain::{Hash, Policy, TargetId};
use hr_webhook::{Salt, Webhook};
use ports::embedded::{EmbeddedLanes, StaticSecrets};
use ports::{Cases, Fault, Store};
use publication::Versioned;
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

impl<S> Versioned for Edition<S> {
    fn version(&self) -> Hash {
        self.policy.policy.version
    }
}
