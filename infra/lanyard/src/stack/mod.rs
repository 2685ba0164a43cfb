//! The whole of Lanyard in one process: the function libraries that AWS runs, wired to embedded
//! lanes and objects, a store, and targets over HTTP.
//!
//! It adds no behaviour: what API Gateway, the event source mappings and the schedules do in the
//! cloud, [`front`], [`Stack::drain`] with [`Stack::serve`], and [`Stack::tick`] do here.

mod edition;
pub mod front;
mod lanes;
mod time;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use domain::{Hash, Policy};
use hr_webhook::Salt;
use hr_webhook::feed::FeedIntake;
use jiff::civil::Date;
use ports::embedded::{EmbeddedLanes, FolderObjects, StaticSecrets};
use ports::{Cases, Clock, Fault, Store, Walk};
use publication::Editions;
use reconciler::{Finished, Reconciler, Run};
use target_http::Network;

use edition::Edition;

use crate::operations::Operations;

pub use ports::clock::SystemClock;
pub use time::SharedClock;

/// What the report calls this code.
pub const CODE: &str = concat!("lanyard ", env!("CARGO_PKG_VERSION"));

/// What a stack is made of.
pub struct Parts<S> {
    /// The table.
    pub store: S,
    /// The queues.
    pub lanes: EmbeddedLanes,
    /// The bucket.
    pub objects: FolderObjects,
    /// Webhook secrets and bearer tokens by name.
    pub secrets: StaticSecrets,
    /// The time.
    pub clock: SharedClock,
    /// The policy.
    pub policy: Policy,
    /// The secret from which worker records get their opaque names.
    pub salt: Salt,
    /// Which addresses targets may have.
    pub network: Network,
}

/// The whole of Lanyard in one process.
pub struct Stack<S> {
    store: S,
    lanes: EmbeddedLanes,
    objects: FolderObjects,
    clock: SharedClock,
    salt: Salt,
    network: Network,
    ticker: clock::Ticker<S, EmbeddedLanes, SharedClock>,
    editions: RwLock<Editions<Edition<S>>>,
}

impl<S: Store + Cases + Clone> Stack<S> {
    /// Wires the parts. [`Fault::Halt`] where a target's configuration cannot work.
    pub fn new(parts: Parts<S>) -> Result<Self, Fault> {
        let Parts {
            store,
            lanes,
            objects,
            secrets,
            clock,
            policy,
            salt,
            network,
        } = parts;
        let edition = Edition::new(&store, &lanes, &clock, &salt, network, policy, &secrets)?;
        Ok(Self {
            ticker: clock::Ticker::new(store.clone(), lanes.clone(), clock.clone()),
            editions: RwLock::new(Editions::new(Arc::new(edition))),
            store,
            lanes,
            objects,
            clock,
            salt,
            network,
        })
    }

    fn editions(&self) -> Editions<Edition<S>> {
        let editions = self.editions.read();
        editions.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The functions under the current policy. Whoever begins to work takes them along, so that
    /// what was begun under one version ends under it.
    fn edition(&self) -> Arc<Edition<S>> {
        self.editions().current
    }

    /// Decides under another policy from now on. What was decided under the one before is still
    /// carried out under it, until [`Stack::superseded`] says that there is nothing of it.
    /// [`Fault::Halt`] where a target's configuration cannot work: the old one stays.
    pub fn switch(&self, policy: Policy, secrets: &StaticSecrets) -> Result<(), Fault> {
        let next = Arc::new(self.wire(policy, secrets)?);
        let mut editions = self
            .editions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        editions.switch(next);
        Ok(())
    }

    /// Lets what was decided under an earlier policy be carried out under it.
    pub fn keep(&self, policy: Policy, secrets: &StaticSecrets) -> Result<(), Fault> {
        let earlier = Arc::new(self.wire(policy, secrets)?);
        let mut editions = self
            .editions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        editions.keep(earlier);
        Ok(())
    }

    fn wire(&self, policy: Policy, secrets: &StaticSecrets) -> Result<Edition<S>, Fault> {
        Edition::new(
            &self.store,
            &self.lanes,
            &self.clock,
            &self.salt,
            self.network,
            policy,
            secrets,
        )
    }

    /// Versions before the current one whose decisions are not all carried out or made anew.
    /// Earlier versions that are not among them are forgotten.
    pub async fn superseded(&self) -> Result<BTreeSet<Hash>, Fault> {
        let version = self.edition().policy.policy.version;
        let mut found = BTreeSet::new();
        let mut walk = Walk::over(&self.store);
        while let Some(rows) = walk.page().await? {
            let owing = rows.iter().filter(|(_, seat)| !seat.owed.is_empty());
            found.extend(owing.map(|(_, seat)| seat.record.policy));
        }
        found.remove(&version);
        let mut editions = self
            .editions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        editions.forget_but(&found);
        Ok(found)
    }

    /// Whether decisions of an earlier version may still be under way.
    pub fn is_changing(&self) -> bool {
        self.editions().is_changing()
    }

    /// The policy.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.edition().policy.policy)
    }

    /// The table.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The queues.
    pub const fn lanes(&self) -> &EmbeddedLanes {
        &self.lanes
    }

    /// The bucket.
    pub const fn objects(&self) -> &FolderObjects {
        &self.objects
    }

    /// The time.
    pub const fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// The intake of full feeds, under the current policy.
    pub fn feeds(&self) -> FeedIntake<S, EmbeddedLanes, FolderObjects, SharedClock> {
        FeedIntake::new(
            self.store.clone(),
            self.lanes.clone(),
            self.objects.clone(),
            self.clock.clone(),
            self.policy(),
            self.salt.clone(),
        )
    }

    /// What the schedule does every minute: hands over who is due.
    pub async fn tick(&self) -> Result<usize, Fault> {
        self.ticker.tick().await
    }

    /// What the schedule does every night, for the company's day `date`.
    pub async fn reconcile(&self, date: Date) -> Result<Finished, Fault> {
        let edition = self.edition();
        let policy = &edition.policy.policy;
        let run = Run::new(self.clock.now(), date, policy, CODE);
        let reconciler = Reconciler::new(
            &self.store,
            &self.lanes,
            &self.objects,
            &self.clock,
            &edition.readers,
            policy,
        );
        reconciler.run(&run).await
    }

    /// Where a file of a run lies.
    pub fn report_file(
        &self,
        finished: &Finished,
        file: &str,
    ) -> Result<std::path::PathBuf, Fault> {
        let summary = &finished.manifest.summary;
        let folder = reconciler::report::folder(summary.date, &summary.run);
        self.objects.path(&format!("{folder}{file}"))
    }
}

impl<S: Store + Cases + Clone + 'static> Stack<S> {
    /// Hands everybody whose last decision was made under another policy to the planner, behind
    /// whatever waits there already; returns how many those are. Running twice is harmless.
    pub async fn replan(&self) -> Result<usize, Fault> {
        let count = self.operations().hand_over_stale().await?;
        if count > 0 {
            tracing::info!(count, "handed over who was decided under another policy");
        }
        Ok(count)
    }

    /// The operator's side of it.
    pub fn operations(&self) -> Operations<'_, S, EmbeddedLanes, FolderObjects, SharedClock> {
        Operations {
            store: &self.store,
            lanes: &self.lanes,
            objects: &self.objects,
            clock: &self.clock,
            policy: self.policy(),
            queues: self.all_lanes(),
        }
    }
}

impl<S: Store + Cases + Clone + 'static> front::Answers for Stack<S> {
    async fn answer(&self, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        self.edition().webhook.handle(event).await
    }
}
