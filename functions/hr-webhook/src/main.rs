//! The webhook on Lambda: events of an HTTP API, payload format 2.0.

mod settings;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use contract::Lane;
use domain::plan::Compiled;
use futures::future::join_all;
use hr_webhook::{Salt, Webhook};
use lanes_sqs::{QueueUrls, SqsLanes};
use objects_s3::{Buckets, S3Objects};
use ports::secrets::Secret;
use ports::{Secrets as _, Store as _};
use publication::Published;
use runtime::{Failure, StartError, SystemClock};
use secrets_manager::ManagedSecrets;
use store_dynamodb::DynamoStore;

use crate::settings::Settings;

/// For how long a secret is taken for the current one. During a rotation both versions count.
const SECRETS_FOR: Duration = Duration::from_mins(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::run("hr-webhook", start).await
}

async fn start() -> Result<
    impl AsyncFn(ApiGatewayV2httpRequest) -> Result<ApiGatewayV2httpResponse, Failure>,
    StartError,
> {
    let settings = Settings::read()?;
    let config = runtime::configure(&settings.aws);
    let clock = SystemClock;
    let store = DynamoStore::new(&config, settings.table);
    let lanes = SqsLanes::new(&config, QueueUrls::new(settings.queue_prefix));
    let objects = S3Objects::new(&config, Buckets::policy_alone(settings.policy_bucket));
    let secrets = ManagedSecrets::new(
        &config,
        settings.secret_prefix,
        SECRETS_FOR,
        Arc::new(clock),
    );

    let nobody = "-".into();
    let (salt, ..) = tokio::join!(
        salt(&secrets),
        runtime::prime("dynamodb", store.health(&nobody)),
        runtime::prime("sqs", lanes.prime(&Lane::Facts)),
        runtime::prime("s3", publication::active(&objects)),
    );
    let salt = salt?;
    let wired = secrets.clone();
    let wire = move |policy: &Arc<Compiled>| {
        Ok(Webhook::new(
            store.clone(),
            lanes.clone(),
            wired.clone(),
            clock,
            Arc::clone(&policy.policy),
            salt.clone(),
        ))
    };
    let published = Published::open(objects, clock, wire).await?;
    let policy = Arc::clone(&published.current().await.policy.policy);
    let names = policy.sources.values();
    let names = names.flat_map(|source| source.verify.secrets.iter());
    join_all(names.map(|name| runtime::prime("secrets", secrets.get(name)))).await;
    Ok(async move |event| {
        let edition = published.current().await;
        Ok(edition.parts.handle(event).await)
    })
}

/// What gives worker records their opaque names. The first live version counts: it never changes.
async fn salt(secrets: &ManagedSecrets) -> Result<Salt, StartError> {
    let versions = secrets.get("salt").await?;
    let text = versions.first().map(Secret::reveal);
    let text = text.filter(|text| !text.is_empty());
    text.and_then(|text| Salt::new(text.as_bytes()))
        .ok_or(StartError::Salt)
}
