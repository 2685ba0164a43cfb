//! How a target is set up before it starts.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::access;
use crate::meter::Limits;

/// The set-up of a target. The default suits most tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// A bearer token that is good without the token endpoint and never expires.
    pub token: String,
    /// The tenant in the path of the token endpoint.
    pub tenant: String,
    /// The application that may ask for tokens.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Secrets of it that have expired.
    pub expired_secrets: Vec<String>,
    /// The public key or the certificate of it, in PEM, that client assertions are signed with.
    pub certificate: Option<String>,
    /// The thumbprint that assertions have to carry as `x5t#S256` or `x5t`; `None` takes any.
    pub thumbprint: Option<String>,
    /// The resource that tokens are for; the scope has to be this with `/.default` after it.
    pub resource: String,
    /// How long tokens live, in seconds.
    pub token_lifetime: u32,
    /// The application permissions that an administrator has consented to.
    pub permissions: BTreeSet<String>,
    /// The domains of user names that the tenant has verified; the first is the initial one.
    pub domains: Vec<String>,
    /// Whether `mailNickname` is unique among users.
    pub unique_mail_nicknames: bool,
    /// Objects in a page when the request does not say.
    pub default_page: usize,
    /// Objects in a page of a delta query.
    pub delta_page: usize,
    /// Whether requests above the limits are answered with 429. They are counted in any case.
    pub enforce_limits: bool,
    /// The limits of the application in the tenant.
    pub limits: Limits,
    /// Same seed and order of requests: same ids, texts and order of answers in batches.
    pub seed: u64,
    /// The time before the first write; each write is a millisecond later.
    pub start_time: Timestamp,
    /// Requests that the log keeps; the oldest go first.
    pub log_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        // 2026-01-01T00:00:00Z
        let start_time = Timestamp::constant(1_767_225_600, 0);
        Self {
            port: 0,
            token: "graph-target-token".to_owned(),
            tenant: "7f1c0f5e-3a52-4c0b-9d0e-5a3b1f6f2a10".to_owned(),
            client_id: "2b9c4d1e-8f60-4a37-b1c5-9e0d7a6b5c44".to_owned(),
            client_secret: "graph-target-secret".to_owned(),
            expired_secrets: Vec::new(),
            certificate: None,
            thumbprint: None,
            resource: "https://graph.microsoft.com".to_owned(),
            token_lifetime: 3599,
            permissions: access::LEAST.iter().map(|&name| name.to_owned()).collect(),
            domains: vec![
                "contoso.com".to_owned(),
                "contoso.onmicrosoft.com".to_owned(),
            ],
            unique_mail_nicknames: true,
            default_page: 100,
            delta_page: 100,
            enforce_limits: false,
            limits: Limits::default(),
            seed: 0,
            start_time,
            log_limit: 100_000,
        }
    }
}
