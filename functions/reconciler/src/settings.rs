//! What the function is told by its environment.

use std::time::Duration;

use runtime::{Aws, Environment, LONGEST_REQUEST, SettingsError};
use target_http::Network;

/// What the function is told by its environment.
pub struct Settings {
    pub aws: Aws,
    pub table: String,
    pub queue_prefix: String,
    pub policy_bucket: String,
    pub reports_bucket: String,
    pub secret_prefix: String,
    pub network: Network,
    /// After which a call of the function is ended.
    pub timeout: Duration,
}

impl Settings {
    /// Everything, or everything that is wrong.
    pub fn read() -> Result<Self, SettingsError> {
        let mut environment = Environment::of_process();
        let aws = environment.aws();
        let table = environment.table();
        let queue_prefix = environment.queue_prefix();
        let policy_bucket = environment.policy_bucket();
        let reports_bucket = environment.reports_bucket();
        let secret_prefix = environment.secret_prefix();
        let network = environment.target_network(Network::named);
        let timeout = environment.timeouts(LONGEST_REQUEST.max(targets::TIMEOUT), false);
        let settings = || {
            Some(Self {
                aws: aws?,
                table: table?,
                queue_prefix: queue_prefix?,
                policy_bucket: policy_bucket?,
                reports_bucket: reports_bucket?,
                secret_prefix: secret_prefix?,
                network: network?,
                timeout: timeout?,
            })
        };
        environment.finish(settings())
    }
}
