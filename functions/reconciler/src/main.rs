//! The reconciler on Lambda: one event, one run over every target.

mod settings;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use contract::Lane;
use domain::plan::Compiled;
use futures::future::join_all;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use lanes_sqs::{QueueUrls, SqsLanes};
use objects_s3::{Buckets, S3Objects};
use ports::{Clock as _, Secrets as _, Store as _};
use publication::Published;
use reconciler::{Reconciler, Run};
use runtime::{Failure, StartError, SystemClock};
use secrets_manager::ManagedSecrets;
use serde::{Deserialize, Serialize};
use store_dynamodb::DynamoStore;
use target_http::Network;
use targets::{AnyTarget, Reach};

use crate::settings::Settings;

/// What the report calls this code.
const CODE: &str = concat!("lanyard ", env!("CARGO_PKG_VERSION"));

/// For how long a secret is taken for the current one. A target's client asks again after a 401.
const SECRETS_FOR: Duration = Duration::from_mins(5);

/// What the schedule, or an operator, asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    /// The company's day. Without it, today.
    date: Option<Date>,
    /// Where today is looked up, an IANA zone. Without it, UTC.
    zone: Option<String>,
}

impl Event {
    fn date(&self) -> Result<Date, Failure> {
        if let Some(date) = self.date {
            return Ok(date);
        }
        let zone = self.zone.as_deref().unwrap_or("UTC");
        let zone = TimeZone::get(zone).map_err(|_| {
            Failure::new(
                "Event",
                "`zone` is no time zone; give one such as `Europe/Lisbon`",
            )
        })?;
        Ok(SystemClock.now().to_zoned(zone).date())
    }
}

/// What a run came to.
#[derive(Serialize)]
struct Ran {
    run: Box<str>,
    date: Date,
    new: u64,
    closed: u64,
    held: u64,
    sent: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::run("reconciler", settings::log_level(), start).await
}

async fn start() -> Result<impl AsyncFn(Event) -> Result<Ran, Failure>, StartError> {
    let settings = Settings::read()?;
    let config = runtime::configure(&settings.aws);
    let clock = SystemClock;
    let store = DynamoStore::new(store_dynamodb::Client::new(&config), settings.table);
    let lanes = SqsLanes::new(
        lanes_sqs::Client::new(&config),
        QueueUrls::new(settings.queue_prefix),
    );
    let objects = S3Objects::new(
        objects_s3::client(&config, settings.aws.endpoint.is_other()),
        Buckets {
            policy: settings.policy_bucket,
            reports: settings.reports_bucket,
        },
    );
    let secrets = Arc::new(ManagedSecrets::new(
        secrets_manager::Client::new(&config),
        settings.secret_prefix,
        SECRETS_FOR,
        Arc::new(clock),
    ));
    let reach = Reach::to(if settings.private_network {
        Network::Private
    } else {
        Network::Public
    });

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
    Ok(async move |event: Event| {
        let edition = published.current().await;
        let policy = &edition.policy.policy;
        let run = Run::new(clock.now(), event.date()?, policy, CODE);
        let reconciler = Reconciler::new(&store, &lanes, &objects, &clock, &edition.parts, policy);
        let finished = Box::pin(reconciler.run(&run)).await?;
        let summary = &finished.manifest.summary;
        Ok(Ran {
            run: summary.run.clone(),
            date: summary.date,
            new: summary.new_findings,
            closed: summary.closed_findings,
            held: finished.held,
            sent: finished.sent(),
        })
    })
}
