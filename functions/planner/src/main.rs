//! The planner on Lambda: batches of the queue of facts.

mod settings;

use std::process::ExitCode;
use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use contract::Lane;
use domain::plan::Compiled;
use lanes_sqs::{QueueUrls, SqsLanes};
use objects_s3::{Buckets, S3Objects};
use planner::Planner;
use ports::Store as _;
use ports::queue::BATCH;
use publication::Published;
use runtime::{Failure, StartError, SystemClock};
use store_dynamodb::DynamoStore;

use crate::settings::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::run("planner", start).await
}

async fn start() -> Result<impl AsyncFn(SqsEvent) -> Result<SqsBatchResponse, Failure>, StartError>
{
    let settings = Settings::read()?;
    let config = runtime::configure(&settings.aws);
    let clock = SystemClock;
    let store = DynamoStore::new(&config, settings.table);
    let lanes = SqsLanes::new(&config, QueueUrls::new(settings.queue_prefix));
    let objects = S3Objects::new(&config, Buckets::policy_alone(settings.policy_bucket));

    let (wired, sender) = (store.clone(), lanes.clone());
    let wire = move |policy: &Arc<Compiled>| {
        let (store, lanes) = (wired.clone(), sender.clone());
        Ok(Planner::new(store, lanes, clock, Arc::clone(policy)))
    };
    let nobody = "-".into();
    let (published, ..) = tokio::join!(
        Published::open(objects, clock, wire),
        runtime::prime("dynamodb", store.health(&nobody)),
        runtime::prime("sqs", lanes.prime(&Lane::Terminations)),
    );
    let published = published?;
    Ok(async move |event| {
        // One version for the whole batch.
        let edition = published.current().await;
        let work = |batch| edition.parts.handle(batch);
        let answered = lanes.handle(event, BATCH, work).await;
        answered.map_err(|error| Failure::new("Event", error))
    })
}
