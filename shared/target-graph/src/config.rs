//! What a Microsoft Graph target is made of.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::policy::{EntitlementKind, GraphSettings};
use domain::profile::Auth;
use domain::{AttrPath, EntitlementId, TargetId};
use target_http::{HttpConfig, Network};

/// What a Microsoft Graph target is made of.
#[derive(Clone, Debug)]
pub struct GraphConfig {
    /// The target, as policy names it.
    pub target: TargetId,
    /// Base URL with the version: `https://graph.microsoft.com/v1.0`, or that of another cloud.
    pub base_url: Box<str>,
    /// Which addresses its host, and that of the token endpoint, may have.
    pub network: Network,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// The property of our key, and what the application may do.
    pub settings: GraphSettings,
    /// The paths that mappings use; observed accounts carry these.
    pub mapped: Vec<AttrPath>,
    /// What is behind each entitlement: a group by `displayName` or id, a licence by the id of
    /// its SKU.
    pub entitlements: BTreeMap<EntitlementId, (EntitlementKind, Box<str>)>,
    /// For a whole exchange; must be below the function's timeout.
    pub timeout: Duration,
}

impl GraphConfig {
    /// Public addresses, the key in `employeeId`, no role-assignable groups, nothing mapped, no
    /// entitlements, ten seconds.
    pub fn new(target: impl Into<TargetId>, base_url: impl Into<Box<str>>, auth: Auth) -> Self {
        Self {
            target: target.into(),
            base_url: base_url.into(),
            network: Network::PUBLIC,
            auth,
            settings: GraphSettings {
                key: "employeeId".into(),
                role_assignable: false,
            },
            mapped: Vec::new(),
            entitlements: BTreeMap::new(),
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
