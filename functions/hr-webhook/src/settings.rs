//! What the function is told by its environment.

use runtime::{Aws, Environment, LONGEST_REQUEST, SettingsError};

/// What the function is told by its environment.
pub struct Settings {
    pub aws: Aws,
    pub table: String,
    pub queue_prefix: String,
    pub policy_bucket: String,
    pub secret_prefix: String,
}

impl Settings {
    /// Everything, or everything that is wrong.
    pub fn read() -> Result<Self, SettingsError> {
        let mut environment = Environment::of_process();
        let aws = environment.aws();
        let table = environment.table();
        let queue_prefix = environment.queue_prefix();
        let policy_bucket = environment.policy_bucket();
        let secret_prefix = environment.secret_prefix();
        let in_order = environment.timeouts(LONGEST_REQUEST, false);
        let settings = || {
            in_order?;
            Some(Self {
                aws: aws?,
                table: table?,
                queue_prefix: queue_prefix?,
                policy_bucket: policy_bucket?,
                secret_prefix: secret_prefix?,
            })
        };
        environment.finish(settings())
    }
}
