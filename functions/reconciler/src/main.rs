//! The reconciler on Lambda: one event, one step of a run.

mod settings;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use contract::Lane;
use domain::plan::Compiled;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use lanes_sqs::{QueueUrls, SqsLanes};
use objects_s3::{Buckets, S3Objects};
use ports::{Clock as _, Secrets as _, Store as _};
use publication::Published;
use reconciler::step::{Answer, Event};
use reconciler::{Begun, Reconciler};
use runtime::{Failure, StartError, SystemClock};
use secrets_manager::ManagedSecrets;
use store_dynamodb::DynamoStore;
use targets::{AnyTarget, Reach};

use crate::settings::Settings;

/// For how long a secret is taken for the current one. A target's client asks again after a 401.
const SECRETS_FOR: Duration = Duration::from_mins(5);

/// What a leg leaves of the function's time: for one more page, and for what is written after it.
const LEFT: Duration = Duration::from_mins(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::run("reconciler", start).await
}

async fn start() -> Result<impl AsyncFn(Event) -> Result<Answer, Failure>, StartError> {
    let settings = Settings::read()?;
    let config = runtime::configure(&settings.aws);
    let clock = SystemClock;
    let store = DynamoStore::new(&config, settings.table);
    let lanes = SqsLanes::new(&config, QueueUrls::new(settings.queue_prefix));
    let objects = S3Objects::new(
        &config,
        Buckets {
            policy: settings.policy_bucket,
            reports: settings.reports_bucket,
        },
    );
    let secrets = Arc::new(ManagedSecrets::new(
        &config,
        settings.secret_prefix,
        SECRETS_FOR,
        Arc::new(clock),
    ));
    let reach = Reach::to(settings.network);

    let keys = Arc::clone(&secrets);
    let wire = move |policy: &Arc<Compiled>| {
        let mut readers = BTreeMap::new();
        for name in targets::callable(&policy.policy) {
            let (keys, clock) = (Arc::clone(&keys), Arc::new(clock));
            let reader = AnyTarget::new(&policy.policy, name, reach, keys, clock)?;
            readers.insert(name.clone(), reader);
        }
        Ok(readers)
    };
    let nobody = "-".into();
    let (published, ..) = tokio::join!(
        Published::open(objects.clone(), clock, wire),
        runtime::prime("dynamodb", store.health(&nobody)),
        runtime::prime("sqs", lanes.prime(&Lane::Facts)),
    );
    let published = published?;
    let policy = Arc::clone(&published.current().await.policy.policy);
    let names = targets::callable(&policy).filter_map(|name| policy.targets.get(name));
    let names = names.map(|target| target.auth.secret());
    join_all(names.map(|name| runtime::prime("secrets", secrets.get(name)))).await;
    let leg = settings.timeout.saturating_sub(LEFT);
    let leg = leg.max(settings.timeout / 2);
    let leg = SignedDuration::try_from(leg).unwrap_or(SignedDuration::MAX);
    Ok(async move |event: Event| {
        let until = clock.now().checked_add(leg).unwrap_or(Timestamp::MAX);
        // A run ends under the policy that it began under.
        let begun = match event.run() {
            Some(run) => Begun::load(&objects, run).await?,
            None => None,
        };
        let edition = match begun {
            Some(begun) => published.of(begun.policy).await?,
            None => published.current().await,
        };
        let policy = &edition.policy.policy;
        let reconciler = Reconciler::new(&store, &lanes, &objects, &clock, &edition.parts, policy);
        Ok(Box::pin(reconciler.step(&event, Some(until))).await?)
    })
}
