//! Credentials, asked for when they are needed and kept until they expire.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::identity::Identity;
use tokio::sync::Mutex;

/// How long before they expire credentials are replaced: more than a request takes.
const BEFORE: Duration = Duration::from_mins(1);

/// What requests are signed with.
pub struct Identities {
    provider: SharedCredentialsProvider,
    known: Mutex<Option<Identity>>,
}

impl Identities {
    pub fn new(provider: SharedCredentialsProvider) -> Self {
        Self {
            provider,
            known: Mutex::default(),
        }
    }

    /// One that is good for a request that begins now. Whoever finds the last one out of date asks;
    /// whoever comes meanwhile waits for that.
    pub async fn get(&self, now: SystemTime) -> Result<Identity, CredentialsError> {
        let mut known = self.known.lock().await;
        let good = |identity: &&Identity| {
            let expires = identity.expiration();
            expires.is_none_or(|at| at > now + BEFORE)
        };
        if let Some(identity) = known.as_ref().filter(good) {
            return Ok(identity.clone());
        }
        let identity = Identity::from(self.provider.provide_credentials().await?);
        *known = Some(identity.clone());
        Ok(identity)
    }
}
