//! What has to change and may not be done at a target leaves the plan with a reason, without
//! harm to the rest of it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use domain::converge::{Convergence, Input, Seen, converge};
use domain::policy::{Policy, Target};
use domain::profile::Operation;
use domain::project::{Cause, Mapped, Reason, Strength};
use domain::{
    Account, AccountId, AccountRecord, Change, Desired, EntitlementId, Finding, Ownership, Pii,
    Projection, Slot, TargetId,
};
use proptest::prelude::*;
use support::{ana, policy};

const PAYABLES: &str = "dir/payables";
const APPROVERS: &str = "dir/approvers";
const STAFF: &str = "dir/staff";

fn ids(names: &[&str]) -> BTreeSet<EntitlementId> {
    names
        .iter()
        .map(|name| EntitlementId::from(*name))
        .collect()
}

/// A policy whose target `dir` is changed.
fn with(change: impl FnOnce(&mut Target)) -> Policy {
    let mut policy = policy();
    change(policy.targets.get_mut(&TargetId::from("dir")).unwrap());
    policy
}

fn without(operations: &[Operation]) -> Policy {
    with(|target| target.profile.unproven = operations.iter().copied().collect())
}

fn wanted(desired: Desired, attrs: &[(&str, &str)], grants: &[&str]) -> Projection {
    let attr = |(path, text): &(&str, &str)| {
        let mapped = Mapped {
            value: Pii::new(Slot::from(*text)),
            strength: Strength::Always,
            refers: false,
        };
        ((*path).into(), mapped)
    };
    let cause = || Cause::Rule {
        rule: "r".into(),
        role: "engineer".into(),
    };
    let reasons = || {
        BTreeSet::from([Reason {
            cause: cause(),
            until: None,
        }])
    };
    Projection {
        desired,
        attrs: attrs.iter().map(attr).collect(),
        grants: ids(grants).into_iter().map(|e| (e, reasons())).collect(),
        simulated: false,
        ties: domain::project::Ties::default(),
        policy: policy().version,
    }
}

fn account(active: bool) -> Account {
    Account {
        id: AccountId::from("a1"),
        key: Some(Pii::new("r1".into())),
        user_name: Pii::new("ana".into()),
        active,
        attrs: BTreeMap::from([("userName".into(), Pii::new(Slot::from("ana")))]),
        created: None,
        last_sign_in: None,
        deleted: false,
        read_only: None,
    }
}

fn ours(grants: &[&str]) -> AccountRecord {
    AccountRecord {
        id: Some(AccountId::from("a1")),
        ownership: Some(Ownership::Created),
        active: true,
        grants: ids(grants),
        ..AccountRecord::default()
    }
}

fn run(
    policy: &Policy,
    projection: &Projection,
    record: &AccountRecord,
    account: Option<&Account>,
    held: &BTreeSet<EntitlementId>,
) -> Convergence {
    converge(&Input {
        policy,
        target: &TargetId::from("dir"),
        identity: &ana(),
        projection,
        record,
        unsettled: None,
        seen: Some(Seen {
            account,
            held: Some(held),
            lags: false,
        }),
    })
}

fn names(convergence: &Convergence) -> Vec<&'static str> {
    convergence.changes.iter().map(Change::name).collect()
}

/// The reason why something was withheld, which is a finding too.
fn reason(convergence: &Convergence) -> &str {
    let why = convergence.withheld.as_deref().expect("a reason");
    let told = convergence
        .findings
        .iter()
        .any(|finding| matches!(finding, Finding::Withheld { why: told, .. } if &**told == why));
    assert!(told, "{:?}", convergence.findings);
    why
}

#[test]
fn withholds_nothing_where_everything_is_proven() {
    let projection = wanted(Desired::None, &[], &[]);
    let result = run(
        &policy(),
        &projection,
        &ours(&[STAFF]),
        Some(&account(true)),
        &ids(&[STAFF]),
    );
    assert_eq!(names(&result), ["disable", "revoke_sessions", "revoke"]);
    assert_eq!(result.withheld, None);
    assert!(result.findings.is_empty());
}

#[test]
fn every_unproven_operation_is_left_out_and_named() {
    let blocked = account(false);
    let active = account(true);
    let rows = [
        (Operation::Disable, Desired::None, Some(&active), &[][..]),
        (Operation::Enable, Desired::Active, Some(&blocked), &[]),
        (Operation::Delete, Desired::Deleted, Some(&active), &[]),
        (Operation::Create, Desired::Active, None, &[]),
        (
            Operation::Update,
            Desired::Active,
            Some(&active),
            &[("title", "Lead")],
        ),
        (
            Operation::Rename,
            Desired::Active,
            Some(&active),
            &[("userName", "bo")],
        ),
    ];
    for (operation, desired, seen, attrs) in rows {
        let name = if operation == Operation::Rename {
            "update"
        } else {
            operation.name()
        };
        let projection = wanted(desired, attrs, &[]);
        let run = |policy: &Policy| run(policy, &projection, &ours(&[]), seen, &ids(&[]));
        assert!(names(&run(&policy())).contains(&name), "{operation:?}");
        let result = run(&without(&[operation]));
        assert!(!names(&result).contains(&name), "{operation:?}");
        let quoted = format!("`{}`", operation.name());
        assert!(reason(&result).contains(&quoted), "{operation:?}");
    }
    let projection = wanted(Desired::Active, &[], &[APPROVERS]);
    let moving = |policy: &Policy| {
        let active = account(true);
        let held = ids(&[STAFF]);
        run(policy, &projection, &ours(&[STAFF]), Some(&active), &held)
    };
    assert_eq!(names(&moving(&policy())), ["revoke", "grant"]);
    assert_eq!(names(&moving(&without(&[Operation::Grant]))), ["revoke"]);
    assert_eq!(names(&moving(&without(&[Operation::Revoke]))), ["grant"]);
}

#[test]
fn an_account_that_is_not_made_is_given_nothing() {
    let projection = wanted(Desired::Active, &[], &[STAFF]);
    let record = AccountRecord::default();
    let result = |policy: &Policy| run(policy, &projection, &record, None, &ids(&[]));
    assert_eq!(names(&result(&policy())), ["create", "grant"]);
    assert_eq!(names(&result(&without(&[Operation::Create]))), [""; 0]);
}

#[test]
fn an_account_is_made_blocked_only_where_blocking_is_proven() {
    let projection = wanted(Desired::Disabled, &[], &[]);
    let record = AccountRecord::default();
    let result = run(
        &without(&[Operation::Disable]),
        &projection,
        &record,
        None,
        &ids(&[]),
    );
    assert_eq!(names(&result), [""; 0]);
    assert!(reason(&result).contains("`disable`"));
}

#[test]
fn a_name_that_may_not_change_does_not_hold_up_the_other_attributes() {
    let projection = wanted(
        Desired::Active,
        &[("userName", "bo"), ("title", "Lead")],
        &[],
    );
    let result = run(
        &without(&[Operation::Rename]),
        &projection,
        &ours(&[]),
        Some(&account(true)),
        &ids(&[]),
    );
    let [Change::Update { attrs }] = result.changes.as_slice() else {
        panic!("one update, not {:?}", result.changes);
    };
    assert_eq!(
        attrs.keys().map(|path| &**path).collect::<Vec<_>>(),
        ["title"]
    );
    assert!(reason(&result).contains("`rename`"));
}

#[test]
fn an_upsert_only_target_takes_nothing_and_still_gives() {
    let policy = with(|target| target.upsert_only = true);
    let leaver = run(
        &policy,
        &wanted(Desired::None, &[], &[]),
        &ours(&[STAFF]),
        Some(&account(true)),
        &ids(&[STAFF]),
    );
    assert_eq!(names(&leaver), [""; 0]);
    assert!(reason(&leaver).contains("upsert-only"));
    let mover = run(
        &policy,
        &wanted(Desired::Active, &[("title", "Lead")], &[APPROVERS]),
        &ours(&[STAFF]),
        Some(&account(true)),
        &ids(&[STAFF]),
    );
    assert_eq!(names(&mover), ["update", "grant"]);
}

#[test]
fn what_stays_held_is_not_joined_by_its_other_side() {
    let moving = |policy: &Policy| {
        run(
            policy,
            &wanted(Desired::Active, &[], &[APPROVERS, STAFF]),
            &ours(&[PAYABLES]),
            Some(&account(true)),
            &ids(&[PAYABLES]),
        )
    };
    assert_eq!(names(&moving(&policy())), ["revoke", "grant", "grant"]);
    for policy in [
        with(|target| target.upsert_only = true),
        without(&[Operation::Revoke]),
    ] {
        let result = moving(&policy);
        assert_eq!(
            result.changes,
            [Change::Grant {
                entitlement: EntitlementId::from(STAFF)
            }]
        );
        let withheld = EntitlementId::from(APPROVERS);
        assert!(result.findings.iter().any(|finding| {
            matches!(finding, Finding::SodConflict { withheld: one, .. } if *one == withheld)
        }));
    }
}

#[test]
fn an_account_mastered_elsewhere_loses_memberships_and_keeps_its_attributes() {
    let mut seen = account(true);
    seen.read_only = Some("it is synchronised from on-premises".into());
    let result = run(
        &policy(),
        &wanted(Desired::None, &[("title", "Lead")], &[]),
        &ours(&[STAFF]),
        Some(&seen),
        &ids(&[STAFF]),
    );
    // Its master may take the block back, which is for whoever looks back to say.
    assert_eq!(names(&result), ["disable", "revoke_sessions", "revoke"]);
    assert_eq!(result.withheld, None);
    let result = run(
        &policy(),
        &wanted(Desired::Disabled, &[("title", "Lead")], &[]),
        &ours(&[STAFF]),
        Some(&seen),
        &ids(&[STAFF]),
    );
    assert_eq!(names(&result), ["disable", "revoke_sessions", "revoke"]);
    assert_eq!(
        reason(&result),
        "`update`: it is synchronised from on-premises"
    );
}

#[test]
fn an_account_that_may_not_be_adopted_is_not_touched_at_all() {
    let mut seen = account(true);
    seen.key = None;
    seen.read_only = Some("it is synchronised from on-premises".into());
    for desired in [Desired::Active, Desired::Disabled, Desired::None] {
        let result = run(
            &policy(),
            &wanted(desired, &[("userName", "ana"), ("title", "Lead")], &[STAFF]),
            &AccountRecord::default(),
            Some(&seen),
            &ids(&[APPROVERS]),
        );
        assert_eq!(names(&result), [""; 0], "{desired:?}");
        assert!(!reason(&result).is_empty());
    }
}

#[test]
fn a_deleted_account_comes_back_before_anything_else() {
    let deleted = |active: bool, key: Option<&str>| Account {
        deleted: true,
        key: key.map(|key| Pii::new(key.into())),
        ..account(active)
    };
    let attrs = [("userName", "ana"), ("title", "Lead")];
    let result = |desired, seen: &Account, record: &AccountRecord| {
        let projection = wanted(desired, &attrs, &[STAFF]);
        run(&policy(), &projection, record, Some(seen), &ids(&[]))
    };
    let blocked = result(Desired::Active, &deleted(false, Some("r1")), &ours(&[]));
    assert_eq!(names(&blocked), ["restore", "enable", "update", "grant"]);
    let stranger = AccountRecord::default();
    let adopted = result(Desired::Active, &deleted(true, None), &stranger);
    assert_eq!(names(&adopted), ["restore", "adopt", "update", "grant"]);
    let early = result(Desired::Disabled, &deleted(true, Some("r1")), &ours(&[]));
    assert_eq!(
        names(&early),
        ["restore", "disable", "revoke_sessions", "update"]
    );
    let unasked = result(Desired::Disabled, &deleted(true, None), &stranger);
    assert_eq!(
        names(&unasked),
        ["restore", "disable", "revoke_sessions", "adopt", "update"]
    );
}

#[test]
fn a_deleted_account_is_neither_blocked_nor_deleted_again() {
    let deleted = Account {
        deleted: true,
        ..account(true)
    };
    for desired in [Desired::None, Desired::Deleted] {
        for record in [ours(&[STAFF]), AccountRecord::default()] {
            for key in ["r1", ""] {
                let seen = Account {
                    key: Some(Pii::new(key.into())),
                    ..deleted.clone()
                };
                let projection = wanted(desired, &[("userName", "ana")], &[]);
                let result = run(&policy(), &projection, &record, Some(&seen), &ids(&[STAFF]));
                assert_eq!(names(&result), [""; 0], "{desired:?}");
            }
        }
    }
}

#[test]
fn a_deleted_account_with_somebody_elses_key_stays_deleted() {
    let deleted = Account {
        deleted: true,
        key: Some(Pii::new("r2".into())),
        ..account(true)
    };
    let result = run(
        &policy(),
        &wanted(Desired::Active, &[("userName", "ana")], &[STAFF]),
        &AccountRecord::default(),
        Some(&deleted),
        &ids(&[]),
    );
    assert_eq!(names(&result), [""; 0]);
}

fn subset() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec![PAYABLES, APPROVERS, STAFF], 0..=3)
}

fn desired() -> impl Strategy<Value = Desired> {
    prop::sample::select(vec![
        Desired::Active,
        Desired::Disabled,
        Desired::None,
        Desired::Deleted,
    ])
}

/// What a target may be like, and an account there.
#[derive(Clone, Debug)]
struct Case {
    unproven: Vec<Operation>,
    upsert_only: bool,
    authoritative: bool,
    account: Option<Account>,
    record: AccountRecord,
    held: BTreeSet<EntitlementId>,
    projection: Projection,
}

fn cases() -> impl Strategy<Value = Case> {
    let target = (
        prop::sample::subsequence(Operation::ALL.to_vec(), 0..=4),
        any::<bool>(),
        any::<bool>(),
    );
    let key = prop::sample::select(vec![None, Some("r1"), Some("r2")]);
    let seen = prop::option::weighted(
        0.9,
        (any::<bool>(), any::<bool>(), any::<bool>(), key, subset()),
    );
    let record = (any::<bool>(), subset());
    let want = (desired(), subset(), any::<bool>());
    (target, seen, record, want).prop_map(|(target, seen, record, want)| {
        let (unproven, upsert_only, authoritative) = target;
        let held = seen.as_ref().map_or_else(Vec::new, |seen| seen.4.clone());
        let account = seen.map(|(active, deleted, read_only, key, _)| Account {
            deleted,
            key: key.map(|key| Pii::new(key.into())),
            read_only: read_only.then(|| "elsewhere".into()),
            ..account(active)
        });
        let (ours_already, recorded) = record;
        let (desired, grants, renamed) = want;
        // The planner never wants both sides of a pair.
        let grants: Vec<&str> = grants
            .iter()
            .copied()
            .filter(|grant| *grant != APPROVERS || !grants.contains(&PAYABLES))
            .collect();
        let name = if renamed { "bo" } else { "ana" };
        Case {
            unproven,
            upsert_only,
            authoritative,
            account,
            record: if ours_already {
                ours(&recorded)
            } else {
                AccountRecord::default()
            },
            held: ids(&held),
            projection: wanted(desired, &[("userName", name), ("title", "Lead")], &grants),
        }
    })
}

impl Case {
    fn policy(&self) -> Policy {
        let mut policy = with(|target| {
            target.profile.unproven = self.unproven.iter().copied().collect();
            target.upsert_only = self.upsert_only;
        });
        for entitlement in policy.entitlements.values_mut() {
            entitlement.authoritative = self.authoritative;
        }
        policy
    }

    fn run(&self, policy: &Policy) -> Convergence {
        run(
            policy,
            &self.projection,
            &self.record,
            self.account.as_ref(),
            &self.held,
        )
    }
}

fn completed(policy: &Policy, held: &BTreeSet<EntitlementId>) -> bool {
    policy
        .sod
        .iter()
        .any(|sod| !sod.broken_by(&policy.entitlements, held).is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_pair_is_completed_by_what_is_left(case in cases()) {
        let policy = case.policy();
        let before = completed(&policy, &case.held);
        let mut held = case.held.clone();
        for change in &case.run(&policy).changes {
            if let Change::Grant { entitlement } = change {
                held.insert(entitlement.clone());
            } else if let Change::Revoke { entitlement } = change {
                held.remove(entitlement);
            }
            prop_assert!(before || !completed(&policy, &held), "after {:?}", change);
        }
    }

    #[test]
    fn nothing_is_left_that_may_not_be_done(case in cases()) {
        let policy = case.policy();
        let read_only = case.account.as_ref().is_some_and(|account| account.read_only.is_some());
        let known = case.record.ownership.is_some()
            || case.account.as_ref().is_some_and(|a| a.key.as_ref().is_some_and(|key| &**key.reveal() == "r1"));
        let changes = case.run(&policy).changes;
        let has = |name: &str| changes.iter().any(|change| change.name() == name);
        for change in &changes {
            prop_assert!(!(case.upsert_only && change.is_destructive()));
            for operation in &case.unproven {
                prop_assert!(change.name() != operation.name(), "{:?}", change);
                let renames = matches!(change, Change::Update { attrs } if attrs.contains_key("userName"));
                prop_assert!(*operation != Operation::Rename || !renames);
            }
            let beside = matches!(
                change,
                Change::Grant { .. }
                    | Change::Revoke { .. }
                    | Change::RevokeSessions
                    | Change::Disable
            );
            prop_assert!(!read_only || beside, "{:?}", change);
            // An account that is not ours is adopted, or left alone.
            prop_assert!(known || has("adopt") || has("create"), "{:?}", changes);
            prop_assert!(case.account.is_some() || has("create"), "{:?}", changes);
            let deleted = case.account.as_ref().is_some_and(|account| account.deleted);
            prop_assert!(!deleted || has("restore"), "{:?}", changes);
        }
    }

    #[test]
    fn what_is_left_keeps_its_order_and_what_is_not_has_a_reason(case in cases()) {
        let restricted = case.run(&case.policy());
        let free = Case {
            unproven: Vec::new(),
            upsert_only: false,
            account: case.account.clone().map(|account| Account { read_only: None, ..account }),
            ..case
        };
        let mut everything = free
            .run(&free.policy())
            .changes
            .into_iter()
            .map(|change| change.name());
        let mut fewer = false;
        for name in names(&restricted) {
            let mut skipped = everything.by_ref().take_while(|other| *other != name);
            fewer |= skipped.next().is_some();
            while skipped.next().is_some() {}
        }
        fewer |= everything.next().is_some();
        prop_assert!(!fewer || restricted.withheld.is_some());
        prop_assert_eq!(
            restricted.withheld.is_some(),
            restricted.findings.iter().any(|finding| matches!(finding, Finding::Withheld { .. }))
        );
    }
}
