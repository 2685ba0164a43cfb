//! Targets that take records: whatever changes, everything is said.

#![allow(clippy::expect_used, reason = "tests stop at what does not hold")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use domain::converge::{Input, converge};
use domain::policy::{EntraJob, TargetKind};
use domain::project::{Mapped, Strength};
use domain::{
    AccountId, AccountRecord, Change, Desired, EntitlementId, IdentityId, Ownership, Pii, Policy,
    Projection, Slot, TargetId,
};

fn policy() -> (Policy, TargetId) {
    let mut policy = support::policy();
    let name = policy.targets.keys().next().expect("a target").clone();
    let target = policy.targets.get_mut(&name).expect("the target");
    target.kind = TargetKind::EntraBulk(EntraJob {
        service_principal: "sp".into(),
        job: "job".into(),
    });
    (policy, name)
}

fn projection(desired: Desired, title: &str) -> Projection {
    let mapped = |text: &str, strength| Mapped {
        value: Pii::new(Slot::from(text)),
        strength,
        refers: false,
    };
    Projection {
        desired,
        attrs: BTreeMap::from([
            ("externalId".into(), mapped("ana", Strength::OnCreate)),
            ("userName".into(), mapped("ana", Strength::Always)),
            ("title".into(), mapped(title, Strength::Always)),
            ("nickName".into(), mapped("now", Strength::OnCreate)),
        ]),
        ..Projection::default()
    }
}

fn recorded(title: &str) -> AccountRecord {
    let slot = |text: &str| Pii::new(Slot::from(text));
    AccountRecord {
        id: Some(AccountId::from("ana")),
        ownership: Some(Ownership::Created),
        active: true,
        attrs: BTreeMap::from([
            ("externalId".into(), slot("ana")),
            ("userName".into(), slot("ana")),
            ("title".into(), slot(title)),
            ("nickName".into(), slot("then")),
        ]),
        ..AccountRecord::default()
    }
}

/// The names of the changes, and what the record says.
fn said(
    projection: &Projection,
    record: &AccountRecord,
    in_doubt: bool,
) -> (Vec<&'static str>, BTreeMap<String, String>) {
    let (policy, target) = policy();
    let identity = IdentityId::from("ana");
    let nothing: BTreeSet<EntitlementId> = BTreeSet::new();
    let convergence = converge(&Input {
        policy: &policy,
        target: &target,
        identity: &identity,
        projection,
        record,
        unsettled: in_doubt.then_some(&nothing),
        seen: None,
    });
    let mut record = BTreeMap::new();
    for change in &convergence.changes {
        if let Change::Update { attrs } | Change::Create { attrs, .. } = change {
            record.extend(attrs.iter().map(|(path, change)| {
                let text = change.want.reveal().text().unwrap_or_default();
                (path.to_string(), text.to_owned())
            }));
        }
    }
    let names = convergence.changes.iter().map(Change::name).collect();
    (names, record)
}

#[test]
fn one_attribute_that_changes_says_the_whole_record() {
    let (changes, record) = said(
        &projection(Desired::Active, "Boss"),
        &recorded("Clerk"),
        false,
    );
    assert_eq!(changes, ["enable", "update"]);
    let record: Vec<(&str, &str)> = record.iter().map(|(p, v)| (&**p, &**v)).collect();
    assert_eq!(
        record,
        [
            ("externalId", "ana"),
            // As it was written on creation.
            ("nickName", "then"),
            ("title", "Boss"),
            ("userName", "ana"),
        ]
    );
}

#[test]
fn nothing_that_changes_says_nothing() {
    let (changes, _) = said(
        &projection(Desired::Active, "Clerk"),
        &recorded("Clerk"),
        false,
    );
    assert_eq!(changes, [""; 0]);
}

#[test]
fn a_block_comes_first_and_leaves_the_rest_as_it_is() {
    let (changes, record) = said(
        &projection(Desired::Disabled, "Clerk"),
        &recorded("Clerk"),
        false,
    );
    assert_eq!(changes, ["disable", "revoke_sessions", "update"]);
    assert_eq!(record.len(), 4);
}

#[test]
fn what_may_have_been_applied_unanswered_is_said_again() {
    let (changes, _) = said(
        &projection(Desired::Active, "Clerk"),
        &recorded("Clerk"),
        true,
    );
    assert_eq!(changes, ["enable", "update"]);
    let (changes, _) = said(
        &projection(Desired::Disabled, "Clerk"),
        &recorded("Clerk"),
        true,
    );
    assert_eq!(changes[0], "disable");
}

#[test]
fn somebody_who_may_have_been_made_unanswered_does_not_stay_inside() {
    let unknown = AccountRecord::default();
    let (changes, record) = said(&projection(Desired::None, "Clerk"), &unknown, true);
    assert_eq!(changes, ["create"]);
    assert_eq!(record["externalId"], "ana");
    let (changes, _) = said(&projection(Desired::None, "Clerk"), &unknown, false);
    assert_eq!(changes, [""; 0]);
}
