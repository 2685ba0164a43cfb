//! What the tests share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Profile;
use domain::change::AttrChange;
use domain::{AccountId, AttrPath, Change, EntitlementId, Pii, Slot};
use ports::secrets::Secret;
use ports::target::TargetError;
use ports::{Clock, Fault};
use scim_target::{FaultKind, Options, Rule};
use serde_json::{Value, json};
use target_http::Network;
use target_scim::{ScimConfig, ScimTarget, Tokens};

use crate::script::{Script, Turn};

pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const WORK_EMAIL: &str = "emails[type eq \"work\"].value";
pub const WORK_PHONE: &str = "phoneNumbers[type eq \"work\"].value";
pub const DEPARTMENT: &str =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
pub const MANAGER: &str =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value";
pub const STAFF: &str = "wiki/staff";

/// It is always midnight.
pub struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> jiff::Timestamp {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }
}

pub fn config(base: &str) -> ScimConfig {
    let mapped = [
        "userName",
        "externalId",
        "displayName",
        "title",
        "name.givenName",
        "name.familyName",
        WORK_EMAIL,
        WORK_PHONE,
        DEPARTMENT,
        MANAGER,
    ];
    ScimConfig {
        mapped: mapped.map(Into::into).to_vec(),
        groups: [
            (STAFF.into(), "Staff".into()),
            ("wiki/admins".into(), "Admins".into()),
        ]
        .into(),
        network: Network::PUBLIC.and_this_machine(),
        timeout: Duration::from_millis(700),
        ..ScimConfig::new("wiki", base, "wiki-token")
    }
}

pub fn target_of(config: ScimConfig, token: &str) -> ScimTarget<Tokens> {
    let tokens = Arc::new(Tokens::fixed([Secret::new(token)]));
    ScimTarget::new(config, tokens, Arc::new(Midnight)).unwrap()
}

/// A scripted server and a target that talks to it.
pub struct Scripted {
    pub script: Script,
    pub target: ScimTarget<Tokens>,
}

impl Scripted {
    pub async fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::with(Profile::rfc(), turns).await
    }

    pub async fn with(profile: Profile, turns: impl IntoIterator<Item = Turn>) -> Self {
        let script = Script::start(turns).await;
        let config = ScimConfig {
            profile,
            ..config(script.base())
        };
        let target = target_of(config, "t0ken");
        Self { script, target }
    }

    /// Every turn was taken, and nothing was asked beyond them.
    pub fn is_over(&self, requests: usize) {
        assert_eq!(self.script.left(), 0, "turns are left");
        assert_eq!(self.script.seen().len(), requests);
        assert_eq!(self.target.calls(), requests as u64);
    }
}

/// A stateful server and a target that talks to it.
pub struct Real {
    pub server: scim_target::ScimTarget,
    pub target: ScimTarget<Tokens>,
}

impl Real {
    pub async fn new() -> Self {
        Self::with(Profile::rfc(), Options::default()).await
    }

    pub async fn with(profile: Profile, options: Options) -> Self {
        let server = scim_target::ScimTarget::start(options).await.unwrap();
        let config = ScimConfig {
            profile,
            ..config(server.base_url())
        };
        let target = target_of(config, server.token());
        Self { server, target }
    }

    pub fn fault(&self, rule: impl Into<Rule>) {
        self.server.faults().add(rule);
    }

    pub fn fired(&self, kind: FaultKind) -> u64 {
        self.server.faults().fired(kind)
    }

    pub fn user(&self, user_name: &str) -> AccountId {
        let user = json!({"userName": user_name, "externalId": format!("k-{user_name}")});
        AccountId::from(self.server.insert_user(user).unwrap().id)
    }

    pub fn group(&self, name: &str, members: &[&AccountId]) -> String {
        let group = self.server.add_group(name).unwrap();
        for member in members {
            self.server.add_member(&group.id, member.as_str()).unwrap();
        }
        group.id
    }

    pub fn members(&self, group: &str) -> Vec<String> {
        self.server.group(group).unwrap().members
    }

    pub fn json(&self, id: &AccountId) -> Value {
        self.server.user(id.as_str()).unwrap().json
    }
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

pub fn id(text: &str) -> AccountId {
    AccountId::from(text)
}

/// A SCIM error body that repeats personal data, as servers do.
pub fn error(status: u16, scim_type: &str, detail: &str) -> Turn {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(),
        "scimType": scim_type,
        "detail": format!("{detail} canary@example.com"),
    });
    Turn::body(status, body.to_string())
}

pub fn list(resources: &Value) -> Turn {
    let total = resources.as_array().unwrap().len();
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "Resources": resources,
    });
    Turn::body(200, body.to_string())
}

pub fn staff(id: &str) -> Turn {
    list(&json!([{"id": id, "displayName": "Staff"}]))
}

/// The error as one line, and proof that nobody's data is in it.
pub fn line(error: &TargetError) -> String {
    let text = match error {
        TargetError::Fault(Fault::Retry {
            after: Some(after),
            why,
        })
        | TargetError::Throttled {
            after: Some(after),
            why,
        } => format!("retry after {} s: {why}", after.as_secs()),
        TargetError::Fault(fault) => fault.to_string(),
        TargetError::Throttled { after: None, why } => format!("retry: {why}"),
        TargetError::Unknown { why } => format!("unknown: {why}"),
        TargetError::Expired { why } => format!("expired: {why}"),
        TargetError::OutOfTime
        | TargetError::NotFound
        | TargetError::Conflict
        | TargetError::Changed => error.to_string(),
    };
    assert!(!format!("{text} {error:?}").contains("canary"), "{text}");
    text
}
