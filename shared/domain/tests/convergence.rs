//! Convergence by example: the table of desired, recorded and actual; ownership; strengths.

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
use domain::policy::{Adopt, LostGrant};
use domain::project::{Cause, Mapped, Reason, Strength};
use domain::{
    Account, AccountId, AccountRecord, Change, Desired, EntitlementId, Finding, Ownership, Pii,
    Policy, Projection, Slot, TargetId,
};
use support::{ana, policy};

const EDITORS: &str = "wiki/editors";

fn wanted(desired: Desired, attrs: &[(&str, &str, Strength)], grants: &[&str]) -> Projection {
    Projection {
        desired,
        attrs: attrs
            .iter()
            .map(|(path, text, strength)| {
                let mapped = Mapped {
                    value: Pii::new(Slot::from(*text)),
                    strength: *strength,
                    refers: false,
                };
                ((*path).into(), mapped)
            })
            .collect(),
        grants: grants
            .iter()
            .map(|grant| {
                let cause = Cause::Rule {
                    rule: "r".into(),
                    role: "engineer".into(),
                };
                (
                    EntitlementId::from(*grant),
                    BTreeSet::from([Reason { cause, until: None }]),
                )
            })
            .collect(),
        simulated: false,
        ties: domain::project::Ties::default(),
        policy: policy().version,
    }
}

fn account(key: Option<&str>, user_name: &str, active: bool) -> Account {
    Account {
        id: AccountId::from("a1"),
        key: key.map(|key| Pii::new(key.into())),
        user_name: Pii::new(user_name.into()),
        active,
        attrs: BTreeMap::from([("userName".into(), Pii::new(Slot::from(user_name)))]),
        created: None,
        last_sign_in: None,
        deleted: false,
        read_only: None,
    }
}

fn ours(active: bool, grants: &[&str]) -> AccountRecord {
    AccountRecord {
        id: Some(AccountId::from("a1")),
        ownership: Some(Ownership::Created),
        active,
        grants: grants
            .iter()
            .map(|grant| EntitlementId::from(*grant))
            .collect(),
        ..AccountRecord::default()
    }
}

fn run(
    policy: &Policy,
    projection: &Projection,
    record: &AccountRecord,
    seen: Option<(Option<&Account>, Option<&[&str]>)>,
) -> Convergence {
    let held: Option<BTreeSet<EntitlementId>> = seen.and_then(|(_, held)| held).map(|held| {
        held.iter()
            .map(|grant| EntitlementId::from(*grant))
            .collect()
    });
    converge(&Input {
        policy,
        target: &TargetId::from("wiki"),
        identity: &ana(),
        projection,
        record,
        unsettled: None,
        seen: seen.map(|(account, _)| Seen {
            account,
            held: held.as_ref(),
            lags: false,
        }),
    })
}

fn names(convergence: &Convergence) -> Vec<&'static str> {
    convergence.changes.iter().map(Change::name).collect()
}

/// desired, recorded, actual -> changes, adopted, gone, foreign
#[test]
fn the_table_of_desired_recorded_and_actual() {
    let table = [
        (true, false, false, vec!["grant"], 0, 0, 0),
        (true, true, false, vec!["grant"], 0, 0, 0),
        (true, false, true, vec![], 1, 0, 0),
        (true, true, true, vec![], 0, 0, 0),
        (false, true, true, vec!["revoke"], 0, 0, 0),
        (false, false, true, vec![], 0, 0, 1),
        (false, true, false, vec![], 0, 1, 0),
        (false, false, false, vec![], 0, 0, 0),
    ];
    let seen = account(Some("r1"), "ana", true);
    for (desired, recorded, actual, changes, adopted, gone, foreign) in table {
        let some = |yes: bool| if yes { vec![EDITORS] } else { vec![] };
        let result = run(
            &policy(),
            &wanted(Desired::Active, &[], &some(desired)),
            &ours(true, &some(recorded)),
            Some((Some(&seen), Some(&some(actual)))),
        );
        let row = format!("desired {desired}, recorded {recorded}, actual {actual}");
        assert_eq!(names(&result), changes, "{row}");
        assert_eq!(result.adopted.len(), adopted, "{row}");
        assert_eq!(result.gone.len(), gone, "{row}");
        let reported = result
            .findings
            .iter()
            .filter(|f| matches!(f, Finding::Foreign { .. }));
        assert_eq!(reported.count(), foreign, "{row}");
    }
}

#[test]
fn does_not_remove_a_foreign_membership_unless_the_group_is_authoritative() {
    let mut policy = policy();
    let seen = account(Some("r1"), "ana", true);
    let projection = wanted(Desired::Active, &[], &[]);
    let look = Some((Some(&seen), Some(&[EDITORS][..])));
    assert!(
        run(&policy, &projection, &ours(true, &[]), look)
            .changes
            .is_empty()
    );
    let editors = policy
        .entitlements
        .get_mut(&EntitlementId::from(EDITORS))
        .unwrap();
    editors.authoritative = true;
    assert_eq!(
        names(&run(&policy, &projection, &ours(true, &[]), look)),
        ["revoke"]
    );
}

#[test]
fn does_not_complete_an_sod_pair_that_somebody_began_by_hand() {
    let policy = policy();
    let seen = account(Some("r1"), "ana", true);
    let result = |held: &[&str]| {
        let held: BTreeSet<EntitlementId> = held.iter().map(|e| EntitlementId::from(*e)).collect();
        converge(&Input {
            policy: &policy,
            target: &TargetId::from("dir"),
            identity: &ana(),
            projection: &wanted(Desired::Active, &[], &["dir/payables", "dir/staff"]),
            record: &ours(true, &[]),
            unsettled: None,
            seen: Some(Seen {
                account: Some(&seen),
                held: Some(&held),
                lags: false,
            }),
        })
    };
    let granted = |result: &Convergence| result.changes.len();
    assert_eq!(granted(&result(&[])), 2);
    let conflicted = result(&["dir/approvers"]);
    assert_eq!(granted(&conflicted), 1, "{:?}", conflicted.changes);
    let withheld = EntitlementId::from("dir/payables");
    assert!(conflicted.findings.iter().any(|finding| {
        matches!(finding, Finding::SodConflict { withheld: one, .. } if *one == withheld)
    }));
}

/// Somebody else's membership is not among what may be ours.
#[test]
fn takes_away_what_may_have_been_given_even_where_a_look_does_not_show_it() {
    let (policy, seen) = (policy(), account(Some("r1"), "ana", true));
    let maybe = BTreeSet::from([EntitlementId::from(EDITORS)]);
    for (wants, held, changes) in [
        (&[][..], &[][..], &["revoke"][..]),
        (&[], &[EDITORS], &["revoke"]),
        (&[EDITORS], &[], &["grant"]),
        (&[EDITORS], &[EDITORS], &[]),
    ] {
        let held: BTreeSet<EntitlementId> = held.iter().map(|e| EntitlementId::from(*e)).collect();
        let result = converge(&Input {
            policy: &policy,
            target: &TargetId::from("wiki"),
            identity: &ana(),
            projection: &wanted(Desired::Active, &[], wants),
            record: &ours(true, &[]),
            unsettled: Some(&maybe),
            seen: Some(Seen {
                account: Some(&seen),
                held: Some(&held),
                lags: false,
            }),
        });
        assert_eq!(names(&result), changes, "{wants:?} {held:?}");
        assert!(result.findings.is_empty());
    }
}

#[test]
fn does_not_take_over_a_service_account_for_a_person_of_its_name() {
    let mut policy = policy();
    let wiki = policy.targets.get_mut(&TargetId::from("wiki")).unwrap();
    wiki.adopt = Adopt::UserName;
    wiki.service_accounts = [("svc-backup".into(), Some("IT".into()))].into();
    let seen = account(None, "SVC-backup", true);
    let names_of = |projection: &Projection| {
        let look = Some((Some(&seen), Some(&[][..])));
        names(&run(&policy, projection, &AccountRecord::default(), look))
    };
    let name = [("userName", "svc-backup", Strength::Always)];
    let mut projection = wanted(Desired::Active, &name, &[]);
    assert_eq!(names_of(&projection), [""; 0]);
    // A human decided that it is this person's.
    projection.ties.adopt = Some(AccountId::from("a1"));
    assert_eq!(names_of(&projection), ["adopt"]);
}

/// A look that may show what was before our last change.
fn late(
    projection: &Projection,
    record: &AccountRecord,
    seen: &Account,
    held: &[&str],
) -> Convergence {
    let held = held.iter().map(|e| EntitlementId::from(*e)).collect();
    converge(&Input {
        policy: &policy(),
        target: &TargetId::from("wiki"),
        identity: &ana(),
        projection,
        record,
        unsettled: None,
        seen: Some(Seen {
            account: Some(seen),
            held: Some(&held),
            lags: true,
        }),
    })
}

#[test]
fn a_late_look_leaves_out_of_memberships_only_what_the_record_knows_as_well() {
    let seen = account(Some("r1"), "ana", true);
    for (wants, recorded, held, changes) in [
        (&[][..], &[EDITORS][..], &[][..], &["revoke"][..]),
        (&[], &[EDITORS], &[EDITORS], &["revoke"]),
        (&[], &[], &[EDITORS], &[]),
        (&[EDITORS], &[EDITORS], &[], &["grant"]),
        (&[EDITORS], &[], &[EDITORS], &["grant"]),
        (&[EDITORS], &[EDITORS], &[EDITORS], &[]),
    ] {
        let projection = wanted(Desired::Active, &[], wants);
        let result = late(&projection, &ours(true, recorded), &seen, held);
        let row = format!("wanted {wants:?}, recorded {recorded:?}, held {held:?}");
        assert_eq!(names(&result), changes, "{row}");
        assert!(result.gone.is_empty() && result.adopted.is_empty(), "{row}");
    }
    // Somebody else's account is not known better from our record of another one.
    let other = Account {
        id: AccountId::from("a2"),
        ..seen
    };
    let projection = wanted(Desired::Active, &[], &[]);
    let result = late(&projection, &ours(true, &[EDITORS]), &other, &[]);
    assert_eq!((names(&result), result.gone.len()), (vec![], 1));
}

#[test]
fn a_late_look_leaves_out_a_block_only_if_the_record_is_blocked_as_well() {
    let block = &["disable", "revoke_sessions"][..];
    for (desired, recorded, shows, changes) in [
        (Desired::Disabled, true, false, block),
        (Desired::Disabled, false, true, block),
        (Desired::Disabled, false, false, &[]),
        (Desired::None, true, false, block),
        (Desired::Active, true, false, &["enable"]),
        (Desired::Active, false, true, &["enable"]),
        (Desired::Active, true, true, &[]),
    ] {
        let seen = account(Some("r1"), "ana", shows);
        let result = late(&wanted(desired, &[], &[]), &ours(recorded, &[]), &seen, &[]);
        let row = format!("{desired:?}, recorded {recorded}, shows {shows}");
        assert_eq!(names(&result), changes, "{row}");
    }
}

#[test]
fn a_late_look_leaves_out_an_attribute_only_if_the_record_has_it_as_well() {
    let mut seen = account(Some("r1"), "ana", true);
    let mut record = ours(true, &[]);
    let title = |text: &str| ("title".into(), Pii::new(Slot::from(text)));
    for (strength, recorded, shows, changes) in [
        (Strength::Always, "Lead", "Head", 1),
        (Strength::Always, "Head", "Lead", 1),
        (Strength::Always, "Head", "Head", 0),
        (Strength::FillIfEmpty, "", "Lead", 0),
        (Strength::OnCreate, "Lead", "Head", 0),
    ] {
        seen.attrs.extend([title(shows)]);
        record.attrs.extend([title(recorded)]);
        let projection = wanted(Desired::Active, &[("title", "Head", strength)], &[]);
        let result = late(&projection, &record, &seen, &[]);
        assert_eq!(
            result.changes.len(),
            changes,
            "{strength:?} {recorded} {shows}"
        );
    }
}

#[test]
fn does_not_revoke_what_it_cannot_see_and_did_not_give() {
    let seen = account(Some("r1"), "ana", true);
    let projection = wanted(Desired::Active, &[], &[]);
    let result = run(
        &policy(),
        &projection,
        &ours(true, &[]),
        Some((Some(&seen), None)),
    );
    assert!(result.changes.is_empty());
}

#[test]
fn reports_a_lost_membership_where_policy_says_so() {
    let mut policy = policy();
    policy
        .targets
        .get_mut(&TargetId::from("wiki"))
        .unwrap()
        .lost = LostGrant::Report;
    let seen = account(Some("r1"), "ana", true);
    let projection = wanted(Desired::Active, &[], &[EDITORS]);
    let result = run(
        &policy,
        &projection,
        &ours(true, &[EDITORS]),
        Some((Some(&seen), Some(&[]))),
    );
    assert!(result.changes.is_empty());
    assert_eq!(result.findings.len(), 1);
}

#[test]
fn a_leaver_loses_sign_in_first_then_sessions_then_memberships() {
    let record = ours(true, &["wiki/trial", EDITORS]);
    let result = run(&policy(), &wanted(Desired::None, &[], &[]), &record, None);
    assert_eq!(
        names(&result),
        ["disable", "revoke_sessions", "revoke", "revoke"]
    );
}

#[test]
fn a_returning_person_is_enabled_before_attributes_and_after_removals() {
    let result = run(
        &policy(),
        &wanted(
            Desired::Active,
            &[("title", "Lead", Strength::Always)],
            &[EDITORS],
        ),
        &ours(false, &["wiki/trial"]),
        None,
    );
    assert_eq!(names(&result), ["revoke", "enable", "update", "grant"]);
}

#[test]
fn never_touches_an_account_with_somebody_elses_key() {
    let seen = account(Some("r2"), "ana", true);
    for desired in [
        Desired::Active,
        Desired::Disabled,
        Desired::None,
        Desired::Deleted,
    ] {
        let projection = wanted(
            desired,
            &[("userName", "ana", Strength::Always)],
            &[EDITORS],
        );
        let look = Some((Some(&seen), Some(&[][..])));
        let result = run(&policy(), &projection, &AccountRecord::default(), look);
        assert!(result.changes.is_empty(), "{desired:?}");
        assert!(matches!(
            result.findings.as_slice(),
            [Finding::CannotApply { .. }]
        ));
    }
}

#[test]
fn adopts_by_user_name_only_where_policy_says_so() {
    let mut policy = policy();
    let seen = account(None, "ANA", true);
    let projection = wanted(
        Desired::Active,
        &[("userName", "ana", Strength::Always)],
        &[],
    );
    let look = Some((Some(&seen), None));
    let adopted = run(&policy, &projection, &AccountRecord::default(), look);
    assert_eq!(names(&adopted), ["adopt"]);
    policy
        .targets
        .get_mut(&TargetId::from("wiki"))
        .unwrap()
        .adopt = Adopt::Never;
    let refused = run(&policy, &projection, &AccountRecord::default(), look);
    assert!(refused.changes.is_empty());
}

#[test]
fn leaves_protected_accounts_alone() {
    let seen = account(Some("r1"), "Root", true);
    let projection = wanted(Desired::None, &[], &[]);
    let result = run(
        &policy(),
        &projection,
        &ours(true, &[EDITORS]),
        Some((Some(&seen), None)),
    );
    assert!(result.changes.is_empty());
}

#[test]
fn strengths_decide_what_is_written() {
    let mut seen = account(Some("r1"), "ana", true);
    seen.attrs
        .insert("nickName".into(), Pii::new(Slot::from("Annie")));
    seen.attrs
        .insert("title".into(), Pii::new(Slot::from("Boss")));
    seen.attrs
        .insert("preferredLanguage".into(), Pii::new(Slot::from("pt")));
    let projection = wanted(
        Desired::Active,
        &[
            ("nickName", "Ana", Strength::OnCreate),
            ("title", "Engineer", Strength::Always),
            ("preferredLanguage", "en", Strength::FillIfEmpty),
            ("locale", "en", Strength::FillIfEmpty),
            ("userName", "Ana", Strength::Always),
        ],
        &[],
    );
    let result = run(
        &policy(),
        &projection,
        &ours(true, &[]),
        Some((Some(&seen), None)),
    );
    let [Change::Update { attrs }] = result.changes.as_slice() else {
        panic!("one update, not {:?}", result.changes);
    };
    assert_eq!(
        attrs.keys().map(|path| &**path).collect::<Vec<_>>(),
        ["locale", "title"]
    );
    assert_eq!(
        attrs["title"].was.as_ref().map(Pii::reveal),
        Some(&Slot::from("Boss"))
    );
}

#[test]
fn null_clears_and_absent_does_not() {
    let mut seen = account(Some("r1"), "ana", true);
    seen.attrs
        .insert("title".into(), Pii::new(Slot::from("Boss")));
    let mut projection = wanted(Desired::Active, &[], &[]);
    let look = Some((Some(&seen), None));
    assert!(
        run(&policy(), &projection, &ours(true, &[]), look)
            .changes
            .is_empty()
    );
    let null = Mapped {
        value: Pii::new(Slot::Null),
        strength: Strength::Always,
        refers: false,
    };
    projection.attrs.insert("title".into(), null);
    assert_eq!(
        names(&run(&policy(), &projection, &ours(true, &[]), look)),
        ["update"]
    );
    seen.attrs.remove("title");
    let look = Some((Some(&seen), None));
    assert!(
        run(&policy(), &projection, &ours(true, &[]), look)
            .changes
            .is_empty()
    );
}
