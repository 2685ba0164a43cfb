//! A deployed stack from its operator's machine: the same operations as on a stack here, over
//! DynamoDB, SQS and S3, with the operator's own rights.

mod alarms;
pub mod doctor;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use contract::Lane;
use domain::Policy;
use hr_webhook::Salt;
use hr_webhook::feed::FeedIntake;
use jiff::civil::Date;
use lanes_sqs::{QueueUrls, SqsLanes};
use objects_s3::{Buckets, S3Objects};
use ports::embedded::StaticSecrets;
use ports::{Clock as _, Secrets as _};
use secrets_manager::ManagedSecrets;
use stack_aws::{Deployed, Execution};
use store_dynamodb::DynamoStore;
use target_http::Network;
use targets::{AnyTarget, Reach};

use crate::local::Night;
use crate::operations::Operations;
use crate::stack::SystemClock;

/// How often a run is looked at that somebody waits for.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// For how long a secret is taken for the current one. No command runs longer.
const SECRETS_FOR: Duration = Duration::from_mins(5);

/// A deployed stack.
pub struct Cloud {
    deployed: Deployed,
    /// The table.
    pub store: DynamoStore,
    lanes: SqsLanes,
    /// The buckets.
    pub objects: S3Objects,
    secrets: ManagedSecrets,
    clock: SystemClock,
}

impl Cloud {
    /// By the name that it was deployed under.
    pub async fn find(name: &str) -> anyhow::Result<Self> {
        let deployed = Deployed::find(name).await?;
        let setting = |variable| deployed.setting(variable).map(str::to_owned);
        let aws = deployed.aws();
        let store = DynamoStore::new(aws, setting("LANYARD_TABLE")?);
        let lanes = SqsLanes::new(aws, QueueUrls::new(setting("LANYARD_QUEUE_PREFIX")?));
        let buckets = Buckets {
            policy: setting("LANYARD_POLICY_BUCKET")?,
            reports: setting("LANYARD_REPORTS_BUCKET")?,
        };
        let objects = S3Objects::new(aws, buckets);
        let secrets = ManagedSecrets::new(
            aws,
            format!("{name}/source/"),
            SECRETS_FOR,
            Arc::new(SystemClock),
        );
        Ok(Self {
            deployed,
            store,
            lanes,
            objects,
            secrets,
            clock: SystemClock,
        })
    }

    /// What is deployed.
    pub const fn deployed(&self) -> &Deployed {
        &self.deployed
    }

    /// The queues.
    pub const fn lanes(&self) -> &SqsLanes {
        &self.lanes
    }

    /// The salt of the stack, for those who may read it. Without it people are found by identity
    /// id only, and not by the source's own id.
    pub async fn salt(&self) -> Option<Salt> {
        let versions = self.secrets.get("salt").await.ok()?;
        Salt::new(versions.first()?.reveal().as_bytes())
    }

    /// The published policy.
    pub async fn policy(&self) -> anyhow::Result<Arc<Policy>> {
        let active = publication::active(&self.objects).await?;
        let (active, _) = active.with_context(|| {
            format!(
                "nothing is published to {0}; `lanyard publish --policy DIR --stack {0}` does it",
                self.deployed.name()
            )
        })?;
        let loaded = publication::load(&self.objects, active.version).await?;
        Ok(Arc::new(loaded.policy))
    }

    /// Whether its functions can call the targets of a policy. A version with one that they refuse
    /// would be taken up by none of them.
    pub fn takes(&self, policy: &Policy) -> anyhow::Result<()> {
        let network = self.deployed.setting("LANYARD_TARGET_NETWORK");
        callable(policy, network.unwrap_or("public"))
    }

    /// The operator's side of it, under the published policy.
    pub async fn operations(
        &self,
    ) -> anyhow::Result<Operations<'_, DynamoStore, SqsLanes, S3Objects, SystemClock>> {
        let policy = self.policy().await?;
        let targets = policy.targets.keys().cloned().map(Lane::Target);
        Ok(Operations {
            store: &self.store,
            lanes: &self.lanes,
            objects: &self.objects,
            clock: &self.clock,
            queues: [Lane::Facts, Lane::Terminations]
                .into_iter()
                .chain(targets)
                .collect(),
            policy,
        })
    }

    /// The intake of full feeds.
    pub async fn feeds(
        &self,
    ) -> anyhow::Result<FeedIntake<DynamoStore, SqsLanes, S3Objects, SystemClock>> {
        let salt = self.salt().await.context(
            "the stack's salt cannot be read; a feed needs the right to read its secret",
        )?;
        Ok(FeedIntake::new(
            self.store.clone(),
            self.lanes.clone(),
            self.objects.clone(),
            self.clock,
            self.policy().await?,
            salt,
        ))
    }

    /// The latest finished run, with a link to its report.
    pub async fn night(&self) -> anyhow::Result<Night> {
        let operations = self.operations().await?;
        let (summary, report) = operations
            .latest()
            .await?
            .context("the run ended and left no report")?;
        Ok(Night {
            sent: summary.targets.values().map(|target| target.repairs).sum(),
            held: summary.targets.values().map(|target| target.held).sum(),
            summary,
            report,
        })
    }

    /// Starts the nightly run for a day and waits for its end.
    pub async fn reconcile(&self, date: Date) -> anyhow::Result<Execution> {
        let started = self.deployed.start(date, self.clock.now()).await?;
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            look.tick().await;
            let execution = self.deployed.execution(&started).await?;
            if execution != Execution::Running {
                return Ok(execution);
            }
        }
    }
}

/// Makes the client of every target, as a function with this setting does. Nothing is sent.
fn callable(policy: &Policy, network: &str) -> anyhow::Result<()> {
    let allowed = Network::named(network)
        .with_context(|| format!("`{network}` is not a network of this version of `lanyard`"))?;
    let secrets = Arc::new(StaticSecrets::default());
    for name in targets::callable(policy) {
        let clock = Arc::new(SystemClock);
        AnyTarget::new(policy, name, Reach::to(allowed), secrets.clone(), clock).with_context(
            || format!("no function calls target `{name}`; the stack's network is `{network}`"),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(base_url: &str, network: &str) -> Result<(), String> {
        let text = include_str!("../../../policy-minimal/policy.toml");
        let text = text.replace("http://127.0.0.1:8088/scim/v2", base_url);
        let files = vec![("policy.toml".to_owned(), text)];
        let policy = policy::load_files(files).expect("a policy").policy;
        callable(&policy, network).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn what_no_function_calls_is_not_published() {
        for base_url in [
            "http://127.0.0.1:9001/2018-06-01",
            "https://localhost/scim",
            "https://169.254.169.254/scim",
            "https://[fd00:ec2::254]/scim",
        ] {
            for network in ["public", "private"] {
                let said = said(base_url, network).expect_err(base_url);
                assert!(said.contains("target `directory`"), "{said}");
                assert!(said.contains(&format!("`{network}`")), "{said}");
            }
        }
        said("https://10.1.2.3/scim", "public").expect_err("inside");
        said("https://10.1.2.3/scim", "private").expect("a network of one's own");
        said("https://scim.example.com/scim", "public").expect("the world");
        said("http://127.0.0.1:8088/scim", "this-machine").expect("a test");
        said("https://scim.example.com/scim", "anywhere").expect_err("no network");
    }
}
