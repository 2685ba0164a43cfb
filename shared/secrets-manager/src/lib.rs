//! Secrets in AWS Secrets Manager, kept in memory for a while. The only crate that imports its
//! SDK.
//!
//! The value of a secret is its whole text; a secret that is stored as bytes is refused. Its live
//! versions are the one labelled `AWSCURRENT` and, where there is one, the one labelled
//! `AWSPREVIOUS`, so that neither side of a rotation has to be in time.

mod cache;
mod fault;

use std::sync::Arc;
use std::time::Duration;

use aws_client::{Client, Config, Service};
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueInput,
};
use futures::future::join;
use ports::secrets::Secret;
use ports::{Clock, Fault, Secrets};

use crate::cache::Cache;

aws_client::operations! { aws_sdk_secretsmanager:
    GET_SECRET_VALUE = get_secret_value::{
        GetSecretValue, GetSecretValueInput, GetSecretValueOutput, GetSecretValueError
    };
}

/// Secrets by name, read when they are asked for and kept. Clones share what is kept.
#[derive(Clone)]
pub struct ManagedSecrets(Arc<Inner>);

struct Inner {
    client: Client,
    prefix: String,
    cache: Cache,
}

impl ManagedSecrets {
    /// By what comes before a secret's name in the service (`lanyard/`), and for how long a value is
    /// taken for the current one. Nothing is sent.
    pub fn new(
        aws: &Config,
        prefix: impl Into<String>,
        ttl: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            client: Client::new(aws, Service::new("secretsmanager")),
            prefix: prefix.into(),
            cache: Cache::new(ttl, clock),
        }))
    }
}

impl std::fmt::Debug for ManagedSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ManagedSecrets(`{}`)", self.0.prefix)
    }
}

impl Secrets for ManagedSecrets {
    async fn get(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        self.0.cache.get(name, || self.0.fetch(name)).await
    }

    async fn renew(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        self.0.cache.renew(name, || self.0.fetch(name)).await
    }
}

impl Inner {
    /// Both live versions, the current one first, at one go.
    async fn fetch(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        let id = format!("{}{name}", self.prefix);
        let (current, previous) = join(
            self.version(&id, "AWSCURRENT"),
            self.version(&id, "AWSPREVIOUS"),
        )
        .await;
        let current = current?.ok_or_else(|| fault::missing(&id))?;
        let mut versions = vec![current];
        if let Some(previous) = previous?
            && !versions.contains(&previous)
        {
            versions.push(previous);
        }
        Ok(versions)
    }

    /// One version; `None` where there is none with that label.
    async fn version(&self, id: &str, stage: &str) -> Result<Option<Secret>, Fault> {
        let input = GetSecretValueInput::builder()
            .secret_id(id)
            .version_stage(stage)
            .build();
        match self.client.send(&GET_SECRET_VALUE, input).await {
            Ok(value) => match value.secret_string {
                Some(text) => Ok(Some(Secret::new(text))),
                None => Err(Fault::halt(format!(
                    "the secret `{id}` holds bytes; store it as text"
                ))),
            },
            Err(error) => {
                let missing = error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception);
                if missing {
                    return Ok(None);
                }
                Err(fault::of(id, &error))
            }
        }
    }
}
