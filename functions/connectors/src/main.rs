//! The connector on Lambda: batches of one target's lane, or of the lane of terminations.

mod settings;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use connectors::{Connector, TOGETHER};
use domain::plan::Compiled;
use domain::{Policy, TargetId};
use futures::future::join_all;
use jiff::Timestamp;
use lanes_sqs::{QueueUrls, SqsLanes};
use objects_s3::{Buckets, S3Objects};
use ports::lanes::{Batch, BatchAnswer, Failed};
use ports::{Clock as _, Fault, Objects, Secrets as _, Store as _};
use publication::Published;
use runtime::{Failure, StartError, SystemClock};
use secrets_manager::ManagedSecrets;
use store_dynamodb::DynamoStore;
use targets::{AnyTarget, Reach};

use crate::settings::Settings;

/// For how long a secret is taken for the current one. A target's client asks again after a 401.
const SECRETS_FOR: Duration = Duration::from_mins(5);

type Working = Connector<DynamoStore, AnyTarget<ManagedSecrets>, SystemClock>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::run("connector", start).await
}

async fn start() -> Result<impl AsyncFn(SqsEvent) -> Result<SqsBatchResponse, Failure>, StartError>
{
    let settings = Settings::read()?;
    let config = runtime::configure(&settings.aws);
    let clock = SystemClock;
    let store = DynamoStore::new(&config, settings.table);
    let lanes = SqsLanes::new(&config, QueueUrls::new(settings.queue_prefix));
    let objects = S3Objects::new(&config, Buckets::policy_alone(settings.policy_bucket));
    let secrets = Arc::new(ManagedSecrets::new(
        &config,
        settings.secret_prefix,
        SECRETS_FOR,
        Arc::new(clock),
    ));
    let reach = Reach::to(settings.network);

    let (wired, keys, only) = (store.clone(), Arc::clone(&secrets), settings.target.clone());
    let wire = move |policy: &Arc<Compiled>| {
        let mut clients = BTreeMap::new();
        for name in served(&policy.policy, only.as_ref()) {
            let (keys, clock) = (Arc::clone(&keys), Arc::new(clock));
            let client = AnyTarget::new(&policy.policy, name, reach, keys, clock)?;
            clients.insert(name.clone(), client);
        }
        let connector = Connector::new(wired.clone(), clients, clock, Arc::clone(policy));
        Ok(connector.named(settings.worker.as_str()))
    };
    let nobody = "-".into();
    let (published, ()) = tokio::join!(
        Published::open(objects, clock, wire),
        runtime::prime("dynamodb", store.health(&nobody)),
    );
    let published = published?;
    let policy = Arc::clone(&published.current().await.policy.policy);
    let names = served(&policy, settings.target.as_ref());
    let names = names.filter_map(|name| policy.targets.get(name));
    let names = names.map(|target| target.auth.secret());
    join_all(names.map(|name| runtime::prime("secrets", secrets.get(name)))).await;
    let for_targets = settings.timeout.saturating_sub(runtime::BEFORE_FUNCTION);
    Ok(async move |event| {
        let until = connectors::ends(clock.now());
        let work = |batch| carry_out(&published, batch, until);
        // Boxed: what a batch becomes is large, and would lie in every future around it.
        let handled = Box::pin(lanes.handle(event, TOGETHER, work));
        let answered = target_http::within(for_targets, handled).await;
        answered.map_err(|error| Failure::new("Event", error))
    })
}

/// The targets that this function calls. Those that are worked on by hand need no client.
fn served<'a>(
    policy: &'a Policy,
    only: Option<&'a TargetId>,
) -> impl Iterator<Item = &'a TargetId> {
    let all = targets::callable(policy);
    all.filter(move |name| only.is_none_or(|only| only == *name))
}

/// Carries each decision out under the version of policy that made it.
async fn carry_out<B: Objects, W>(
    published: &Published<B, SystemClock, Working, W>,
    batch: Batch,
    until: Timestamp,
) -> BatchAnswer
where
    W: Fn(&Arc<Compiled>) -> Result<Working, Fault>,
{
    let current = published.current().await;
    let (mut answer, elsewhere) = current.parts.handle_own_until(batch, until).await;
    for (version, part) in elsewhere {
        let done = match published.of(version).await {
            Ok(edition) => edition.parts.handle_until(part, until).await,
            Err(fault) => {
                let (error_type, policy) = (fault.error_type(), version.short());
                tracing::warn!(error_type, policy, error = %fault, "records come back");
                come_back(part)
            }
        };
        answer.failed.extend(done.failed);
    }
    answer
}

fn come_back(part: Batch) -> BatchAnswer {
    let failed = part.records.into_iter().map(|record| Failed {
        id: record.id,
        after: None,
    });
    BatchAnswer {
        failed: failed.collect(),
    }
}
