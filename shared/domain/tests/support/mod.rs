//! A small company for the tests of the model: two targets, an SoD pair, nested roles.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod history;
pub mod rich;
pub mod walk;

use std::collections::{BTreeMap, BTreeSet};

use domain::Profile;
use domain::change::AttrChange;
use domain::policy::{
    AccountFor, Adopt, Apart, Cohort, Condition, CorrelationRule, Entitlement, EntitlementKind,
    Expr, Holding, IdentifierRule, Limits, LostGrant, Mapping, MatchAction, Mode, Part, Policy,
    Role, Rule, RuleState, Sod, SodMode, Standard, Step, Target, TargetKind, Template, Test,
};
use domain::profile::Auth;
use domain::project::{AttrPath, Strength};
use domain::{
    Account, AccountId, Attr, Attrs, Change, Effective, EntitlementId, EventId, Fact, FactBody,
    Hash, IdentityId, Pii, RecordKey, RoleId, RuleId, Slot, SourceId, TargetId, WorkerId,
};
use jiff::Timestamp;

/// An instant.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// A civil date.
pub fn day(text: &str) -> jiff::civil::Date {
    text.parse().expect("a date")
}

/// Attributes from pairs; `None` is null.
pub fn attrs<const N: usize>(pairs: [(Attr, Option<&str>); N]) -> Attrs {
    pairs
        .into_iter()
        .map(|(attr, text)| (attr, text.map_or(Slot::Null, Slot::from)))
        .collect()
}

/// A fact of the one record `r1`.
pub fn fact(event: &str, effective: &str, recorded: &str, attrs: Attrs) -> Fact {
    body_fact(
        event,
        effective,
        recorded,
        FactBody::Assert {
            attrs: Pii::new(attrs),
            corrects: None,
        },
    )
}

/// A fact with any body.
pub fn body_fact(event: &str, effective: &str, recorded: &str, body: FactBody) -> Fact {
    Fact {
        source: SourceId::from("hr"),
        record: RecordKey::from("r1"),
        worker: WorkerId::from("E1"),
        event: EventId::from(event),
        version: None,
        effective: effective
            .parse()
            .map_or_else(|_| Effective::Instant(at(effective)), Effective::Date),
        zone: "UTC".into(),
        recorded_at: at(recorded),
        received_at: at(recorded),
        payload: Hash::of(event.as_bytes()),
        manager: None,
        body,
    }
}

/// A hire with the attributes that everybody has.
pub fn hire(event: &str, start: &str, more: &[(Attr, &str)]) -> Fact {
    let mut stated = attrs([
        (Attr::GivenName, Some("Ana")),
        (Attr::FamilyName, Some("Silva")),
        (Attr::Department, Some("Engineering")),
        (Attr::EmploymentType, Some("employee")),
        (Attr::WorkerStatus, Some("active")),
        (Attr::StartDate, Some(start)),
    ]);
    for (attr, text) in more {
        stated.set(*attr, *text);
    }
    fact(event, start, "2026-01-01T00:00:00Z", stated)
}

fn set(values: &[&str]) -> BTreeSet<Box<str>> {
    values.iter().map(|value| (*value).into()).collect()
}

fn rule(id: &str, when: &[(Attr, Test)], roles: &[&str]) -> Rule {
    Rule {
        id: RuleId::from(id),
        when: when
            .iter()
            .map(|(attr, test)| Condition {
                attr: *attr,
                test: test.clone(),
            })
            .collect(),
        filter: None,
        roles: roles.iter().map(|role| RoleId::from(*role)).collect(),
        state: RuleState::Enforce,
        percent: None,
        for_days: None,
        until: None,
    }
}

fn role(name: &str, entitlements: &[(&str, &str)]) -> (RoleId, Role) {
    let role = Role {
        includes: BTreeSet::new(),
        entitlements: entitlements
            .iter()
            .map(|(e, lists)| (EntitlementId::from(*e), RoleId::from(*lists)))
            .collect(),
        overlap_days: None,
        description: name.into(),
    };
    (RoleId::from(name), role)
}

/// `{attr}` as a template.
pub fn template(attr: Attr) -> Template {
    Template {
        parts: vec![Part::Attr {
            any_of: vec![attr],
            optional: false,
            filter: None,
        }],
    }
}

fn mapping(path: &str, attr: Attr, strength: Strength) -> Mapping {
    Mapping {
        path: path.into(),
        expr: Expr::Template(template(attr)),
        strength,
    }
}

fn target(name: &str) -> Target {
    Target {
        mode: Mode::Enforce,
        pilot: Cohort::default(),
        kind: TargetKind::Scim,
        base_url: format!("https://{name}.example/scim/v2").into(),
        auth: Auth::Bearer {
            secret: format!("{name}-token").into(),
        },
        profile: Profile::rfc(),
        upsert_only: false,
        scope: Vec::new(),
        scope_filter: None,
        mappings: vec![
            Mapping {
                path: "userName".into(),
                expr: Expr::Identifier("user_name".into()),
                strength: Strength::Always,
            },
            Mapping {
                path: "externalId".into(),
                expr: Expr::Key,
                strength: Strength::OnCreate,
            },
            mapping("name.givenName", Attr::GivenName, Strength::Always),
            mapping("name.familyName", Attr::FamilyName, Strength::Always),
            mapping("title", Attr::Title, Strength::Always),
            mapping("nickName", Attr::PreferredGivenName, Strength::OnCreate),
            mapping("preferredLanguage", Attr::Language, Strength::FillIfEmpty),
        ],
        prehire_days: 7,
        account_for: AccountFor::Scope,
        delete_after_days: Some(30),
        adopt: Adopt::UserName,
        lost: LostGrant::Regrant,
        protected: set(&["root"]),
        service_accounts: BTreeMap::new(),
        dormant_days: None,
        limits: Limits::default(),
    }
}

fn entitlement(target: &str, group: &str, privileged: bool) -> Entitlement {
    Entitlement {
        target: TargetId::from(target),
        kind: EntitlementKind::Group,
        group: group.into(),
        privileged,
        authoritative: false,
        holding: Holding::default(),
    }
}

fn departments() -> Standard {
    Standard {
        spellings: [
            ("engineering", "Engineering"),
            ("eng", "Engineering"),
            ("finance", "Finance"),
            ("treasury", "Treasury"),
        ]
        .into_iter()
        .map(|(a, b)| (a.into(), b.into()))
        .collect(),
        closed: true,
    }
}

/// The company's policy.
pub fn policy() -> Policy {
    Policy {
        version: Hash::of(b"policy-1"),
        sources: BTreeMap::new(),
        standards: BTreeMap::from([(Attr::Department, departments())]),
        required: vec![Attr::FamilyName, Attr::Department],
        validations: Vec::new(),
        zones: BTreeMap::from([("Auckland".into(), "Pacific/Auckland".into())]),
        weights: None,
        handover: None,
        correlation: vec![CorrelationRule {
            name: "work-email".into(),
            on: Attr::WorkEmail,
            confirm: vec![Attr::FamilyName],
            ended: MatchAction::Link,
            active: BTreeMap::from([("contractor".into(), MatchAction::Link)]),
            confidence: 90,
        }],
        identifiers: BTreeMap::from([(
            "user_name".into(),
            IdentifierRule {
                ladder: vec![Step::Template(template(Attr::GivenName))],
                suffix: "".into(),
                max_len: 20,
                stated: None,
            },
        )]),
        roles: BTreeMap::from([
            role("base", &[("dir/staff", "base")]),
            role(
                "engineer",
                &[("dir/staff", "base"), ("wiki/editors", "engineer")],
            ),
            role("payables", &[("dir/payables", "payables")]),
            role("approver", &[("dir/approvers", "approver")]),
            role("trial", &[("wiki/trial", "trial")]),
        ]),
        rules: vec![
            rule(
                "r-approve",
                &[(Attr::Department, Test::In(set(&["Treasury"])))],
                &["approver"],
            ),
            rule("r-base", &[], &["base"]),
            rule(
                "r-boss",
                &[(Attr::ManagerStatus, Test::In(set(&["manager"])))],
                &["approver"],
            ),
            rule(
                "r-eng",
                &[(Attr::Department, Test::In(set(&["Engineering"])))],
                &["engineer"],
            ),
            rule(
                "r-pay",
                &[(Attr::Department, Test::In(set(&["Finance"])))],
                &["payables"],
            ),
            Rule {
                for_days: Some(14),
                ..rule("r-trial", &[], &["trial"])
            },
        ],
        entitlements: [
            ("dir/staff", entitlement("dir", "staff", false)),
            ("dir/payables", entitlement("dir", "payables", false)),
            ("dir/approvers", entitlement("dir", "approvers", true)),
            ("wiki/editors", entitlement("wiki", "editors", false)),
            ("wiki/trial", entitlement("wiki", "trial", false)),
        ]
        .into_iter()
        .map(|(id, entitlement)| (EntitlementId::from(id), entitlement))
        .collect(),
        tiers: Vec::new(),
        sod: vec![Sod {
            name: "pay-and-approve".into(),
            apart: Apart::Pair {
                left: BTreeSet::from([EntitlementId::from("dir/payables")]),
                right: BTreeSet::from([EntitlementId::from("dir/approvers")]),
            },
            mode: SodMode::Preventive,
            exceptions: Vec::new(),
        }],
        targets: BTreeMap::from([
            (TargetId::from("dir"), target("dir")),
            (TargetId::from("wiki"), target("wiki")),
        ]),
    }
}

/// A target that does exactly what it is told, for one account.
#[derive(Clone, Debug, Default)]
pub struct Faithful {
    /// The account, if there is one.
    pub account: Option<Account>,
    /// Its memberships.
    pub held: BTreeSet<EntitlementId>,
}

impl Faithful {
    /// Carries out one change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Create { active, attrs } => {
                assert!(self.account.is_none(), "an account is created once");
                self.account = Some(Account {
                    id: AccountId::from("a1"),
                    key: text(attrs, "externalId").map(|key| Pii::new(key.into())),
                    user_name: Pii::new(text(attrs, "userName").unwrap_or("nobody").into()),
                    active: *active,
                    attrs: attrs
                        .iter()
                        .map(|(p, c)| (p.clone(), c.want.clone()))
                        .collect(),
                    created: None,
                    last_sign_in: None,
                    deleted: false,
                    read_only: None,
                });
            }
            Change::Adopt { key } => {
                let account = self.account.as_mut().expect("adoption of what is there");
                account.key = key.want.reveal().text().map(|key| Pii::new(key.into()));
            }
            Change::Update { attrs } => {
                let account = self.account.as_mut().expect("an update of what is there");
                account
                    .attrs
                    .extend(attrs.iter().map(|(p, c)| (p.clone(), c.want.clone())));
            }
            Change::Enable => self.account.as_mut().expect("an account").active = true,
            Change::Disable => self.account.as_mut().expect("an account").active = false,
            Change::Delete => {
                self.account = None;
                self.held.clear();
            }
            Change::RevokeSessions | Change::Restore => {}
            Change::Grant { entitlement } => {
                assert!(self.account.is_some(), "a grant needs an account");
                self.held.insert(entitlement.clone());
            }
            Change::Revoke { entitlement } => {
                self.held.remove(entitlement);
            }
        }
    }
}

fn text<'a>(attrs: &'a BTreeMap<AttrPath, AttrChange>, path: &str) -> Option<&'a str> {
    attrs
        .get(path)
        .and_then(|change| change.want.reveal().text())
}

/// The identity of the tests.
pub fn ana() -> IdentityId {
    IdentityId::from("r1")
}
