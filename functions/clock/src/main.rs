//! The clock on Lambda: a schedule that comes every minute. What the event holds does not matter.

mod settings;

use std::process::ExitCode;

use clock::Ticker;
use contract::Lane;
use lanes_sqs::{QueueUrls, SqsLanes};
use ports::Store as _;
use runtime::{Failure, StartError, SystemClock};
use serde::Serialize;
use serde::de::IgnoredAny;
use store_dynamodb::DynamoStore;

use crate::settings::Settings;

/// What a tick came to.
#[derive(Serialize)]
struct Ticked {
    /// Identities handed to the planner.
    woken: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::run("clock", start).await
}

async fn start() -> Result<impl AsyncFn(IgnoredAny) -> Result<Ticked, Failure>, StartError> {
    let settings = Settings::read()?;
    let config = runtime::configure(&settings.aws);
    let store = DynamoStore::new(&config, settings.table);
    let lanes = SqsLanes::new(&config, QueueUrls::new(settings.queue_prefix));
    let nobody = "-".into();
    tokio::join!(
        runtime::prime("dynamodb", store.health(&nobody)),
        runtime::prime("sqs", lanes.prime(&Lane::Facts)),
    );
    let ticker = Ticker::new(store, lanes, SystemClock);
    Ok(async move |_| {
        let woken = ticker.tick().await?;
        Ok(Ticked { woken })
    })
}
