//! The dialect of a target as `target_scim::probe` finds it: what a suite speaks where nobody told
//! it how.

use std::sync::Arc;
use std::time::Duration;

use ports::Clock;
use ports::secrets::Secret;
use target_http::Network;
use target_scim::probe::{Report, Settings, probe};
use target_scim::{ScimConfig, ScimTarget, Tokens};

use crate::world::Address;

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

/// Settings for a probe in a test.
pub fn settings() -> Settings {
    Settings::new("1a2b3c")
}

/// Probes the target at an address over the profile `rfc`. A probe that ends early stops the test.
pub async fn probed(address: &Address, settings: &Settings) -> Report {
    let config = ScimConfig {
        network: Network::PUBLIC.and_this_machine(),
        timeout: Duration::from_secs(20),
        ..ScimConfig::new("theirs", address.base_url.clone(), "token")
    };
    let tokens = Arc::new(Tokens::fixed([Secret::new(address.token.clone())]));
    let target = ScimTarget::new(config, tokens, Arc::new(Midnight)).expect("a target");
    let report = probe(&target, settings, std::future::pending())
        .await
        .expect("settings that fit");
    assert_eq!(report.stopped, None, "{}", shown(&report));
    report
}

/// What a probe found out, for people.
pub fn shown(report: &Report) -> String {
    let lines = report.findings.iter().map(|finding| {
        let (how, note) = (&finding.how, &finding.note);
        format!("{} = {} ({how}) {note}\n", finding.key, finding.value)
    });
    format!("{}{} requests", lines.collect::<String>(), report.requests)
}
