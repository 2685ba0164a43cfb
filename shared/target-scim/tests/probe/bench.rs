//! What the tests share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Profile;
use ports::Clock;
use ports::secrets::Secret;
use scim_target::{Options, Rule};
use serde_json::{Value, json};
use target_http::Network;
use target_scim::probe::{Report, Settings, probe};
use target_scim::{ScimConfig, ScimTarget, Tokens};

pub const MARKER: &str = "1a2b3c";

/// More than any well-behaved target needs, clearing up included.
pub const MOST_REQUESTS: u64 = 140;

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> jiff::Timestamp {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }
}

/// A target with some people and a group, who have nothing to do with the probe.
pub struct Bench {
    pub server: scim_target::ScimTarget,
    pub before: String,
}

impl Bench {
    pub async fn new(options: Options) -> Self {
        Self::with_people(options, 5).await
    }

    pub async fn with_people(options: Options, people: usize) -> Self {
        let server = scim_target::ScimTarget::start(options).await.unwrap();
        let staff = server.add_group("staff").unwrap();
        for at in 0..people {
            let user = json!({
                "userName": format!("person{at}"),
                "externalId": format!("p-{at}"),
                "name": { "givenName": "Ana", "familyName": "Souza" },
            });
            let user = server.insert_user(user).unwrap();
            server.add_member(&staff.id, &user.id).unwrap();
        }
        let before = server.digest();
        Self { server, before }
    }

    pub fn target(&self, base: Profile) -> ScimTarget<Tokens> {
        let config = ScimConfig {
            profile: base,
            network: Network::PUBLIC.and_this_machine(),
            timeout: Duration::from_secs(2),
            ..ScimConfig::new("wiki", self.server.base_url(), "wiki-token")
        };
        let tokens = Arc::new(Tokens::fixed([Secret::new(self.server.token())]));
        ScimTarget::new(config, tokens, Arc::new(Midnight)).unwrap()
    }

    pub async fn probe(&self) -> Report {
        self.probe_with(Profile::rfc(), &Settings::new(MARKER))
            .await
    }

    pub async fn probe_with(&self, base: Profile, settings: &Settings) -> Report {
        let target = self.target(base);
        let report = probe(&target, settings, std::future::pending())
            .await
            .unwrap();
        assert!(
            report.requests <= MOST_REQUESTS,
            "{} requests",
            report.requests
        );
        report
    }

    /// Everything is as it was, and the report says so.
    pub fn is_clean(&self, report: &Report) {
        assert_eq!(report.left, [], "left behind");
        assert_eq!(self.server.digest(), self.before, "the target differs");
    }

    pub fn fault(&self, rule: impl Into<Rule>) {
        self.server.faults().add(rule);
    }
}

/// The keys in which two profiles differ, with the value of the second.
pub fn changes(from: &Profile, to: &Profile) -> BTreeMap<String, Value> {
    let keys = |profile: &Profile| {
        let value = serde_json::to_value(profile).unwrap();
        value.as_object().unwrap().clone()
    };
    let before = keys(from);
    keys(to)
        .into_iter()
        .filter(|(key, value)| before.get(key) != Some(value))
        .collect()
}

/// What the prober makes of the target without any fault.
pub fn strict() -> Profile {
    Profile {
        etag: true,
        ..Profile::rfc()
    }
}

/// For a failing test: everything that was found out.
pub fn shown(report: &Report) -> String {
    let line = |finding: &target_scim::probe::Finding| {
        format!(
            "{} = {} ({}) {}\n",
            finding.key, finding.value, finding.how, finding.note
        )
    };
    let lines: String = report.findings.iter().map(line).collect();
    format!(
        "{lines}stopped: {:?}\nleft: {:?}\n{} requests",
        report.stopped, report.left, report.requests
    )
}
