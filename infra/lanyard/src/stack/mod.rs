//! The whole of Lanyard in one process: the function libraries that AWS runs, wired to embedded
//! lanes and objects, a store, and targets over HTTP.
//!
//! It adds no behaviour: what API Gateway, the event source mappings and the schedules do in the
//! cloud, [`front`], [`Stack::drain`] with [`Stack::serve`], and [`Stack::tick`] do here.

pub mod front;
mod lanes;
mod operate;
mod status;
mod time;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use domain::plan::Compiled;
use domain::{Policy, TargetId};
use hr_webhook::{Salt, Webhook};
use jiff::civil::Date;
use ports::embedded::{EmbeddedLanes, FolderObjects, StaticSecrets};
use ports::{Cases, Clock, Fault, Store};
use reconciler::{Finished, Reconciler, Run};
use target_http::Network;
use targets::{AnyTarget, Reach};

pub use operate::{
    AccountLink, CaseView, DecisionView, LinkView, Operate, Operated, RecordLink, TaskView,
};
pub use status::{LaneStatus, Status, TargetStatus};
pub use time::{SharedClock, SystemClock};

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
    policy: Arc<Compiled>,
    webhook: Webhook<S, EmbeddedLanes, StaticSecrets, SharedClock>,
    planner: planner::Planner<S, EmbeddedLanes, SharedClock>,
    connector: connectors::Connector<S, AnyTarget<StaticSecrets>, SharedClock>,
    ticker: clock::Ticker<S, EmbeddedLanes, SharedClock>,
    /// The reconciler's own clients: it reads, and holds nothing that writes.
    readers: BTreeMap<TargetId, AnyTarget<StaticSecrets>>,
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
        let (s, l, c) = (&store, &lanes, &clock);
        Ok(Self {
            webhook: Webhook::new(
                s.clone(),
                l.clone(),
                secrets,
                c.clone(),
                Arc::clone(&policy.policy),
                salt,
            ),
            planner: planner::Planner::new(s.clone(), l.clone(), c.clone(), Arc::clone(&policy)),
            connector: connectors::Connector::new(
                s.clone(),
                writers,
                c.clone(),
                Arc::clone(&policy),
            ),
            ticker: clock::Ticker::new(s.clone(), l.clone(), c.clone()),
            store,
            lanes,
            objects,
            clock,
            policy,
            readers,
        })
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy.policy
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

    /// What the schedule does every minute: hands over who is due.
    pub async fn tick(&self) -> Result<usize, Fault> {
        self.ticker.tick().await
    }

    /// What the schedule does every night, for the company's day `date`.
    pub async fn reconcile(&self, date: Date) -> Result<Finished, Fault> {
        let run = Run::new(self.clock.now(), date, self.policy(), CODE);
        let reconciler = Reconciler::new(
            &self.store,
            &self.lanes,
            &self.objects,
            &self.clock,
            &self.readers,
            self.policy(),
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

impl<S: Store + Cases + Clone + 'static> front::Answers for Stack<S> {
    async fn answer(&self, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        self.webhook.handle(event).await
    }
}
