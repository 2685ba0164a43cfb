//! Secrets that somebody has read already.

use std::collections::BTreeMap;

use crate::secrets::Secret;
use crate::{Fault, Secrets};

/// A fixed set of secrets, filled by whoever may read files or the environment.
#[derive(Clone, Debug, Default)]
pub struct StaticSecrets(BTreeMap<String, Vec<Secret>>);

impl StaticSecrets {
    /// Takes the secrets by name, each with its live versions, the current one first.
    pub const fn new(secrets: BTreeMap<String, Vec<Secret>>) -> Self {
        Self(secrets)
    }
}

impl FromIterator<(String, Vec<Secret>)> for StaticSecrets {
    fn from_iter<I: IntoIterator<Item = (String, Vec<Secret>)>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

impl Secrets for StaticSecrets {
    async fn get(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        match self.0.get(name) {
            Some(versions) if !versions.is_empty() => Ok(versions.clone()),
            Some(_) | None => Err(Fault::halt(format!("no secret is named `{name}`"))),
        }
    }
}
