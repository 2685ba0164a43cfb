//! What a SCIM target is made of.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{AttrPath, EntitlementId, TargetId};
use ports::secrets::Secret;
use ports::{Fault, Secrets};
use target_http::{HttpConfig, Network};

use domain::Profile;
use domain::profile::Auth;

/// What a SCIM target is made of.
#[derive(Clone, Debug)]
pub struct ScimConfig {
    /// The target, as policy names it.
    pub target: TargetId,
    /// Base URL of its SCIM endpoint; `/Users` is below it.
    pub base_url: Box<str>,
    /// Which addresses its host may have.
    pub network: Network,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// Its dialect.
    pub profile: Profile,
    /// The paths that mappings use; observed accounts carry these.
    pub mapped: Vec<AttrPath>,
    /// The `displayName` of the group behind each entitlement.
    pub groups: BTreeMap<EntitlementId, Box<str>>,
    /// For a whole exchange; must be below the function's timeout.
    pub timeout: Duration,
}

impl ScimConfig {
    /// The `rfc` profile, a bearer token that is the secret of that name, public addresses, ten
    /// seconds, nothing mapped, no groups.
    pub fn new(
        target: impl Into<TargetId>,
        base_url: impl Into<Box<str>>,
        token: impl Into<Box<str>>,
    ) -> Self {
        Self {
            target: target.into(),
            base_url: base_url.into(),
            network: Network::PUBLIC,
            auth: Auth::Bearer {
                secret: token.into(),
            },
            profile: Profile::rfc(),
            mapped: Vec::new(),
            groups: BTreeMap::new(),
            timeout: Duration::from_secs(10),
        }
    }

    pub(crate) fn http(&self) -> HttpConfig {
        HttpConfig {
            network: self.network,
            timeout: self.timeout,
            ..HttpConfig::new(self.base_url.clone())
        }
    }
}

/// Secrets that are known from the start, whatever their name: for tests, the demo and a command
/// line that has read its tokens already.
#[derive(Clone, Debug)]
pub struct Tokens(Vec<Secret>);

impl Tokens {
    /// The live versions, the current one first.
    pub fn fixed(versions: impl IntoIterator<Item = Secret>) -> Self {
        Self(versions.into_iter().collect())
    }
}

impl Secrets for Tokens {
    async fn get(&self, name: &str) -> Result<Vec<Secret>, Fault> {
        if self.0.is_empty() {
            return Err(Fault::halt(format!("there is no secret `{name}`")));
        }
        Ok(self.0.clone())
    }
}
