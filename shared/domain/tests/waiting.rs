//! What has to be gone on one target before something is given on another.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use domain::converge::{Convergence, Elsewhere, is_waiting, postpone};
use domain::policy::{Apart, Policy, Sod, SodMode, Tier};
use domain::{
    AccountRecord, Change, EntitlementId, Generation, IdentityRecord, Projection, TargetId,
};
use support::policy;

const PAYABLES: &str = "dir/payables";
const APPROVERS: &str = "dir/approvers";
const EDITORS: &str = "wiki/editors";
const TRIAL: &str = "wiki/trial";

fn ids(names: &[&str]) -> BTreeSet<EntitlementId> {
    names.iter().copied().map(EntitlementId::from).collect()
}

fn record(wanted: &[&str], decided: u64, unsettled: &[&str]) -> IdentityRecord {
    let json = serde_json::json!({
        "generation": decided, "records": [], "state": "active",
        "facts": domain::Hash::of(b""), "policy": domain::Hash::of(b""),
        "plan": domain::Hash::of(b""),
    });
    let grants = ids(wanted).into_iter().map(|one| (one, BTreeSet::new()));
    let projection = Projection {
        grants: grants.collect(),
        ..Projection::default()
    };
    let wiki = TargetId::from("wiki");
    IdentityRecord {
        projections: BTreeMap::from([(wiki.clone(), projection)]),
        changed: BTreeMap::from([(wiki.clone(), Generation(decided))]),
        unsettled: BTreeMap::from([(wiki, ids(unsettled))]),
        ..serde_json::from_value(json).unwrap()
    }
}

fn account(grants: &[&str], applied: u64) -> AccountRecord {
    AccountRecord {
        grants: ids(grants),
        applied: Generation(applied),
        ..AccountRecord::default()
    }
}

/// What leaves `wiki`, as the connector of `dir` sees it.
fn leaving(record: &IdentityRecord, account: AccountRecord) -> BTreeSet<EntitlementId> {
    let accounts = BTreeMap::from([("wiki".into(), account)]);
    assert!(
        Elsewhere::of(record, &accounts, &"wiki".into())
            .leaving
            .is_empty(),
        "its own target is not elsewhere"
    );
    Elsewhere::of(record, &accounts, &"dir".into()).leaving
}

#[test]
fn what_may_be_held_counts_until_its_own_connector_says_otherwise() {
    // Held and wanted; held and not wanted.
    assert_eq!(
        leaving(&record(&[EDITORS], 1, &[]), account(&[EDITORS], 1)),
        ids(&[])
    );
    assert_eq!(
        leaving(&record(&[], 2, &[]), account(&[EDITORS], 1)),
        ids(&[EDITORS])
    );
    // Kept by a limit or a refusal: acknowledged, and held.
    assert_eq!(
        leaving(&record(&[], 2, &[]), account(&[EDITORS], 2)),
        ids(&[EDITORS])
    );
    // Wanted by a decision that was never answered: maybe held until the next one is.
    assert_eq!(
        leaving(&record(&[], 3, &[TRIAL]), account(&[], 2)),
        ids(&[TRIAL])
    );
    assert_eq!(
        leaving(&record(&[], 3, &[TRIAL]), account(&[], 3)),
        ids(&[])
    );
    let parked = AccountRecord {
        parked: Some("501".into()),
        ..account(&[], 3)
    };
    assert_eq!(leaving(&record(&[], 3, &[TRIAL]), parked), ids(&[TRIAL]));
    // About to be given, by a worker that has not heard of the last decision.
    let waiting = AccountRecord {
        waiting: BTreeMap::from([(TRIAL.into(), ids(&[PAYABLES]))]),
        ..account(&[], 2)
    };
    assert_eq!(
        leaving(&record(&[], 3, &[]), waiting.clone()),
        ids(&[TRIAL])
    );
    assert_eq!(
        leaving(&record(&[TRIAL], 3, &[]), waiting.clone()),
        ids(&[])
    );
    let mut simulated = record(&[], 3, &[]);
    for projection in simulated.projections.values_mut() {
        projection.simulated = true;
    }
    assert_eq!(
        leaving(&simulated, waiting),
        ids(&[]),
        "nobody writes there"
    );
}

#[test]
fn asking_again_is_in_vain_while_the_other_side_is_held() {
    let dir = || AccountRecord {
        waiting: BTreeMap::from([(PAYABLES.into(), ids(&[EDITORS]))]),
        ..account(&[], 1)
    };
    let both = |wiki: AccountRecord| BTreeMap::from([("dir".into(), dir()), ("wiki".into(), wiki)]);
    let dir = TargetId::from("dir");
    let record = record(&[], 2, &[]);
    assert!(is_waiting(&record, &both(account(&[EDITORS], 2)), &dir));
    assert!(!is_waiting(&record, &both(account(&[], 2)), &dir));
    assert!(!is_waiting(&record, &BTreeMap::new(), &dir));
}

fn apart(left: &[&str], right: &[&str]) -> Sod {
    Sod {
        name: "pair".into(),
        apart: Apart::Pair {
            left: ids(left),
            right: ids(right),
        },
        mode: SodMode::Preventive,
        exceptions: Vec::new(),
    }
}

fn grant(name: &str) -> Change {
    Change::Grant {
        entitlement: name.into(),
    }
}

fn revoke(name: &str) -> Change {
    Change::Revoke {
        entitlement: name.into(),
    }
}

/// What is left of changes, and what waits for what.
fn left(
    policy: &Policy,
    held: &[&str],
    wanted: &[&str],
    changes: Vec<Change>,
) -> (
    Vec<Change>,
    BTreeMap<EntitlementId, BTreeSet<EntitlementId>>,
) {
    let mut convergence = Convergence {
        changes,
        ..Convergence::default()
    };
    let wanted = ids(wanted);
    let wanted: BTreeSet<&EntitlementId> = wanted.iter().collect();
    postpone(policy, &ids(held), &wanted, &mut convergence);
    (convergence.changes, convergence.waiting)
}

#[test]
fn only_what_would_break_a_pair_or_set_waits() {
    let mut policy = policy();
    policy.sod = vec![apart(&[PAYABLES], &[EDITORS])];
    let changes = || vec![grant(PAYABLES), grant(APPROVERS), Change::Enable];
    let (rest, waiting) = left(
        &policy,
        &[EDITORS, TRIAL],
        &[PAYABLES, APPROVERS],
        changes(),
    );
    assert_eq!(rest, [grant(APPROVERS), Change::Enable]);
    assert_eq!(
        waiting,
        BTreeMap::from([(PAYABLES.into(), ids(&[EDITORS]))])
    );
    let (rest, waiting) = left(&policy, &[TRIAL], &[PAYABLES, APPROVERS], changes());
    assert_eq!((rest, waiting.len()), (changes(), 0));

    // Two of three are allowed. What other targets want counts too.
    policy.sod[0].apart = Apart::Set {
        of: vec![PAYABLES.into(), EDITORS.into(), TRIAL.into()],
        at_most: 2,
    };
    let (rest, _) = left(&policy, &[EDITORS], &[PAYABLES], vec![grant(PAYABLES)]);
    assert_eq!(rest, [grant(PAYABLES)]);
    let (rest, _) = left(
        &policy,
        &[EDITORS],
        &[PAYABLES, TRIAL],
        vec![grant(PAYABLES)],
    );
    assert_eq!(rest, []);

    policy.sod[0].mode = SodMode::Detective;
    let (rest, _) = left(
        &policy,
        &[EDITORS],
        &[PAYABLES, TRIAL],
        vec![grant(PAYABLES)],
    );
    assert_eq!(rest, [grant(PAYABLES)], "a detective set only reports");
}

#[test]
fn what_a_waiting_grant_keeps_up_stays_unless_duties_want_it_gone() {
    let mut policy = policy();
    policy.sod = vec![apart(&[PAYABLES], &[EDITORS])];
    policy.tiers = vec![Tier {
        name: "books".into(),
        entitlements: vec![APPROVERS.into(), PAYABLES.into()],
    }];
    let changes = || vec![grant(PAYABLES), revoke(APPROVERS)];
    let (rest, _) = left(&policy, &[EDITORS], &[PAYABLES], changes());
    assert_eq!(rest, [], "no gap between the tiers");
    // Another target waits until the old tier is gone: it goes, or both would wait for ever.
    policy.sod.push(apart(&[APPROVERS], &[TRIAL]));
    let (rest, _) = left(&policy, &[EDITORS], &[PAYABLES, TRIAL], changes());
    assert_eq!(rest, [revoke(APPROVERS)]);
    // A tier whose removal is held keeps the other from coming.
    let (rest, waiting) = left(&policy, &[APPROVERS], &[PAYABLES], vec![grant(PAYABLES)]);
    assert_eq!(rest, []);
    assert_eq!(
        waiting,
        BTreeMap::from([(PAYABLES.into(), ids(&[APPROVERS]))])
    );
}
