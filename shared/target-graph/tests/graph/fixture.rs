//! A Microsoft Graph, a target that talks to it, and short names for what tests do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::change::AttrChange;
use domain::policy::{EntitlementKind, GraphSettings};
use domain::profile::{Auth, ClientCredentials, ClientProof};
use domain::{AccountId, AttrPath, Change, EntitlementId, Pii, Slot};
use graph_target::{FaultKind, GraphTarget as Graph, Options, Rule};
use ports::model::{ManualClock, ModelSecrets};
use ports::target::{Applied, MemberChange, TargetError};
use serde_json::{Value, json};
use target_graph::{GraphConfig, GraphTarget};
use target_http::Network;

pub const SECRET: &str = "entra-secret";

pub fn bearer() -> Auth {
    Auth::Bearer {
        secret: SECRET.into(),
    }
}

pub fn config(base: &str) -> GraphConfig {
    let mapped = [
        "userName",
        "externalId",
        "displayName",
        "mailNickname",
        "givenName",
        "department",
        "jobTitle",
        "companyName",
        "employeeOrgData.costCenter",
        "employeeHireDate",
        "usageLocation",
        "businessPhones",
        "manager",
    ];
    GraphConfig {
        mapped: mapped.map(AttrPath::from).to_vec(),
        settings: GraphSettings {
            key: "employeeId".into(),
            role_assignable: false,
        },
        network: Network::PUBLIC.and_this_machine(),
        timeout: Duration::from_millis(900),
        ..GraphConfig::new("entra", base, bearer())
    }
}

/// A Graph with some groups, and a target that knows them.
pub struct World {
    pub graph: Graph,
    pub target: GraphTarget<ModelSecrets>,
    /// The ids of the groups by entitlement.
    pub groups: BTreeMap<String, String>,
    pub clock: ManualClock,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Options::default(), 0, |_| ()).await
    }

    /// So many groups `g0`, `g1`, ..., each behind the entitlement `entra/g0`, ...
    pub async fn groups(count: usize) -> Self {
        Self::with(Options::default(), count, |_| ()).await
    }

    pub async fn with(
        options: Options,
        groups: usize,
        change: impl FnOnce(&mut GraphConfig),
    ) -> Self {
        let graph = Graph::start(options).await.unwrap();
        let mut config = config(graph.base_url());
        let mut ids = BTreeMap::new();
        for number in 0..groups {
            let name = format!("g{number}");
            ids.insert(format!("entra/{name}"), graph.add_group(&name).unwrap().id);
            config.entitlements.insert(
                format!("entra/{name}").into(),
                (EntitlementKind::Group, name.into()),
            );
        }
        change(&mut config);
        let clock = an_hour_later(&graph);
        let secrets = ModelSecrets::new().with(SECRET, graph.token());
        let target = GraphTarget::new(config, Arc::new(secrets), Arc::new(clock.clone())).unwrap();
        Self {
            graph,
            target,
            groups: ids,
            clock,
        }
    }

    /// Makes a group with these properties and an entitlement `entra/x` for it.
    pub async fn special(group: &Value, change: impl FnOnce(&mut GraphConfig)) -> Self {
        let graph = Graph::start(Options::default()).await.unwrap();
        let made = graph.insert_group(group.clone()).unwrap();
        let mut config = config(graph.base_url());
        config.entitlements.insert(
            "entra/x".into(),
            (
                EntitlementKind::Group,
                group["displayName"].as_str().unwrap().into(),
            ),
        );
        change(&mut config);
        let clock = an_hour_later(&graph);
        let secrets = ModelSecrets::new().with(SECRET, graph.token());
        let target = GraphTarget::new(config, Arc::new(secrets), Arc::new(clock.clone())).unwrap();
        Self {
            graph,
            target,
            groups: [("entra/x".to_owned(), made.id)].into(),
            clock,
        }
    }

    /// A user by hand.
    pub fn user(&self, name: &str) -> AccountId {
        let user = self.graph.insert_user(json!({
            "userPrincipalName": format!("{name}@contoso.com"),
            "mailNickname": name,
            "displayName": name,
            "employeeId": format!("E-{name}"),
            "usageLocation": "PT",
        }));
        AccountId::from(user.unwrap().id)
    }

    pub fn is_member(&self, group: &str, account: &AccountId) -> bool {
        let group = self.graph.group(&self.groups[group]).unwrap();
        group.members.iter().any(|id| id == account.as_str())
    }

    pub fn member(&self, group: &str, account: &AccountId) {
        self.graph
            .add_member(&self.groups[group], account.as_str())
            .unwrap();
    }

    pub fn fault(&self, rule: impl Into<Rule>) {
        self.graph.faults().add(rule);
    }

    pub fn fired(&self, kind: FaultKind) -> u64 {
        self.graph.faults().fired(kind)
    }

    /// Requests over HTTP and writes in Graph's meter while something runs.
    pub async fn cost<T>(&self, run: impl Future<Output = T>) -> (T, u64, u64) {
        let calls = self.target.calls();
        self.graph.reset_usage();
        let out = run.await;
        (out, self.target.calls() - calls, self.graph.usage().writes)
    }
}

/// When nobody who is there already is young.
fn an_hour_later(graph: &Graph) -> ManualClock {
    let clock = ManualClock::new(graph.time());
    clock.advance(Duration::from_hours(1));
    clock
}

/// A target with the credentials of an application.
pub fn by_token(graph: &Graph, secret: &str) -> GraphTarget<ModelSecrets> {
    let auth = Auth::Client(ClientCredentials {
        token_url: graph.token_url().into(),
        client_id: graph.options().client_id.as_str().into(),
        scope: Some(format!("{}/.default", graph.options().resource).into()),
        proof: ClientProof::Form {
            secret: SECRET.into(),
        },
    });
    let config = GraphConfig {
        auth,
        ..config(graph.base_url())
    };
    let clock = ManualClock::new(graph.time());
    let secrets = ModelSecrets::new().with(SECRET, secret);
    GraphTarget::new(config, Arc::new(secrets), Arc::new(clock)).unwrap()
}

pub fn attrs(values: &[(&str, Option<&str>)]) -> BTreeMap<AttrPath, AttrChange> {
    let change = |value: Option<&str>| AttrChange {
        was: None,
        want: Pii::new(value.map_or(Slot::Null, Slot::from)),
    };
    values
        .iter()
        .map(|(path, value)| (AttrPath::from(*path), change(*value)))
        .collect()
}

pub fn create(values: &[(&str, Option<&str>)]) -> Change {
    Change::Create {
        active: true,
        attrs: attrs(values),
    }
}

pub fn ana() -> Change {
    create(&[
        ("userName", Some("ana@contoso.com")),
        ("externalId", Some("E1")),
        ("displayName", Some("Ana Silva")),
        ("usageLocation", Some("PT")),
    ])
}

pub fn update(values: &[(&str, Option<&str>)]) -> Change {
    Change::Update {
        attrs: attrs(values),
    }
}

pub fn grant(entitlement: &str) -> Change {
    Change::Grant {
        entitlement: EntitlementId::from(entitlement),
    }
}

pub fn revoke(entitlement: &str) -> Change {
    Change::Revoke {
        entitlement: EntitlementId::from(entitlement),
    }
}

pub fn member(entitlement: &str, account: &AccountId, give: bool) -> MemberChange {
    MemberChange {
        entitlement: entitlement.into(),
        account: account.clone(),
        give,
    }
}

/// An answer in one line: `done`, `so already`, or the error.
pub fn line(answer: &Result<Applied, TargetError>) -> String {
    match answer {
        Ok(applied) if applied.unchanged => "so already".to_owned(),
        Ok(_) => "done".to_owned(),
        Err(TargetError::Fault(fault)) => fault.to_string(),
        Err(TargetError::Unknown { why }) => format!("unknown: {why}"),
        Err(TargetError::Throttled { why, .. }) => format!("throttled: {why}"),
        Err(error) => error.to_string(),
    }
}

pub fn lines(answers: &[Result<Applied, TargetError>]) -> Vec<String> {
    answers.iter().map(line).collect()
}
