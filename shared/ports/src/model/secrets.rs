//! Secrets in a map.

use std::collections::BTreeMap;

use crate::secrets::Secret;
use crate::{Fault, Secrets};

/// A fixed set of secrets.
#[derive(Clone, Debug, Default)]
pub struct ModelSecrets {
    kept: BTreeMap<String, Vec<Secret>>,
    renewed: BTreeMap<String, Vec<Secret>>,
}

impl ModelSecrets {
    /// No secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret with one live version.
    #[must_use]
    pub fn with(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with_versions(name, [value])
    }

    /// Adds a secret with several live versions, the current one first.
    #[must_use]
    pub fn with_versions<V: Into<String>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let versions = values.into_iter().map(Secret::new).collect();
        self.kept.insert(name.into(), versions);
        self
    }

    /// Puts another version into the place of a secret that was read before.
    #[must_use]
    pub fn with_change(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.renewed.insert(name.into(), vec![Secret::new(value)]);
        self
    }
}

impl Secrets for ModelSecrets {
    async fn get(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        match self.kept.get(name) {
            Some(versions) if !versions.is_empty() => Ok(versions.clone()),
            Some(_) | None => Err(Fault::halt(format!("no secret is named `{name}`"))),
        }
    }
    async fn renew(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        match self.renewed.get(name) {
            Some(versions) => Ok(versions.clone()),
            None => self.get(name).await,
        }
    }
}
